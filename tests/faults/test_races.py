"""The same thing at the same time from many sides: it happens once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from connector.store import clock, inbox, parked
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, Relay

Counted = Callable[[str, object], None]


@pytest.mark.fault("T6")
def test_twenty_events_from_fifty_clients_are_taken_twenty_times(relay: Relay, record_property: Counted) -> None:
    _race(relay, 20, record_property)


@pytest.mark.soak
@pytest.mark.fault("T6")
def test_two_hundred_events_from_fifty_clients_are_taken_two_hundred_times(
    relay: Relay, record_property: Counted
) -> None:
    _race(relay, 200, record_property)


def _race(relay: Relay, events: int, record_property: Counted, *, clients: int = 50) -> None:
    bodies = [
        orjson.dumps(
            [
                {
                    "eventId": number,
                    "subscriptionType": "contact.creation",
                    "portalId": relay.sandbox.portal_id,
                    "objectId": 1_000_000 + number,
                    "occurredAt": 1_767_225_600_000 + number,
                    "attemptNumber": 0,
                }
            ]
        )
        for number in range(events)
    ]
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(lambda _: [relay.deliver(body) for body in bodies], range(clients)))
    workers = [relay.runtime, *(relay._runtime() for _ in range(3))]
    for one in workers[1:]:
        relay.open.callback(one.close)

    def work(number: int) -> None:
        while workers[number].ingest():
            pass

    with ThreadPoolExecutor(len(workers)) as threads:
        list(threads.map(work, range(len(workers))))
    assert relay.rows("SELECT state, count(*) AS n FROM inbox GROUP BY state") == [
        {"state": "done", "n": clients * events}
    ]
    counted = {row["label"]: row["count"] for row in relay.rows("SELECT label, count FROM tally WHERE name = 'events'")}
    assert counted == {"taken": events, "duplicate": (clients - 1) * events}
    marked = relay.rows("SELECT vendor_id FROM link WHERE read_wanted_at IS NOT NULL ORDER BY vendor_id")
    assert [row["vendor_id"] for row in marked] == sorted(str(1_000_000 + number) for number in range(events))
    record_property("counted", {"deliveries": clients * events, "events": events})


@pytest.mark.fault("F52")
def test_replaying_twice_at_once_has_one_effect(make_relay: MakeRelay) -> None:
    """A parked property, and deliveries that are read again: two people click, two workers work."""
    relay = make_relay()
    relay.listen()
    relay.sandbox.fault("status", kind="contacts.batch_update", status=400, times=None)
    contact = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()
    relay.hear_and_settle()
    assert [one.kind for one in relay.parked()] == ["link"]
    relay.sandbox.clear_faults()
    relay.rows("UPDATE inbox SET state = 'parked' RETURNING id")
    mark = relay.mark()
    at_once = threading.Barrier(2)

    def click(_: int) -> None:
        at_once.wait()
        inbox.retry(relay.database, None)
        with relay.database.transaction(relay.installation_id) as conn:
            now = clock.BusinessClock.now(conn)
            for one in parked.listed(conn, limit=10):
                parked.retry(conn, parked.parse_item(one.item), now=now)

    with ThreadPoolExecutor(2) as people:
        list(people.map(click, range(2)))
    other = relay._runtime()
    relay.open.callback(other.close)
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda one: one.ingest(), [relay.runtime, other]))
    relay.hear_and_settle()
    assert relay.parked() == []
    assert [row["id"] for row in relay.our_writes(since=mark)] == [contact]
    assert relay.made_by(contact) == [CALL, MAIL]

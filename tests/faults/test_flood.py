"""A hundred thousand events at once: taken in slice by slice, so that memory does not grow with them."""

from __future__ import annotations

import resource
from collections.abc import Callable
from multiprocessing.connection import Connection

import orjson
import pytest

from tests.e2e.relay import Relay
from tests.faults.children import Order, context, ingest_all
from tests.faults.test_worker_killed import order_of

MOST_GROWTH_BYTES = 100 * 1024 * 1024


@pytest.mark.soak
@pytest.mark.fault("F50")
def test_a_hundred_thousand_events_are_taken_in_bounded_memory(
    relay: Relay, record_property: Callable[[str, object], None]
) -> None:
    _flood(relay, record_property, 100_000)


def _flood(relay: Relay, record_property: Callable[[str, object], None], events: int) -> None:
    for start in range(0, events, 100):
        relay.deliver(orjson.dumps([_event(relay, start + n) for n in range(100)]))
    few, all_of_them = _peak(order_of(relay, ""), 20), _peak(order_of(relay, ""), None)
    assert relay.rows("SELECT count(*) AS n FROM inbox WHERE state = 'new'")[0]["n"] == 0
    assert relay.rows("SELECT count(*) AS n FROM link WHERE read_wanted_at IS NOT NULL")[0]["n"] == events
    assert all_of_them - few < MOST_GROWTH_BYTES
    record_property("counted", {"events": events, "MB more than 2,000 events take": (all_of_them - few) // 2**20})


def _event(relay: Relay, number: int) -> dict[str, object]:
    return {
        "eventId": number,
        "subscriptionType": "contact.creation",
        "portalId": relay.sandbox.portal_id,
        "objectId": 1_000_000 + number,
        "occurredAt": 1_767_225_600_000,
        "changeSource": "IMPORT",
    }


def _peak(order: Order, deliveries: int | None) -> int:
    """The most memory that a worker's process held while it took in so many deliveries, or all."""
    ours, theirs = context.Pipe()
    child = context.Process(target=tell_peak, args=(order, deliveries, theirs))
    child.start()
    peak = ours.recv()
    child.join()
    assert child.exitcode == 0
    return int(peak)


def tell_peak(order: Order, deliveries: int | None, told: Connection) -> None:
    ingest_all(order, deliveries)
    told.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

"""What cannot be read, within what can: the bytes are kept, it is set aside, and nothing waits for it."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random
from string import ascii_lowercase
from typing import Any

import orjson
import pytest
import urllib3

from connector.store import inbox
from connector.store.inbox import InboxRow, InboxState
from connector.sync.ingest import Accounts, ingest
from connector.vendors.base import InboundEvent
from connector.vendors.hubspot.inbound import SignatureVersion, sign
from tests.e2e.receiver import SECRET, receiver
from tests.e2e.relay import Relay

PATH = "/webhooks/hubspot"
FIRST = 5_000_000
BEYOND_AN_INDEX = "".join(Random(1).choices(ascii_lowercase, k=30_000))


def _events(relay: Relay, count: int) -> list[dict[str, Any]]:
    return [
        {
            "eventId": number,
            "subscriptionType": "contact.propertyChange",
            "portalId": relay.sandbox.portal_id,
            "objectId": FIRST + number,
            "occurredAt": 1_767_225_600_000,
            "propertyName": "jobtitle",
            "propertyValue": "部長",
            "changeSource": "CRM_UI",
        }
        for number in range(count)
    ]


def _post(relay: Relay, body: bytes) -> int:
    with receiver(relay.database) as url:
        headers = sign(SignatureVersion.V3, SECRET, "POST", url + PATH, body, timestamp_ms=round(time.time() * 1000))
        return urllib3.request("POST", url + PATH, body=body, headers=headers).status


@pytest.mark.fault("F3", "F12")
def test_of_a_hundred_events_one_is_set_aside_and_the_others_are_facts(relay: Relay) -> None:
    for number, bad in enumerate((b'"objectId":"abc"', b'"propertyValue":"a\\u0000b"', b'"propertyValue":"\\ud83d"')):
        events = _events(relay, 100)
        wrong = orjson.dumps(events[37])
        name = bad.partition(b":")[0]
        plain = next(part for part in wrong.strip(b"{}").split(b",") if part.startswith(name))
        body = orjson.dumps(events).replace(wrong, wrong.replace(plain, bad))
        body = body.replace(b"1767225600000", b"%d" % (1_767_225_600_000 + number))
        assert _post(relay, body) == 200
        relay.runtime.ingest()
        (row,) = inbox.listing(relay.database, states=[InboxState.UNKNOWN], after=number, limit=1)
        assert inbox.body_of(relay.database, row.id) == body, "kept byte for byte"
        counted = {row["label"]: row["count"] for row in relay.rows("SELECT * FROM tally WHERE name = 'unknown_event'")}
        assert counted == {"contact.propertyChange": number + 1}
    marked = {row["vendor_id"] for row in relay.rows("SELECT vendor_id FROM link WHERE read_wanted_at IS NOT NULL")}
    assert marked == {str(FIRST + number) for number in range(100) if number != 37}
    assert relay.runtime.ingest() == 0, "nothing is read again and again"


@pytest.mark.fault("F12")
def test_what_the_database_cannot_hold_is_set_aside_at_once_and_alone(relay: Relay) -> None:
    """Whatever a reader of bodies lets pass: the deliveries beside it do not wait for a lease."""

    def parse(row: InboxRow) -> list[InboundEvent]:
        [event] = relay.runtime._parse(row)
        bad = event.object_id == str(FIRST + 1)
        return [replace(event, object_id=BEYOND_AN_INDEX, key=b"1" * 16)] if bad else [event]

    for event in _events(relay, 3):
        relay.deliver(orjson.dumps([event]))
    taken = ingest(relay.database, relay.runtime.tenants(), parse, Accounts(websites={}), limit=10, lease_seconds=60.0)
    assert taken == 3
    rows = relay.rows("SELECT state, reason, attempts FROM inbox ORDER BY id")
    assert [(row["state"], row["reason"], row["attempts"]) for row in rows] == [
        ("done", None, 1),
        ("parked", "not_storable", 1),
        ("done", None, 1),
    ]
    marked = {row["vendor_id"] for row in relay.rows("SELECT vendor_id FROM link WHERE read_wanted_at IS NOT NULL")}
    assert marked == {str(FIRST), str(FIRST + 2)}


@pytest.mark.fault("F12")
def test_a_record_that_holds_what_no_database_keeps_is_read_and_worked_on(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    relay.sandbox.edit("contacts", contact, {"jobtitle": "営業\u0000部長", "tasuki_temperature": "hot"})
    relay.sandbox.create("contacts", {"email": f"{BEYOND_AN_INDEX}@example.co.jp"})  # read with the other one
    relay.hear_and_settle()
    assert "現場の温度感が高い" in relay.contact(contact)["tasuki_score_reasons"]
    assert {one.kind for one in relay.parked()} <= {"delivery"}, (
        "the event is set aside for a person, the record is not"
    )

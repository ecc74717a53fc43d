"""G1: from MQL to the first contact, in time or not as far as anybody can know. YAML in → the CRM's tasks out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.domain.codec_work import decode_clock
from connector.domain.runs import ClockRun
from connector.vendors.hubspot.activities import NO_ANSWER
from tests.e2e.relay import MQL, Relay

UNANSWERED = "未対応"
CLOCK = "first_response"
"""Two business days in b2b-ja; what comes of an untouched lead is told in test_e4_escalation.py."""


def run(relay: Relay, contact_id: str, clock: str = CLOCK) -> ClockRun:
    return decode_clock(relay.lead(contact_id)["state"]["clocks"][clock])


def call(relay: Relay, contact_id: str) -> None:
    """A rep calls and nobody answers: it is an attempt."""
    at = datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)
    values = {"hs_timestamp": at.isoformat(), "hs_call_disposition": NO_ANSWER, "hs_call_status": "COMPLETED"}
    relay.sandbox.create("calls", values, associations=[("contacts", contact_id)])


def alarms(relay: Relay, contact_id: str) -> list[dict[str, Any]]:
    """The managers' tasks about this lead."""
    return [task for task in relay.tasks(contact_id) if UNANSWERED in task["hs_task_subject"]]


def test_a_call_in_time_stops_the_clock_and_nobody_is_alarmed(relay: Relay) -> None:
    relay.listen()
    contact_id = relay.new_mql()
    call(relay, contact_id)
    relay.hear_and_settle()
    relay.pass_time(days=7)
    relay.hear_and_settle()
    assert (run(relay, contact_id).breached_at, alarms(relay, contact_id)) == (None, [])
    assert run(relay, contact_id).stopped_at is not None


def test_before_a_promise_is_called_broken_the_crm_is_read(relay: Relay) -> None:
    """The webhooks of the call are lost; the deadline passes; the read finds the call: no breach, no alarm."""
    relay.listen()
    contact_id = relay.new_mql()
    relay.sandbox.webhooks(drop_rate=1.0)
    call(relay, contact_id)
    relay.hear_and_settle()
    assert run(relay, contact_id).stopped_at is None, "nobody has told us"
    relay.pass_time(days=7)
    relay.settle()
    assert run(relay, contact_id).stopped_at is not None
    assert (run(relay, contact_id).breached_at, alarms(relay, contact_id)) == (None, [])
    assert relay.contact(contact_id)["lifecyclestage"] == MQL


def test_while_the_crm_cannot_be_read_nothing_is_made_of_silence(relay: Relay) -> None:
    relay.listen()
    contact_id = relay.new_mql()
    relay.sandbox.webhooks(drop_rate=1.0)
    call(relay, contact_id)
    relay.hear_and_settle()
    relay.sandbox.fault("status", kind="contacts.batch_read", status=503, times=12)
    relay.pass_time(days=7)
    for _ in range(4):
        relay.decide()
        assert run(relay, contact_id).breached_at is None
    relay.sandbox.clear_faults()
    relay.expire_waits()
    relay.settle()
    assert (run(relay, contact_id).breached_at, alarms(relay, contact_id)) == (None, [])

"""G1: from MQL to the first contact, in time or not as far as anybody can know. YAML in → the CRM's tasks out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.codec_work import decode_clock
from connector.domain.runs import ClockRun
from connector.vendors.hubspot.activities import NO_ANSWER
from tests.e2e.command_line import CommandLine
from tests.e2e.relay import INQUIRY, MQL, Relay

UNANSWERED = "未対応"
CLOCK = "first_response"
"""Two business days in b2b-ja; what comes of an untouched lead is told in test_e4_escalation.py."""


GOAL = "first_response_goal"
"""Five working minutes."""


def now(relay: Relay) -> datetime:
    return datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)


def run(relay: Relay, contact_id: str, clock: str = CLOCK) -> ClockRun:
    return decode_clock(relay.lead(contact_id)["state"]["clocks"][clock])


def call(relay: Relay, contact_id: str) -> None:
    """A rep calls and nobody answers: it is an attempt."""
    values = {"hs_timestamp": now(relay).isoformat(), "hs_call_disposition": NO_ANSWER, "hs_call_status": "COMPLETED"}
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


def test_what_the_crm_showed_late_is_told_apart_from_what_the_rep_took(relay: Relay) -> None:
    """The CRM takes no writes for eight working minutes; the rep, who then sees it, calls within three."""
    calendar = relay.policy.calendar
    assert calendar is not None
    opening = calendar.next_open(calendar.closing_after(now(relay), 0))
    relay.pass_time(seconds=(opening - now(relay)).total_seconds(), rate=0)
    relay.listen()
    for kind in ("contacts.batch_update", "tasks.batch_create"):
        relay.sandbox.fault("status", kind=kind, status=503, times=1_000)
    submitted = relay.sandbox.submit(INQUIRY, {"email": "yamada@example.co.jp", "lastname": "山田"})
    relay.poll()
    relay.hear()
    for _ in range(4):
        relay.round()
    contact_id = str(submitted["contact_id"])
    assert run(relay, contact_id, GOAL).running
    relay.pass_time(minutes=8, rate=0)
    relay.sandbox.clear_faults()
    relay.expire_waits()
    relay.hear_and_settle()
    relay.pass_time(minutes=3, rate=0)
    call(relay, contact_id)
    relay.hear_and_settle()
    found = CommandLine.of(relay).json("explain", f"contact:{contact_id}")["clocks"]
    goal = next(one for one in found if one["clock"] == GOAL)
    assert (goal["standing"], goal["by_system"]) == ("late", True)
    assert (round(goal["system_seconds"] / 60), round(goal["human_seconds"] / 60)) == (8, 3)
    (counted,) = CommandLine.of(relay).json("sla", GOAL)["figures"]
    assert (counted["breached"], counted["by_system"], counted["median_minutes"]) == (1, 1, 11)
    assert counted["system_share"] == pytest.approx(8 / 11, abs=0.01)
    printed = CommandLine.of(relay).run("sla", "--language", "ja").output
    assert "MQL発生から初回コンタクト(目標)" in printed
    assert "うちシステム起因" in printed

"""G2: a clock for every promise: marketing→IS, IS→FS, FS→IS. Warned before, marked at the breach, paused on a waiting
state, ended without a verdict when the lead goes aside. YAML in → tasks in the CRM, and the figures, out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import edit, its_deals, new_sql, say
from tests.e2e.relay import Relay
from tests.e2e.test_g1_first_response import call, now

ANSWERS, MEETING, RESULT, DECISION = "fs_answers", "fs_meeting", "fs_result", "is_decision"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def later(relay: Relay, **span: float) -> None:
    relay.pass_time(rate=0, **span)
    relay.hear_and_settle()


def clocks(relay: Relay, contact: str) -> dict[str, dict[str, Any]]:
    """What `tasuki explain` tells of the lead's promises."""
    found = CommandLine.of(relay).json("explain", f"contact:{contact}")["clocks"]
    return {one["clock"]: one for one in found}


def told(relay: Relay, clock: str) -> list[str]:
    rows = relay.rows("SELECT receiver FROM notice WHERE key LIKE %s ORDER BY key, receiver", [f"%clock:{clock}#%"])
    return [row["receiver"] for row in rows]


def test_field_sales_is_warned_then_late_and_its_results_are_asked_for(relay: Relay) -> None:
    contact = new_sql(relay)
    (deal,) = its_deals(relay, contact)
    seller = deal["properties"]["hubspot_owner_id"]
    found = clocks(relay, contact)
    assert found[DECISION]["standing"] == "met", "inside sales decided"
    assert {name: found[name]["standing"] for name in (ANSWERS, MEETING)} == {ANSWERS: "running", MEETING: "running"}
    assert {found[name]["person"] for name in (ANSWERS, MEETING)} == {seller}, "the deal's owner has to keep them"
    later(relay, hours=36)
    assert (told(relay, ANSWERS), clocks(relay, contact)[ANSWERS]["standing"]) == ([f"person:{seller}"], "warned")
    later(relay, hours=13)
    found = clocks(relay, contact)
    assert {found[name]["standing"] for name in (ANSWERS, MEETING)} == {"breached"}
    assert told(relay, ANSWERS) == [f"person:{seller}", "channel:sales_alerts", f"person:{seller}"]

    at = now(relay) + timedelta(hours=2)
    say(relay, deal["id"], tasuki_fs_decision="accepted", tasuki_meeting_at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    assert clocks(relay, contact)[ANSWERS]["standing"] == "late"
    later(relay, hours=2, minutes=1)
    say(relay, deal["id"], tasuki_held_at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    assert clocks(relay, contact)[MEETING]["standing"] == "late"
    assert clocks(relay, contact)[RESULT]["standing"] == "running"
    later(relay, hours=25)
    (task,) = relay.tasks_of(contact, RESULT)
    assert (task["hubspot_owner_id"], task["hs_task_status"]) == (seller, "NOT_STARTED")
    assert "商談結果を記録" in task["hs_task_subject"]
    say(relay, deal["id"], tasuki_result="proceed")
    assert [one["hs_task_status"] for one in relay.tasks_of(contact, RESULT)] == ["COMPLETED"]
    figures = CommandLine.of(relay).json("sla", "--by", "owner")["figures"]
    kept = {one["clock"]: (one["key"], one["met"], one["breached"]) for one in figures}
    assert {kept[name] for name in (ANSWERS, MEETING, RESULT)} == {(seller, 0, 1)}
    assert kept[DECISION][1:] == (1, 0)


def test_waiting_for_the_customer_stops_the_clock_and_going_aside_ends_it(relay: Relay) -> None:
    contact, other = relay.new_mql(), relay.new_mql("suzuki@example.jp")
    edit(relay, contact, tasuki_rep_state="waiting_for_customer")
    edit(relay, other, tasuki_recycle_reason="timing")
    assert relay.lead(other)["stage"] == "recycled"
    assert {one["standing"] for one in clocks(relay, other).values()} <= {"ended", "met"}
    assert clocks(relay, contact)["first_response"]["paused"]
    later(relay, days=10)
    waiting = clocks(relay, contact)["first_response"]
    assert (waiting["standing"], waiting["due_at"]) == ("running", None), "ten days do not count"
    edit(relay, contact, tasuki_rep_state="working")
    goes_on = clocks(relay, contact)["first_response"]
    assert datetime.fromisoformat(goes_on["due_at"]) > now(relay) + timedelta(days=1)
    call(relay, contact)
    relay.hear_and_settle()
    assert clocks(relay, contact)["first_response"]["standing"] == "met"
    later(relay, days=20)
    assert relay.tasks_of(contact, "first_response") == relay.tasks_of(other, "first_response") == []
    aside = clocks(relay, other)
    assert {one["breached_at"] for one in aside.values()} == {None}
    assert aside["first_response"]["standing"] == "ended"

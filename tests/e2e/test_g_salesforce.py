"""G1 and G2 on Salesforce alone: promises in business time, warned before, marked at the breach, paused on a waiting
state; what people did that nobody told of is read before a promise is called broken."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.e2e.command_line import CommandLine
from tests.e2e.org_people import calls, edit, field_sales_gets, its_deals, new_sal, now, open_tasks
from tests.e2e.salesforce_relay import SalesforceRelay

FIRST, GOAL = "first_response", "first_response_goal"
ANSWERS, MEETING, RESULT, DECISION = "fs_answers", "fs_meeting", "fs_result", "is_decision"


def later(relay: SalesforceRelay, **span: float) -> None:
    relay.pass_time(rate=0, **span)
    relay.hear_and_settle()


def clocks(relay: SalesforceRelay, person: str) -> dict[str, dict[str, Any]]:
    """What `tasuki explain` tells of the lead's promises."""
    return {one["clock"]: one for one in CommandLine.of(relay).json("explain", person)["clocks"]}


def standing(relay: SalesforceRelay, person: str, clock: str) -> str:
    return str(clocks(relay, person)[clock]["standing"])


def alarms(relay: SalesforceRelay, person: str) -> list[dict[str, Any]]:
    """The managers' tasks about this lead."""
    return [one for one in open_tasks(relay, person) if "未対応" in one["Subject"]]


def told(relay: SalesforceRelay, clock: str) -> list[str]:
    rows = relay.rows("SELECT receiver FROM notice WHERE key LIKE %s ORDER BY key, receiver", [f"%clock:{clock}#%"])
    return [row["receiver"] for row in rows]


def test_g1_g2_the_first_response(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    calendar = relay.policy.calendar
    assert calendar is not None
    opening = calendar.next_open(calendar.closing_after(now(relay), 0))
    relay.pass_time(seconds=(opening - now(relay)).total_seconds() + 60, rate=0)
    called, unheard, waiting, aside, left = (
        relay.new_mql(f"p{number}@example{number}.co.jp", Company=f"会社{number}") for number in range(5)
    )
    later(relay, minutes=3)
    calls(relay, called, "不通")
    assert standing(relay, called, GOAL) == standing(relay, called, FIRST) == "met"
    later(relay, minutes=3)
    assert standing(relay, unheard, GOAL) == "breached", "five working minutes"
    edit(relay, waiting, TasukiRepState__c="waiting_for_customer")
    edit(relay, aside, TasukiRecycleReason__c="timing")
    relay.org.messages(paused=True)  # the call of which nobody tells
    logged = {"WhoId": unheard, "Subject": "架電", "TaskSubtype": "Call", "Status": "Completed"}
    relay.org.create("Task", logged | {"CallDisposition": "不通"})

    later(relay, days=10)
    assert alarms(relay, called) == alarms(relay, aside) == alarms(relay, waiting) == []
    assert alarms(relay, unheard) == [], "before a promise is called broken the org is read"
    assert (standing(relay, unheard, GOAL), standing(relay, unheard, FIRST)) == ("late", "met")
    assert (standing(relay, left, FIRST), standing(relay, aside, FIRST)) == ("breached", "ended")
    (alarm,) = alarms(relay, left)
    assert alarm["OwnerId"] in relay.pool("is_managers")
    shown = clocks(relay, waiting)[FIRST]
    assert (shown["paused"], shown["due_at"]) == (True, None), "ten days do not count"
    edit(relay, waiting, TasukiRepState__c="working")
    goes_on = clocks(relay, waiting)[FIRST]
    assert datetime.fromisoformat(goes_on["due_at"]) > now(relay) + timedelta(days=1)
    figures = {one["clock"]: one for one in CommandLine.of(relay).json("sla")["figures"]}
    assert (figures[GOAL]["met"], figures[FIRST]["met"], figures[FIRST]["breached"]) == (1, 2, 1)


def test_g2_field_sales_is_warned_then_late_and_its_results_are_asked_for(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    contact = field_sales_gets(relay, new_sal(relay))
    (deal,) = its_deals(relay, contact)
    seller = deal["OwnerId"]
    found = clocks(relay, contact)
    assert [found[name]["standing"] for name in (DECISION, ANSWERS, MEETING)] == ["met", "running", "running"]
    assert {found[name]["person"] for name in (ANSWERS, MEETING)} == {seller}, "its owner has to keep them"
    later(relay, hours=36)
    assert (told(relay, ANSWERS), standing(relay, contact, ANSWERS)) == ([f"person:{seller}"], "warned")
    later(relay, hours=13)
    assert standing(relay, contact, ANSWERS) == standing(relay, contact, MEETING) == "breached"
    assert told(relay, ANSWERS) == [f"person:{seller}", "channel:sales_alerts", f"person:{seller}"]

    at = now(relay).replace(microsecond=0) + timedelta(hours=2)
    edit(relay, deal["Id"], TasukiFsDecision__c="accepted", TasukiMeetingAt__c=at.isoformat())
    assert standing(relay, contact, ANSWERS) == "late"
    later(relay, hours=2, minutes=1)
    edit(relay, deal["Id"], TasukiMeetingHeldAt__c=at.isoformat())
    assert (standing(relay, contact, MEETING), standing(relay, contact, RESULT)) == ("late", "running")
    later(relay, hours=25)
    (task,) = relay.tasks_of(contact, RESULT)
    assert (task["OwnerId"], task["Status"]) == (seller, "Not Started")
    assert "商談結果を記録" in task["Subject"]
    edit(relay, deal["Id"], TasukiMeetingResult__c="proceed")
    assert [one["Status"] for one in relay.tasks_of(contact, RESULT)] == ["Completed"]
    figures = CommandLine.of(relay).json("sla", "--by", "owner")["figures"]
    kept = {one["clock"]: (one["key"], one["met"], one["breached"]) for one in figures}
    assert {kept[name] for name in (ANSWERS, MEETING, RESULT)} == {(seller, 0, 1)}
    assert kept[DECISION][1:] == (1, 0)

"""E8, E13, B5: what comes after a call that reached nobody. Calls as the CRM logs them in → tasks and dates out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.vendors.hubspot.activities import BUSY, CONNECTED, NO_ANSWER
from tests.e2e.relay import CALL, MQL, Relay

RECALL = "call_again"


def call(relay: Relay, contact_id: str, outcome: str) -> str:
    """A person, or the telephone system, logs a call."""
    at = datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)
    values = {"hs_timestamp": at.isoformat(), "hs_call_disposition": outcome, "hs_call_status": "COMPLETED"}
    made = relay.sandbox.create("calls", values, associations=[("contacts", contact_id)])
    relay.hear_and_settle()
    return str(made["id"])


def recalls(relay: Relay, contact_id: str, status: str) -> list[str]:
    found = [task for task in relay.tasks_of(contact_id, RECALL) if task["hs_task_status"] == status]
    return [task["hs_task_subject"].split(":")[0] for task in found]


def test_each_call_that_reaches_nobody_asks_for_the_next_one_and_a_contact_ends_it(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    (first,) = relay.tasks_of(contact, CALL)
    relay.sandbox.edit("tasks", first["id"], {"hs_task_status": "COMPLETED"})
    relay.pass_time(minutes=1)
    call(relay, contact, NO_ANSWER)
    assert recalls(relay, contact, "NOT_STARTED") == ["再架電(2回目)"]
    (task,) = relay.tasks_of(contact, RECALL)
    assert (task["hs_task_type"], task["hubspot_owner_id"]) == ("CALL", relay.contact(contact)["hubspot_owner_id"])
    policy = relay.tenant.plan.policy
    (row,) = relay.rows("SELECT occurred_at FROM signal WHERE kind = 'no_answer'")
    due = policy.recalls[0].again[0].due.add(row["occurred_at"], policy.calendar)
    assert abs(datetime.fromisoformat(task["hs_timestamp"]) - due) < timedelta(seconds=1), "in business hours"
    relay.pass_time(minutes=1)
    busy = call(relay, contact, BUSY)
    assert recalls(relay, contact, "NOT_STARTED") == ["再架電(3回目)"], "busy reaches nobody either"
    assert recalls(relay, contact, "COMPLETED") == ["再架電(2回目)"], "one is open at a time"
    shown = relay.contact(contact)
    assert shown["tasuki_attempts"] == "2"
    dues = [task["hs_timestamp"] for task in relay.open_tasks(contact)]
    assert datetime.fromisoformat(shown["tasuki_next_action"]) == min(map(datetime.fromisoformat, dues))
    relay.sandbox.edit("calls", busy, {"hs_call_disposition": CONNECTED})
    relay.hear_and_settle()
    assert RECALL not in relay.still_asked_by(contact), "it was mended: somebody was reached"


def test_a_lead_is_given_up_only_after_so_many_attempts_and_idle_reps_are_not_no_reply(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    relay.sandbox.edit("contacts", contact, {"tasuki_recycle_reason": "no_reply"})
    relay.hear_and_settle()
    shown = relay.contact(contact)
    assert (shown["lifecyclestage"], shown["tasuki_recycle_reason"]) == (MQL, "no_reply"), "held, not taken away"
    assert shown["tasuki_held_reason"].startswith("「反応なし」はまだ受け付けていません")
    assert "3回以上" in shown["tasuki_held_reason"]
    (again,) = relay.tasks_of(contact, "gave_up_early")
    assert (again["hs_task_type"], again["hs_task_body"]) == ("CALL", shown["tasuki_held_reason"])
    receivers = {
        row["receiver"] for row in relay.rows("SELECT receiver FROM notice WHERE key LIKE %s", ["%gave_up_early%"])
    }
    assert receivers == {"channel:is_managers"}
    relay.pass_time(days=40)
    relay.hear_and_settle()
    assert relay.contact(contact)["lifecyclestage"] == MQL, "nobody was called: time alone gives nobody up"
    assert relay.tasks_of(contact, RECALL) == []
    for _ in range(3):
        relay.pass_time(minutes=1)
        assert relay.lead(contact)["stage"] == "mql"
        call(relay, contact, NO_ANSWER)
    assert relay.lead(contact)["stage"] == "recycled"
    shown = relay.contact(contact)
    assert shown["lifecyclestage"] not in (MQL, "", None)
    assert not shown.get("tasuki_held_reason")

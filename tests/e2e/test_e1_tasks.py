"""E1: a new MQL gets its tasks, once; they follow their lead, and what people do with them stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connector.cli.demo_proof import rule_of
from connector.policy.model import TaskAction
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL, MQL, Relay


@pytest.fixture
def mql(relay: Relay) -> str:
    relay.listen()
    return relay.new_mql()


def _owners(relay: Relay) -> list[str]:
    return [one["id"] for one in relay.sandbox.owners() if not one.get("archived")]


def _states(relay: Relay, contact_id: str, rule: str) -> list[str]:
    """What we remember of this rule's tasks."""
    tasks = relay.lead(contact_id)["state"].get("tasks", [])
    return [one["state"] for one in tasks if one["key"]["rule"] == rule]


def _live(relay: Relay) -> list[str]:
    """The rules behind every task of the portal, in order."""
    return sorted(rule_of(task["properties"]["tasuki_key"]) for task in relay.live_tasks())


def _another_owner(relay: Relay, contact_id: str) -> str:
    """Not the one whom the pool gave."""
    return next(one for one in _owners(relay) if one != relay.contact(contact_id)["hubspot_owner_id"])


def test_a_new_mql_gets_one_call_with_due_time_priority_and_reason(relay: Relay, mql: str) -> None:
    (call,) = relay.tasks_of(mql, CALL)
    assert (call["hs_task_type"], call["hs_task_priority"], call["hs_task_status"]) == ("CALL", "HIGH", "NOT_STARTED")
    assert "山田様に電話" in call["hs_task_subject"]
    assert call["hs_task_body"].startswith("理由: 問い合わせ +40<br>")
    assert call["hubspot_owner_id"] == relay.contact(mql)["hubspot_owner_id"]
    policy = relay.tenant.plan.policy
    (entry,) = relay.rows("SELECT entered_at FROM stage_entry WHERE stage = 'mql'")
    action = policy.rules[0].do[0]
    assert isinstance(action, TaskAction)
    due = action.due.add(entry["entered_at"], policy.calendar)
    assert abs(datetime.fromisoformat(call["hs_timestamp"]) - due) < timedelta(seconds=2), "in business minutes"
    relay.sandbox.edit("contacts", mql, {"jobtitle": "部長"})
    relay.poll()
    relay.hear_and_settle()
    assert [one["id"] for one in relay.tasks_of(mql, CALL)] == [call["id"]], "never twice"


def test_leaving_the_stage_closes_the_tasks_and_says_so(relay: Relay, mql: str) -> None:
    relay.sandbox.edit("contacts", mql, {"tasuki_rep_decision": "accepted", "tasuki_need": "在庫の見える化"})
    relay.hear_and_settle()
    assert relay.made_by(mql) == [CALL, MAIL]
    for task in relay.tasks(mql):
        assert task["hs_task_status"] == "COMPLETED"
        assert "終了" in task["hs_task_body"]


def test_a_task_follows_the_owner_whenever_it_changes(relay: Relay, mql: str) -> None:
    for owner in (*_owners(relay)[:2], ""):
        relay.sandbox.edit("contacts", mql, {"hubspot_owner_id": owner})
        relay.hear_and_settle()
        assert [task.get("hubspot_owner_id") or "" for task in relay.tasks(mql)] == [owner, owner]


def test_a_task_that_a_person_finished_is_done_and_left_as_it_is(relay: Relay, mql: str) -> None:
    (task,) = relay.tasks_of(mql, CALL)
    relay.sandbox.complete_task(task["id"])
    relay.hear_and_settle()
    assert _states(relay, mql, CALL) == ["done"]
    mark = relay.mark()
    relay.sandbox.edit("contacts", mql, {"hubspot_owner_id": _another_owner(relay, mql)})
    relay.sandbox.edit("contacts", mql, {"tasuki_recycle_reason": "timing"})
    relay.hear_and_settle()
    (mail,) = relay.tasks_of(mql, MAIL)
    assert {row["id"] for row in relay.our_writes(since=mark, type="tasks")} == {mail["id"]}, "only what is still open"


@pytest.mark.parametrize("told", [True, False], ids=["event heard", "event lost"])
def test_a_task_that_a_person_deleted_is_settled_and_never_made_again(
    relay: Relay, mql: str, told: bool, tmp_path: Path
) -> None:
    (task,) = relay.tasks_of(mql, CALL)
    relay.hear_and_settle()
    relay.sandbox.webhooks(drop_rate=0.0 if told else 1.0)
    relay.sandbox.delete_task(task["id"])
    relay.hear_and_settle()
    relay.sandbox.webhooks(drop_rate=0.0)
    relay.sandbox.edit("contacts", mql, {"hubspot_owner_id": _another_owner(relay, mql)})
    relay.hear_and_settle()
    assert _states(relay, mql, CALL) in ([], ["settled"])
    relay.activate(changed_policy(tmp_path / "next"))
    relay.walk()
    relay.hear_and_settle()
    assert _live(relay) == [MAIL]
    relay.sandbox.restore("tasks", task["id"])  # the person changes their mind: theirs, not ours, from now on
    relay.hear_and_settle()
    assert _live(relay) == [CALL, MAIL]


def test_a_task_finished_while_its_lead_leaves_the_stage_is_not_written_over(relay: Relay, mql: str) -> None:
    (task,) = relay.tasks_of(mql, CALL)
    relay.sandbox.webhooks(paused=True)
    relay.sandbox.complete_task(task["id"])
    relay.sandbox.edit("contacts", mql, {"lifecyclestage": "opportunity"})
    relay.sandbox.webhooks(paused=False)
    relay.hear_and_settle()
    (task,) = relay.tasks_of(mql, CALL)
    assert task["hs_task_status"] == "COMPLETED"
    assert "終了" not in task.get("hs_task_body", "")


def test_the_task_of_a_new_stay_in_the_stage_is_another_one(relay: Relay, mql: str) -> None:
    relay.sandbox.edit("contacts", mql, {"tasuki_recycle_reason": "timing"})
    relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "recycled"
    relay.pass_time(hours=1)
    relay.sandbox.submit("お問い合わせ", {"email": "yamada@example.co.jp"})
    relay.hear_and_settle()
    assert relay.contact(mql)["lifecyclestage"] == MQL
    for rule in (CALL, MAIL):
        shown = sorted(task["hs_task_status"] for task in relay.tasks_of(mql, rule))
        assert shown == ["COMPLETED", "NOT_STARTED"], rule

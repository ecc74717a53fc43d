"""The stage: backward by clear, set, verify; people's moves taken, or refused and told once."""

from __future__ import annotations

from typing import Any

import pytest

from connector.vendors.base import Update
from tests.e2e.relay import MQL, Relay

STAGE = "lifecyclestage"


@pytest.fixture
def mql(relay: Relay) -> str:
    relay.listen()
    return relay.new_mql()


def _recycle(relay: Relay, contact_id: str) -> None:
    """An answer that moves the lead from MQL back to lead: a backward move for HubSpot."""
    relay.sandbox.edit("contacts", contact_id, {"tasuki_rep_decision": "returned", "tasuki_recycle_reason": "timing"})


def _stage_writes(relay: Relay, contact_id: str, since: int) -> list[list[str | None]]:
    rows = relay.our_writes(since=since)
    return [row["changes"][STAGE] for row in rows if row["id"] == contact_id and STAGE in row["changes"]]


def test_a_backward_move_clears_then_sets_and_its_blank_is_nobodys_move(relay: Relay, mql: str) -> None:
    mark = relay.mark()
    _recycle(relay, mql)
    relay.hear_and_settle()
    assert relay.contact(mql)[STAGE] == "lead"
    assert relay.lead(mql)["stage"] == "lead"
    assert _stage_writes(relay, mql, mark) == [[MQL, None], [None, "lead"]]
    assert relay.link(mql)["journal"] is None
    movers = relay.rows("SELECT stage, mover FROM stage_entry ORDER BY seq")
    assert [(row["stage"], row["mover"]) for row in movers][-2:] == [("mql", "rule"), ("lead", "rule")]
    relay.sandbox.edit("contacts", mql, {STAGE: "opportunity"})
    relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "opportunity", "the stage is heard again after the move"


@pytest.mark.parametrize("told", [True, False], ids=["echoes heard", "echoes lost"])
@pytest.mark.parametrize("step", ["before the clear", "after the clear", "after the set"])
def test_a_backward_move_whose_worker_dies_is_resumed(relay: Relay, mql: str, step: str, told: bool) -> None:
    line = relay.line
    update = line.vendor.update

    def die(object_type: str, updates: list[Update], **kwargs: Any) -> Any:
        clears = any(one.properties.get(STAGE) == "" for one in updates)
        sets = any(one.properties.get(STAGE) for one in updates)
        if clears and step == "before the clear":
            raise KeyboardInterrupt
        results = update(object_type, updates, **kwargs)
        if (clears and step == "after the clear") or (sets and step == "after the set"):
            raise KeyboardInterrupt
        return results

    if not told:
        relay.sandbox.webhooks(drop_rate=1.0)
    relay.sandbox.edit("contacts", mql, {"tasuki_rep_decision": "returned", "tasuki_recycle_reason": "timing"})
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET read_wanted_at = clock_timestamp(), read_lane = 'hot'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "update", die)
        with pytest.raises(KeyboardInterrupt):
            relay.settle()
    assert relay.link(mql)["journal"] is not None
    relay.hear()
    relay.settle()  # whatever is heard meanwhile
    relay.expire_leases()
    relay.hear_and_settle()
    assert relay.contact(mql)[STAGE] == "lead"
    assert relay.lead(mql)["stage"] == "lead"
    assert relay.link(mql)["journal"] is None
    assert relay.rows("SELECT 1 FROM stage_entry WHERE mover = 'person'") == []


def test_a_vendor_that_keeps_the_old_stage_without_a_word_is_cleared_first(relay: Relay, mql: str) -> None:
    """Its order of stages is not what we think: 200, and the old stage."""
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE connection SET capabilities = capabilities - 'stage_orders'")
    mark = relay.mark()
    _recycle(relay, mql)
    relay.hear_and_settle()
    assert relay.contact(mql)[STAGE] == "lead"
    assert _stage_writes(relay, mql, mark) == [[MQL, None], [None, "lead"]]
    assert [row for row in relay.drift() if row["field"] == STAGE] == []


def test_a_stage_that_is_never_stored_is_told_and_not_tried_for_ever(relay: Relay, mql: str) -> None:
    relay.sandbox.settings(normalisers={"contacts": {STAGE: ["truncate:0"]}})
    _recycle(relay, mql)
    relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "lead"
    assert [row["field"] for row in relay.drift() if row["field"] == STAGE] == [STAGE]
    relay.mark()
    relay.rows("UPDATE lead_due SET due_at = %s RETURNING lead_id", [relay.now()])
    relay.settle()
    assert relay.calls()["total"] == 0


# ── people's moves ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_person_moves_forward_and_it_stays(relay: Relay, mql: str) -> None:
    mark = relay.mark()
    relay.sandbox.edit("contacts", mql, {STAGE: "opportunity"})
    relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "opportunity"
    assert relay.contact(mql)[STAGE] == "opportunity"
    assert _stage_writes(relay, mql, mark) == []
    assert relay.open_tasks(mql) == []


def test_a_refused_move_is_restored_and_told_once(relay: Relay, mql: str) -> None:
    mark, tasks = relay.mark(), {one["id"] for one in relay.open_tasks(mql)}
    relay.sandbox.edit("contacts", mql, {STAGE: "lead"})  # backward without a reason
    relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "mql"
    assert relay.contact(mql)[STAGE] == MQL
    assert _stage_writes(relay, mql, mark) == [["lead", MQL]]
    relay.sandbox.redeliver_webhooks(last=20)
    relay.hear_and_settle()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET read_wanted_at = clock_timestamp(), read_lane = 'hot'")
    relay.settle()
    told = [row for row in relay.kept_values() if row["rule"].startswith("manual_moves")]
    assert [(row["field"], row["kept"], row["lost"]) for row in told] == [("stage", "mql", "lead")]
    assert {one["id"] for one in relay.open_tasks(mql)} == tasks, "nothing was left and entered again"


def test_a_backward_move_with_its_reason_is_taken(relay: Relay, mql: str) -> None:
    relay.sandbox.edit("contacts", mql, {"tasuki_recycle_reason": "timing", STAGE: "lead"})
    relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "lead"
    assert "MQL" not in str([task["hs_task_subject"] for task in relay.open_tasks(mql)])


def test_a_move_during_our_backward_move_is_judged_and_never_lost(relay: Relay, mql: str) -> None:
    line = relay.line
    update = line.vendor.update

    def move_in_between(object_type: str, updates: list[Update], **kwargs: Any) -> Any:
        results = update(object_type, updates, **kwargs)
        if any(one.properties.get(STAGE) == "" for one in updates):
            relay.sandbox.edit("contacts", mql, {STAGE: "customer"})
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "update", move_in_between)
        _recycle(relay, mql)
        relay.hear_and_settle()
    assert relay.lead(mql)["stage"] == "customer"
    assert relay.contact(mql)[STAGE] == "customer"
    assert relay.link(mql)["journal"] is None

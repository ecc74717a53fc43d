"""Every task exactly once, whatever becomes of the call that creates it, with and without the vendor's unique key."""

from __future__ import annotations

from typing import Any

import pytest

from connector.vendors.http import Timeouts
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, Relay, quick


@pytest.fixture(params=[True, False], ids=["unique key", "no unique key"])
def relay(request: pytest.FixtureRequest, make_relay: MakeRelay) -> Relay:
    """A relay on a portal that does, or does not, enforce the uniqueness of our task key."""
    made = make_relay(tasks_enforce_unique=request.param, search_lag_seconds=3600.0)
    assert ("task" in made.line.unique_keys) is request.param
    made.listen()
    return made


def _inquire(relay: Relay, count: int = 5) -> list[str]:
    found = [
        relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": f"山田{n}"}) for n in range(count)
    ]
    relay.hear()
    return [str(one["contact_id"]) for one in found]


def _assert_each_once(relay: Relay, contacts: list[str]) -> None:
    """One call and one first mail for every contact, and nothing else."""
    assert [relay.made_by(one) for one in contacts] == [[CALL, MAIL]] * len(contacts)
    keys = [task["properties"]["tasuki_key"] for task in relay.live_tasks()]
    assert len(keys) == len(set(keys)) == 2 * len(contacts)
    assert {row["step"] for row in relay.rows("SELECT step FROM managed_record")} == {"exists"}
    assert relay.calls().get("tasks.search", 0) == 0, "search lags: it is never asked"


@pytest.mark.fault("F16", "F18", "F39")
@pytest.mark.parametrize("effect", ["lost_response", "drop", "truncate", "html"])
def test_an_answer_that_never_came_makes_no_second_task(relay: Relay, effect: str) -> None:
    relay.sandbox.fault(effect, kind="tasks.batch_create", times=2)
    contacts = _inquire(relay)
    relay.hear_and_settle()
    _assert_each_once(relay, contacts)


@pytest.mark.fault("F37", "F40")
@pytest.mark.parametrize("status", [500, 502, 503, 429, 423])
def test_a_refused_create_is_made_again_once(relay: Relay, status: int) -> None:
    relay.sandbox.fault("status", kind="tasks.batch_create", times=2, status=status)
    contacts = _inquire(relay)
    for _ in range(20):
        relay.expire_waits()
        if not relay.settle():
            break
    _assert_each_once(relay, contacts)


@pytest.mark.fault("F38")
def test_rows_that_a_batch_leaves_out_are_created_alone(relay: Relay) -> None:
    relay.sandbox.fault("partial", kind="tasks.batch_create", times=1, rows=2)
    contacts = _inquire(relay)
    relay.hear_and_settle()
    assert relay.parked() == []
    _assert_each_once(relay, contacts)


@pytest.mark.fault("T2", "F16")
@pytest.mark.parametrize("moment", ["before the call", "after the call"])
def test_a_worker_that_dies_around_the_call_leaves_one_task(relay: Relay, moment: str) -> None:
    contacts = _inquire(relay)
    line = relay.line
    create = line.vendor.create

    def die(*args: Any, **kwargs: Any) -> None:
        if moment == "after the call":
            create(*args, **kwargs)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "create", die)
        with pytest.raises(KeyboardInterrupt):
            relay.settle()
    assert {row["step"] for row in relay.rows("SELECT step FROM managed_record")} == {"creating"}
    relay.expire_leases()
    relay.hear_and_settle()
    _assert_each_once(relay, contacts)


@pytest.mark.fault("F17")
@pytest.mark.parametrize("unique", [True, False], ids=["unique key", "no unique key"])
def test_a_create_that_is_applied_after_we_gave_up_is_waited_for(make_relay: MakeRelay, unique: bool) -> None:
    """Nothing is looked up, and nothing made again, before the vendor's latest late apply."""
    relay = make_relay(tasks_enforce_unique=unique, limits=quick(settle_seconds=45.0))
    relay.listen()
    relay.sandbox.fault("delay_apply", kind="tasks.batch_create", times=1, seconds=30.0)
    contacts = _inquire(relay, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relay.line.vendor.api, "_timeouts", Timeouts(read_seconds=1.0))
        relay.settle()
    assert relay.live_tasks() == []
    assert relay.calls()["tasks.batch_create"] == 1
    assert relay.sandbox.release_delayed() == 1
    relay.expire_leases()
    relay.expire_waits()
    relay.hear_and_settle()
    _assert_each_once(relay, contacts)


def test_a_task_that_a_person_finished_before_we_knew_of_it_stays_finished(relay: Relay) -> None:
    relay.sandbox.fault("lost_response", kind="tasks.batch_create", times=1)
    line = relay.line
    (contact_id,) = _inquire(relay, 1)
    create = line.vendor.create

    def create_and_finish(*args: Any, **kwargs: Any) -> Any:
        results = create(*args, **kwargs)
        for task in relay.live_tasks():
            relay.sandbox.complete_task(task["id"])
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "create", create_and_finish)
        relay.settle()
    relay.hear_and_settle()
    _assert_each_once(relay, [contact_id])
    assert relay.open_tasks(contact_id) == []
    assert [task["state"] for task in relay.lead(contact_id)["state"]["tasks"]] == ["done", "done"]


def test_a_conflict_names_the_task_that_an_earlier_call_made(make_relay: MakeRelay) -> None:
    """The look-up came too early and the unique key refuses the second one: the first is ours."""
    relay = make_relay(tasks_enforce_unique=True)
    relay.listen()
    relay.sandbox.fault("lost_response", kind="tasks.batch_create", times=1)
    contacts = _inquire(relay, 3)
    line = relay.line
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "find_by_key", lambda *args, **kwargs: {})
        relay.settle()
    relay.hear_and_settle()
    _assert_each_once(relay, contacts)

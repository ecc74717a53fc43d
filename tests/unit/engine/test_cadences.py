"""Cadences: steps on their days, one after the other, until the last is done or something stops them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.effects import WorkState
from connector.domain.runs import CadenceRun
from tests.unit.engine.stories import DAY, NOW, POLICY, Story, cases, plan_of, started

OFFICE = """\
calendars:
  tokyo: {default: true, hours: {mon: 9:00-18:00, tue: 9:00-18:00, wed: 9:00-18:00, thu: 9:00-18:00, fri: 9:00-18:00}}
"""
WORK = """\
rules:
  - {id: begin, on: {enters: mql}, do: [{start: touch}]}
  - {id: enough, on: {signal: visit}, do: [{stop: touch}]}
  - {id: after, on: {done: touch}, do: [{task: {kind: todo, due: 1d, title: 済}}]}
  - {id: next, on: {done: begin_call}, do: [{set: {noted: 電話済み}}]}
  - {id: begin_call, on: {enters: mql}, do: [{task: {kind: call, due: 1d, title: 電話}}]}
cadences:
  touch:
    stop_on: [{signal: reply}, {leaves: mql}]
    steps:
      - {day: 0, mail: ご挨拶}
      - {day: 1, call: "電話 {last_name}様", due: 2h}
      - {day: 7, mail: 最後}
"""
FRIDAY = NOW


def mql(work: str = WORK) -> Story:
    found = started(plan_of(work=work, policy=POLICY + OFFICE)).happens("inquiry")
    found.decide()
    assert found.stage == "mql"
    return found


def run(found: Story) -> CadenceRun:
    return found.state.cadences["touch"]


def steps(found: Story, state: WorkState = WorkState.OPEN) -> list[str]:
    return [task.key.slot for task in found.tasks(state) if task.key.rule == "touch"]


def done(found: Story, slot: str) -> Story:
    """A person completes the open step; the shell reports it."""
    (key,) = [task.key for task in found.tasks() if task.key.slot == slot and task.key.rule == "touch"]
    assert key.cause == "cadence"
    return found.person_did("touch", WorkState.DONE)


def test_steps_come_on_their_days_after_the_one_before_is_done() -> None:
    found = mql()
    assert (steps(found), run(found)) == (["step_1"], CadenceRun(number=1, started_at=FRIDAY, fired=1))
    found.pass_time(10 * DAY)
    assert steps(found) == ["step_1"], "a rep who is behind is not buried"
    done(found, "step_1").decide()
    assert steps(found) == ["step_2"]
    done(found, "step_2").decide()
    assert steps(found) == ["step_3"]
    assert found.last.fired == ("touch",)


def test_a_day_off_moves_a_step_to_the_next_working_day() -> None:
    """Friday plus a day is Saturday: Monday at nine."""
    found = mql()
    done(found, "step_1").decide()
    assert steps(found) == []
    monday = FRIDAY + 3 * DAY - timedelta(hours=1)
    found.pass_time(monday - FRIDAY - timedelta(microseconds=1))
    assert steps(found) == []
    found.pass_time(timedelta(microseconds=1))
    (task,) = [task for task in found.tasks() if task.key.rule == "touch"]
    assert (task.opened_at, task.due_at, task.kind) == (monday, monday + timedelta(hours=2), "call")


def test_it_is_finished_when_its_last_step_is_done_and_that_is_an_event() -> None:
    found = mql()
    for slot in ("step_1", "step_2", "step_3"):
        found.pass_time(8 * DAY)
        done(found, slot).decide()
    assert run(found).finished_at == found.now
    assert "after" in found.rules()


def test_a_reply_stops_it_and_closes_the_open_step_also_when_learnt_late() -> None:
    found = mql().wait(DAY).happens("reply", at=FRIDAY + timedelta(hours=3))
    found.decide()
    assert (run(found).stopped_at, run(found).stopped_by) == (FRIDAY + timedelta(hours=3), "signal:reply")
    assert steps(found, WorkState.CLOSED) == ["step_1"]
    found.pass_time(30 * DAY)
    assert steps(found) == []


def test_leaving_the_stage_stops_it_where_the_policy_says_so_and_else_not() -> None:
    found = mql().wait(timedelta(hours=1)).change(decision="accepted")
    found.decide()
    assert (found.stage, steps(found), run(found).stopped_by) == ("sal", [], "leaves:mql")
    free = mql(WORK.replace(", {leaves: mql}", "")).wait(timedelta(hours=1)).change(decision="accepted")
    free.decide()
    assert (free.stage, steps(free)) == ("sal", ["step_1"])


def test_a_rule_stops_it() -> None:
    found = mql().wait(timedelta(hours=1)).happens("visit")
    found.decide()
    assert (steps(found), run(found).stopped_by) == ([], "enough")


def test_a_lead_that_comes_again_begins_anew() -> None:
    found = mql().wait(timedelta(hours=1)).change(recycle_reason="timing")
    found.decide()
    found.pass_time(91 * DAY)
    found.happens("inquiry").decide()
    assert (run(found).number, steps(found)) == (2, ["step_1"])


def test_what_is_forbidden_is_passed_over() -> None:
    never = "never:\n  - {id: no_mail, what: [mail], when: {no_mail: yes}}\n"
    found = started(plan_of(work=WORK + never, policy=POLICY + OFFICE)).change(no_mail=True).happens("inquiry")
    found.decide()
    assert (steps(found), run(found).fired) == ([], 1)
    found.pass_time(4 * DAY)
    assert steps(found) == ["step_2"]


def test_a_completed_task_is_an_event() -> None:
    found = mql().wait(timedelta(hours=1)).person_did("begin_call", WorkState.DONE)
    found.decide()
    assert found.state.settings["noted"].value == "電話済み"
    assert found.last.fired == ("next",)


def test_a_sequence_that_was_begun_is_taken_back_by_a_person() -> None:
    work = WORK.replace("{day: 0, mail: ご挨拶}", "{day: 0, enrol: {hubspot_sequence: お礼}}")
    found = mql(work)
    assert [(one.place, one.name) for one in found.last.enrolments] == [("hubspot_sequence", "お礼")]
    found.wait(timedelta(hours=1)).happens("reply").decide()
    (task,) = [task for task in found.tasks() if task.key.rule == "touch"]
    assert (task.key.slot, "お礼" in task.title) == ("unenrol", True)


@pytest.mark.parametrize(
    ("crm", "enrolled", "left_to_do"),
    [
        (None, ("hubspot_sequence", "お礼"), ["unenrol"]),
        ("hubspot", ("hubspot_sequence", "お礼"), ["unenrol"]),
        ("salesforce", ("salesforce_campaign", "お礼の配信"), []),
    ],
)
def test_the_place_of_the_crm_that_has_the_lead_is_taken(
    crm: str | None, enrolled: tuple[str, str], left_to_do: list[str]
) -> None:
    """Of a campaign nobody is asked to take anybody out: what its members get is the org's."""
    places = "{day: 0, enrol: {hubspot_sequence: お礼, salesforce_campaign: お礼の配信}}"
    found = started(plan_of(work=WORK.replace("{day: 0, mail: ご挨拶}", places), policy=POLICY + OFFICE))
    found.enrolled_by = crm
    found.happens("inquiry").decide()
    assert [(one.place, one.name) for one in found.last.enrolments] == [enrolled]
    found.wait(timedelta(hours=1)).happens("reply").decide()
    assert [task.key.slot for task in found.tasks() if task.key.rule == "touch"] == left_to_do


def test_activation_begins_no_cadence() -> None:
    old = started(plan_of(work="rules: []\n", policy=POLICY + OFFICE)).happens("inquiry")
    old.decide()
    old.wait(DAY).under(plan_of(work=WORK, policy=POLICY + OFFICE)).decide()
    assert (old.state.cadences, old.tasks()) == ({}, [])


LIFE = st.lists(
    st.tuples(st.sampled_from(["done", "visit", "reply", "attempted"]), st.integers(0, 20 * 24)), max_size=5
)


@settings(max_examples=cases(30, most=1_000))
@given(life=LIFE, step=st.integers(1, 11))
def test_looking_when_woken_and_looking_all_the_time_give_one_history(life: list[tuple[str, int]], step: int) -> None:
    def lived(every: timedelta | None) -> Story:
        found = mql()
        for what, hours in sorted(life, key=lambda one: one[1]):
            until = NOW + timedelta(hours=hours)
            while every is not None and found.now + every < until:
                found.pass_time(every)
            found.pass_time(until - found.now)
            if what == "done":
                found.person_did("touch", WorkState.DONE)
            else:
                found.happens(what)
            found.decide()
        return found.pass_time(NOW + 30 * DAY - found.now)

    woken, watched = lived(None), lived(timedelta(hours=step))
    assert woken.state.cadences == watched.state.cadences
    assert [(one.key, one.opened_at) for one in woken.tasks()] == [(one.key, one.opened_at) for one in watched.tasks()]

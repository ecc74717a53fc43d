"""Contact limits: what is over the limit waits, whatever rule, cadence or recall asks for it, and says so."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.effects import WorkState
from connector.domain.value import BLANK
from tests.unit.engine.stories import DAY, FIELDS, NOW, Story, cases, plan_of, started

HOUR = timedelta(hours=1)
SHOWN = FIELDS.replace(
    "  noted:", "  hold_off: {label: 控える, type: text, shows: contact_limit, hubspot: contact.hold}\n  noted:"
)
WORK = """\
rules:
  - {id: begin, on: {enters: mql}, do: [{start: touch}]}
  - id: call
    on: {signal: visit}
    do: [{task: {kind: call, due: 1h, title: 電話}}, {id: look, task: {kind: todo, due: 1h, title: 調べる}}]
  - {id: list, on: {signal: touch}, when: {stage: mql}, do: [{enrol: {hubspot_list: 配信}}]}
  - {id: also, on: {signal: anything}, when: {stage: mql}, do: [{start: other}]}
cadences:
  other:
    stop_on: [{signal: contacted}, {leaves: mql}]
    steps: [{day: 0, social: SNS}, {day: 1, mail: また}]
  touch:
    stop_on: [{signal: reply}, {leaves: mql}]
    steps: [{day: 0, mail: 一通目}, {day: 1, call: 電話}, {day: 2, mail: 二通目}]
contact_limits:
  - {id: enough, label: しつこくしない, signal: attempted, up_to: {times: 2, within: 7d}, when: {need: unknown}}
"""
PLAN = plan_of(work=WORK, fields=SHOWN)


def mql(tries: int = 0) -> Story:
    """An MQL that was tried so often, an hour apart, up to now."""
    found = started(PLAN)
    for number in range(tries):
        found.happens("attempted", at=NOW - (tries - number) * HOUR)
    found.happens("inquiry").decide()
    assert found.stage == "mql"
    return found


def steps(found: Story) -> list[str]:
    return [task.key.slot for task in found.tasks() if task.key.rule == "touch"]


def test_a_step_over_the_limit_waits_until_the_oldest_contact_is_past() -> None:
    found = mql(2)
    assert (steps(found), found.last.enrolments) == ([], ())
    assert found.last.desired["hold_off"] == "しつこくしない(7日で2回まで): 2026-11-27 08:00まで控える"
    assert found.explain().hold_off == found.last.desired["hold_off"]
    found.pass_time(7 * DAY - 2 * HOUR - timedelta(microseconds=1))
    assert steps(found) == []
    found.pass_time(timedelta(microseconds=1))
    assert (steps(found), found.tasks()[0].opened_at) == (["step_1"], NOW + 7 * DAY - 2 * HOUR)


def test_what_people_have_still_to_do_counts_too() -> None:
    found = mql(1)
    assert steps(found) == ["step_1"]
    assert found.last.desired["hold_off"] == "しつこくしない(7日で2回まで): 2026-11-27 09:00まで控える"
    found.wait(HOUR).happens("visit").decide()
    call, look = (next(task for task in found.tasks() if task.key.slot == slot) for slot in ("task", "look"))
    assert look.due_at == found.now + HOUR, "nobody is contacted by a to-do"
    assert (call.due_at, call.text) == (
        NOW + 7 * DAY - HOUR,
        "しつこくしない(7日で2回まで): 2026-11-27 09:00まで控える",
    )
    assert found.last.desired["hold_off"] == "しつこくしない(7日で2回まで): 開いているタスクが済むまで控える"


def test_an_enrolment_waits_with_its_stage_and_is_made_once() -> None:
    found = mql(2)
    (waits,) = found.state.waiting
    assert (waits.key.rule, waits.name) == ("list", "配信")
    left = mql(2)
    left.wait(HOUR).change(decision="accepted").decide()
    assert left.state.waiting == ()
    found.owner = "suzuki"
    found.wait(7 * DAY - 2 * HOUR).decide()
    (made,) = found.last.enrolments
    assert (made.key, made.sender, found.state.waiting) == (waits.key, "suzuki", ())


def test_whom_the_limit_does_not_apply_to_is_not_held_back() -> None:
    found = mql(2)
    found.wait(HOUR).change(need="在庫").decide()
    assert (steps(found), len(found.last.enrolments), found.last.desired["hold_off"]) == (["step_1"], 1, BLANK)


def test_a_task_that_is_due_later_anyway_stays_as_it_is() -> None:
    late = WORK.replace("kind: call, due: 1h", "kind: call, due: 30d")
    found = started(plan_of(work=late, fields=SHOWN))
    found.happens("attempted").happens("attempted").wait(HOUR).happens("visit").decide()
    (call,) = [task for task in found.tasks() if task.kind == "call"]
    assert call.due_at == found.now + 30 * DAY


LIFE = st.lists(st.tuples(st.sampled_from(["attempted", "visit", "done", "reply"]), st.integers(1, 300)), max_size=8)


@settings(max_examples=cases(30, most=1_000))
@given(life=LIFE, step=st.integers(3, 17))
def test_looking_all_the_time_changes_nothing(life: list[tuple[str, int]], step: int) -> None:
    def lived(every: timedelta | None) -> Story:
        found = mql(1)
        for what, hours in sorted(life, key=lambda one: one[1]):
            until = NOW + hours * HOUR
            while every is not None and found.now + every < until:
                found.pass_time(every)
            found.pass_time(max(until - found.now, timedelta()))
            if what == "done":
                found.person_did("touch", WorkState.DONE).decide()
            else:
                found.happens(what).decide()
        return found.pass_time(20 * DAY)

    woken, watched = lived(None), lived(timedelta(hours=step))
    assert [(task.key, task.opened_at, task.due_at) for task in woken.state.tasks] == [
        (task.key, task.opened_at, task.due_at) for task in watched.state.tasks
    ]
    assert woken.state.cadences == watched.state.cadences
    assert woken.state.waiting == watched.state.waiting

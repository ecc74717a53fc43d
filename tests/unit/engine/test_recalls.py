"""Recalls: how often in a row nobody was reached says what comes next, until somebody is."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.effects import Task, WorkState
from tests.unit.engine.stories import DAY, NOW, POLICY, SIGNALS, Story, cases, plan_of, started
from tests.unit.engine.test_cadences import OFFICE

HOUR = timedelta(hours=1)
CALLS = SIGNALS + "  no_answer: {label: 不通, from: [{activity: call, outcome: [不通]}]}\n"
WORK = """\
rules:
  - {id: worked, on: {done: again}, do: [{set: {noted: 再架電済み}}]}
recalls:
  - id: again
    on: {signal: no_answer}
    when: {no_mail: no}
    stop_on: [{signal: contacted}, {becomes: {timeline: known}}]
    again:
      - {after: 4 business hours, call: "再架電 {last_name}様", text: "{reasons}"}
      - {after: 1 business day, call: 再架電2}
      - {after: 2d, mail: お電話の件}
"""
PLAN = plan_of(work=WORK, signals=CALLS, policy=POLICY + OFFICE)


def mql() -> Story:
    found = started(PLAN, no_mail=False, last_name="山田").happens("inquiry")
    found.decide()
    assert (found.stage, found.tasks()) == ("mql", [])
    return found.wait(HOUR)


def called(found: Story, *, ago: timedelta = timedelta(), learnt_late: bool = False) -> Story:
    found.happens("no_answer", at=found.now - ago, learnt=found.now if learnt_late else None)
    found.decide()
    return found


def the(found: Story) -> Task:
    (task,) = [task for task in found.tasks() if task.key.rule == "again"]
    return task


def test_the_first_second_and_third_time_in_a_row_ask_for_their_own_and_then_nothing_does() -> None:
    found = called(mql())
    first = the(found)
    assert (first.kind, first.title, first.due_at) == ("call", "再架電 山田様", found.now + 4 * HOUR)
    assert first.key.slot == "again_1"
    called(found.wait(HOUR))
    assert (the(found).title, the(found).key.slot) == ("再架電2", "again_2")
    assert [task.key.slot for task in found.tasks(WorkState.CLOSED)] == ["again_1"], "one is open at a time"
    called(found.wait(HOUR))
    assert (the(found).kind, the(found).due_at) == ("mail", found.now + 2 * DAY)
    called(found.wait(HOUR))
    assert found.tasks() == []
    found.pass_time(30 * DAY)
    assert found.tasks() == []


@pytest.mark.parametrize("reached", ["contacted", "timeline"])
def test_who_is_reached_is_not_called_again_and_the_row_begins_anew(reached: str) -> None:
    found = called(called(mql()).wait(HOUR)).wait(HOUR)
    if reached == "contacted":
        found.happens("contacted")
    else:
        found.change(timeline="soon")
    found.decide()
    assert found.tasks() == []
    called(found.wait(HOUR))
    assert the(found).key.slot == "again_1"


def test_reached_before_the_attempt_is_known_asks_for_nothing() -> None:
    """The contact is learnt first, the unanswered call before it later."""
    found = mql().wait(2 * HOUR).happens("contacted")
    found.decide()
    called(found.wait(HOUR), ago=2 * HOUR, learnt_late=True)
    assert found.tasks() == []


def test_an_outcome_that_is_mended_takes_the_recall_back() -> None:
    found = called(mql())
    found.signals = [one for one in found.signals if one.kind != "no_answer"]  # the shell takes it back
    found.wait(HOUR).decide()
    assert found.tasks() == []


def test_the_stage_counts_anew_and_a_recall_ends_with_it() -> None:
    found = called(called(mql()).wait(HOUR)).wait(HOUR).change(decision="accepted")
    found.decide()
    assert (found.stage, found.tasks()) == ("sal", [])
    called(found.wait(HOUR))
    assert the(found).key.slot == "again_1"


def test_while_its_condition_does_not_hold_nobody_is_asked() -> None:
    found = mql().change(no_mail=True)
    called(found.wait(HOUR))
    assert found.tasks() == []


def test_a_recall_that_was_made_is_an_event_and_what_is_forbidden_is_not_asked() -> None:
    found = called(mql()).wait(HOUR).person_did("again", WorkState.DONE)
    found.decide()
    assert found.state.settings["noted"].value == "再架電済み"
    never = "never: [{id: hush, what: [call], when: {industry: it}}]\n"
    quiet = started(plan_of(work=WORK + never, signals=CALLS, policy=POLICY + OFFICE), no_mail=False, industry="it")
    quiet.happens("inquiry").decide()
    called(quiet.wait(HOUR))
    assert quiet.tasks() == []


def test_calls_of_before_the_policy_ask_for_nothing_but_count() -> None:
    old = started(plan_of(work="rules: []\n", signals=CALLS, policy=POLICY + OFFICE), no_mail=False)
    old.happens("inquiry").decide()
    called(old.wait(HOUR)).wait(HOUR).under(PLAN).decide()
    assert old.tasks() == []
    called(old.wait(HOUR))
    assert the(old).key.slot == "again_2"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_calls_are_learnt_the_same_is_asked_in_the_end(order: tuple[int, ...]) -> None:
    found = mql().wait(4 * HOUR)
    for number in order:
        found.happens("no_answer", at=NOW + (2 + number) * HOUR, learnt=found.now)
        found.decide()
    (open_,) = found.tasks()
    assert (open_.kind, open_.title, open_.due_at, open_.key.slot) == (
        "mail",
        "お電話の件",
        NOW + 4 * HOUR + 2 * DAY,
        "again_3",
    )


LIFE = st.lists(
    st.tuples(st.sampled_from(["no_answer", "no_answer", "contacted", "visit"]), st.integers(1, 200)), max_size=8
)


@settings(max_examples=cases(30, most=1_000))
@given(life=LIFE, step=st.integers(1, 11))
def test_looking_all_the_time_changes_nothing(life: list[tuple[str, int]], step: int) -> None:
    def lived(every: timedelta | None) -> Story:
        found = mql()
        for what, hours in sorted(life, key=lambda one: one[1]):
            until = NOW + hours * HOUR
            while every is not None and found.now + every < until:
                found.pass_time(every)
            found.pass_time(max(until - found.now, timedelta()))
            found.happens(what).decide()
        return found

    woken, watched = lived(None), lived(timedelta(hours=step))
    assert woken.state.tasks == watched.state.tasks
    assert len([task for task in woken.tasks() if task.key.rule == "again"]) <= 1

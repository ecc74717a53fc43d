"""Activation is not an event: old leads catch up quietly, and nothing that happens after it is lost."""

from __future__ import annotations

from datetime import timedelta

from connector.domain.state import Mover
from tests.unit.engine.stories import DAY, LIFECYCLE, NOW, SCORING, SECOND, WORK, Story, plan_of, started

TODO = "do: [{task: {kind: todo, to: owner, due: 1d, title: x}}]"
GENEROUS = SCORING.replace("at_least: 60", "at_least: 20")
WATCHFUL = WORK + f"  - {{id: turns_hot, on: {{becomes: {{band: hot}}}}, {TODO}}}\n"


def first_activation(**fields: object) -> Story:
    """A lead that was there long before the policy."""
    story = Story(plan=plan_of(work=WATCHFUL), created_at=NOW - 900 * DAY, since=NOW)
    return story.given(**fields)  # type: ignore[arg-type]


def test_old_leads_get_their_stage_and_fields_but_no_tasks() -> None:
    story = first_activation(employees=500, industry="it").happens("inquiry", at=NOW - DAY / 2).wait(SECOND)
    story.decide()
    assert (story.stage, story.last.desired["band"]) == ("mql", "hot")
    assert all(entry.initial for entry in story.history)
    assert (story.opened, story.last.fired) == ({}, ())


def test_what_an_old_lead_does_after_the_activation_is_an_event() -> None:
    story = first_activation().wait(SECOND).happens("inquiry")
    story.decide()
    assert [(one.stage, one.initial) for one in story.history] == [("lead", True), ("mql", False)]
    assert story.rules() == ["call"]


def test_a_new_policy_moves_known_leads_quietly() -> None:
    story = started(plan_of(work=WATCHFUL), employees=100)
    story.under(plan_of(work=WATCHFUL, scoring=GENEROUS)).wait(timedelta(minutes=5)).decide()
    assert (story.stage, story.last.desired["band"]) == ("mql", "hot")
    assert story.state.entry is not None
    assert (story.state.entry.initial, story.state.entry.entered_at) == (True, NOW)
    assert story.opened == {}


def test_what_fell_due_after_the_activation_is_an_event_however_late_the_lead_is_looked_at() -> None:
    story = started().happens("inquiry")
    story.decide()
    story.wait(SECOND).change(recycle_reason="timing").decide()
    story.wait(90 * DAY - timedelta(minutes=1))
    story.under(plan_of(work=WATCHFUL)).wait(timedelta(minutes=10)).decide()
    assert (story.stage, story.rules()) == ("lead", ["on_wake"])


def test_what_fell_due_before_it_is_not() -> None:
    story = started().happens("inquiry")
    story.decide()
    story.wait(SECOND).change(recycle_reason="timing").decide()
    story.wait(91 * DAY).under(plan_of(work=WATCHFUL)).wait(SECOND).decide()
    assert (story.stage, story.rules()) == ("lead", [])


def test_an_answer_given_between_the_activation_and_the_first_look_is_an_event() -> None:
    rule = WATCHFUL + f"  - {{id: accepted, on: {{enters: sal}}, {TODO}}}\n"
    story = started().happens("inquiry")
    story.decide()
    story.wait(DAY).under(plan_of(work=rule)).wait(SECOND).change(decision="accepted").wait(SECOND).decide()
    assert (story.stage, story.rules()) == ("sal", ["accepted"])


def test_a_field_changed_between_the_activation_and_the_first_look_is_an_event() -> None:
    story = started(plan_of(work=WATCHFUL), employees=100)
    story.wait(DAY).under(plan_of(work=WATCHFUL, scoring=SCORING + "# new\n")).wait(SECOND)
    story.change(industry="it", email="a@example.com").decide()
    assert story.last.scores["total"] == 50
    story.wait(SECOND).under(plan_of(work=WATCHFUL, scoring=SCORING.replace("at_least: 60", "at_least: 45")))
    story.wait(SECOND).change(email="b@example.com").decide()
    assert story.rules() == ["call", "turns_hot"]


def test_a_persons_move_between_the_activation_and_the_first_look_is_an_event() -> None:
    story = started()
    story.wait(DAY).under(plan_of(work=WATCHFUL)).wait(SECOND).moved("mql").wait(SECOND).decide()
    assert (story.stage, story.rules()) == ("mql", ["call"])


def test_a_refusal_between_the_activation_and_the_first_look_is_told() -> None:
    story = started().happens("inquiry")
    story.decide()
    story.wait(DAY).under(plan_of(work=WATCHFUL)).wait(SECOND).moved("lead").wait(SECOND).decide()
    assert [one.rule for one in story.last.overruled] == ["manual_moves.backward"]


def test_steps_that_lie_before_the_activation_start_nothing() -> None:
    story = started(plan_of(work=WATCHFUL), employees=100).under(
        plan_of(work=WATCHFUL, scoring=GENEROUS), since=NOW + 2 * DAY
    )
    story.wait(DAY).decide()
    story.wait(2 * DAY).decide()
    assert (story.stage, story.opened) == ("mql", {})


def test_a_policy_change_keeps_what_is_remembered() -> None:
    story = started(plan_of(work=WATCHFUL), employees=100, industry="it").happens("inquiry")
    story.decide()
    story.wait(SECOND).change(band="low").decide()
    before = story.state
    story.under(plan_of(work=WATCHFUL, lifecycle=LIFECYCLE + "# new\n")).wait(SECOND).decide()
    after = story.state
    assert (after.entry, after.tasks, after.holds, after.published) == (
        before.entry,
        before.tasks,
        before.holds,
        before.published,
    )
    assert story.last.tasks_changed == ()


def test_a_rule_that_comes_back_goes_on_counting_its_turns() -> None:
    story = started(plan_of(work=WATCHFUL)).given(employees=100).change(industry="it").happens("inquiry")
    story.decide()
    assert "turns_hot#1" in {key.cause_id for key in story.opened}
    story.wait(SECOND).under(plan_of()).wait(SECOND).decide()
    story.change(industry="retail").wait(30 * DAY).decide()
    story.under(plan_of(work=WATCHFUL)).wait(SECOND).decide()
    story.wait(SECOND).happens("inquiry").change(industry="it").decide()
    assert "turns_hot#2" in {key.cause_id for key in story.opened}, "never one key for two causes"


def test_a_lead_that_came_into_being_under_the_policy_is_new() -> None:
    story = Story(plan=plan_of(work=WATCHFUL), created_at=NOW, since=NOW - DAY).happens("inquiry", at=NOW - SECOND)
    story.given(employees=100).decide()
    assert story.history[0].mover is Mover.START
    assert not any(entry.initial for entry in story.history)
    assert story.rules() == ["call", "turns_hot"]

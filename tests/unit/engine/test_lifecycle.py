"""Transitions to a fixpoint, loops, answers, gates, first sight."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.domain.lead import FieldFact
from connector.domain.state import Mover
from connector.domain.value import BLANK, UNREAD
from tests.unit.engine.stories import DAY, FIELDS, LIFECYCLE, NOW, PLAIN_FIELDS, SECOND, Story, plan_of, started

CHAIN = """\
stages: {a: {label: A}, b: {label: B}, c: {label: C}, d: {label: D}}
transitions:
  - {id: second, from: [a], to: c, when: {employees: {at_least: 10}}}
  - {id: first, from: [a], to: b, when: {employees: {at_least: 1}}}
  - {id: b_c, from: [b], to: c, when: {employees: {at_least: 2}}}
  - {id: c_d, from: [c], to: d, when: {employees: {at_least: 3}}}
"""
RING = """\
stages: {a: {label: A}, b: {label: B}, c: {label: C}}
transitions:
  - {id: a_b, from: [a], to: b, when: {employees: {at_least: 1}}}
  - {id: b_c, from: [b], to: c, when: {employees: {at_least: 2}}}
  - {id: c_a, from: [c], to: a, when: {employees: {at_least: 2}}}
"""
AGAIN = LIFECYCLE.replace(
    "manual_moves:",
    "  - {id: again, from: [recycled], to: mql, when: {signal.inquiry: {at_least: 1, since: stage_entered}}}\n"
    "manual_moves:",
)
CALL_EACH = """\
rules:
  - {id: at_b, on: {enters: b}, do: [{task: {kind: todo, to: owner, due: 1d, title: b}}]}
  - {id: at_c, on: {enters: c}, do: [{task: {kind: todo, to: owner, due: 1d, title: c}}]}
  - {id: by_b_c, on: {moves: b_c}, do: [{task: {kind: todo, to: owner, due: 1d, title: moved}}]}
  - {id: out_of_a, on: {leaves: a}, do: [{task: {kind: todo, to: owner, due: 1d, title: left}}]}
"""


def simple(lifecycle: str) -> Story:
    return started(plan_of(lifecycle=lifecycle, fields=PLAIN_FIELDS, recycle=None, handoff=None, work=CALL_EACH))


def test_transitions_are_tried_in_file_order_until_none_applies() -> None:
    story = simple(CHAIN).change(employees=2)
    story.decide()
    assert [(one.stage, one.passed, one.transition) for one in story.last.entries] == [
        ("b", True, "first"),
        ("c", False, "b_c"),
    ]
    both = simple(CHAIN).change(employees=12)
    both.decide()
    assert [one.transition for one in both.last.entries] == ["second", "c_d"], "the file's order, not the stages'"


def test_passed_stages_start_nothing() -> None:
    story = simple(CHAIN).change(employees=2)
    story.decide()
    assert story.rules() == ["at_c", "by_b_c", "out_of_a"]


def test_a_loop_is_cut_told_and_does_not_go_on_turning() -> None:
    story = simple(RING).change(employees=2)
    story.decide()
    assert (story.stages, story.state.stuck) == (["a", "b", "c"], "a→b→c→a")
    for _ in range(3):
        story.wait(DAY).decide()
    assert story.stages == ["a", "b", "c"], "the loop stays cut"
    assert story.explain().stuck == "a→b→c→a"
    story.change(employees=1).decide()
    assert story.stage == "c"
    story.wait(SECOND).change(employees=3).decide()
    assert story.stages[3:] == ["a", "b"], "new evidence turns it once more"


def test_where_a_loop_is_cut_a_later_way_out_is_taken() -> None:
    text = RING.replace("c: {label: C}}", "c: {label: C}, d: {label: D}}") + (
        "  - {id: c_d, from: [c], to: d, when: {employees: {at_least: 2}}}\n"
    )
    story = simple(text).change(employees=2)
    story.decide()
    assert story.stage == "d"


def test_unknown_decides_nothing() -> None:
    text = CHAIN.replace("{employees: {at_least: 1}}", "{none: [{employees: {at_least: 5}}]}")
    story = simple(text)
    assert story.stage == "a"
    why = {one.transition: one for one in story.explain().moves}["first"]
    assert (why.truth, why.unknown) == (None, ("employees",))
    story.change(employees=1).decide()
    assert story.stage == "b"


class TestAnswers:
    def test_an_answer_counts_only_since_the_stage_was_entered(self) -> None:
        story = started().happens("inquiry").change(decision="accepted", at=NOW - timedelta(hours=1))
        story.decide()
        assert story.stage == "mql", "given before: it belongs to the stage before"
        story.wait(SECOND).change(decision="accepted").decide()
        assert story.stage == "sal"

    def test_an_answer_at_the_moment_of_entry_belongs_to_the_stage_before(self) -> None:
        story = started().happens("inquiry")
        story.decide()
        assert story.state.entry is not None
        story.change(decision="accepted", at=story.state.entry.entered_at).wait(SECOND).decide()
        assert story.stage == "mql"

    def test_it_stays_through_the_move_it_causes_and_is_blanked_at_the_next(self) -> None:
        story = started().happens("inquiry")
        story.decide()
        story.wait(SECOND).change(decision="accepted").decide()
        assert story.stage == "sal"
        assert "decision" not in story.last.desired
        story.wait(SECOND).change(recycle_reason="timing").decide()
        assert story.stage == "recycled"
        assert story.last.desired["decision"] is BLANK
        assert "recycle_reason" not in story.last.desired
        story.pass_time(90 * DAY)
        assert story.stage == "lead"
        assert story.last.desired["recycle_reason"] is BLANK

    def test_an_answer_given_after_blanking_stands(self) -> None:
        story = started().happens("inquiry")
        story.decide()
        story.wait(SECOND).change(decision="accepted").decide()
        story.wait(SECOND).change(recycle_reason="timing").decide()
        story.wait(DAY).change(decision="returned").decide()
        assert "decision" not in story.last.desired

    def test_what_stood_there_at_first_sight_is_no_answer_and_is_not_blanked_at_once(self) -> None:
        story = Story(created_at=NOW - 900 * DAY).given(decision="accepted", recycle_reason="timing")
        story.moved("mql", at=NOW - 10 * DAY, first_sight=True).decide()
        assert story.stage == "mql"
        assert "decision" not in story.last.desired

    def test_an_answer_dated_after_now_counts_when_its_moment_comes(self) -> None:
        story = started().happens("inquiry")
        story.decide()
        story.change(decision="accepted", at=NOW + timedelta(minutes=1)).decide()
        assert story.stage == "mql"
        story.pass_time(timedelta(minutes=1))
        assert story.stage == "sal"


class TestGates:
    def test_no_lead_goes_through_a_gate_that_is_not_passed(self) -> None:
        story = _in_sal().change(timeline="soon")
        story.decide()
        assert story.stage == "sal"
        (why,) = [one for one in story.explain().moves if one.transition == "qualify"]
        assert (why.truth, why.missing) == (True, "課題、メール・メモのいずれか")
        story.change(need="あり").decide()
        assert story.stage == "sal"
        story.change(noted="ok").decide()
        assert (story.stage, story.by) == ("sql", "qualify")

    def test_unread_does_not_pass(self) -> None:
        story = _in_sal().change(timeline="soon", noted="ok")
        story.fields["need"] = FieldFact(value=UNREAD)
        story.decide()
        assert story.stage == "sal"

    def test_its_state_is_a_value_and_what_is_missing_is_shown(self) -> None:
        fields = FIELDS.replace(
            "company:\n",
            "  lacks: {label: 不足, type: long_text, shows: gate.handoff.missing, hubspot: contact.missing}\n"
            "  ready:\n    label: 準備\n    type: choice\n    choices: {ok: 可, not_yet: 未}\n"
            "    rules: [{id: r_ok, when: {gate.handoff: passed}, value: ok}, {id: r_not, value: not_yet}]\n"
            "    hubspot: contact.ready\ncompany:\n",
        )
        story = started(plan_of(fields=fields))
        assert (story.last.desired["lacks"], story.last.desired["ready"]) == ("課題、メール・メモのいずれか", "not_yet")
        story.change(need="あり", email="a@example.com").decide()
        assert (story.last.desired["lacks"], story.last.desired["ready"]) == (BLANK, "ok")

    def test_a_persons_move_passes_the_gate_or_is_refused(self) -> None:
        story = _in_sal().moved("sql")
        story.decide()
        assert (story.stage, story.last.stage_desired) == ("sal", "sal")
        (told,) = story.last.overruled
        assert (told.kept, told.lost, told.rule) == ("sal", "sql", "gate.handoff")
        story.wait(SECOND).change(need="あり", noted="ok").decide()
        assert story.stage == "sql", "what was missing has been given: the move stands"

    def test_a_persons_move_waits_while_what_the_gate_asks_for_is_unread(self) -> None:
        story = _in_sal().change(noted="ok")
        story.fields["need"] = FieldFact(value=UNREAD)
        story.moved("sql").decide()
        assert (story.stage, story.last.overruled) == ("sal", ())


def _in_sal() -> Story:
    story = started().happens("inquiry")
    story.decide()
    story.wait(SECOND).change(decision="accepted").decide()
    assert story.stage == "sal"
    story.wait(SECOND)
    return story


class TestFirstSight:
    def test_a_new_lead_enters_the_first_stage_which_is_an_event(self) -> None:
        work = "rules: [{id: hello, on: {enters: lead}, do: [{task: {kind: todo, to: owner, due: 1d, title: new}}]}]"
        story = Story(plan=plan_of(work=work), since=NOW - 30 * DAY)
        story.decide()
        (entry,) = story.history
        assert (entry.stage, entry.mover, entry.initial) == ("lead", Mover.START, False)
        assert story.rules() == ["hello"]

    def test_what_created_a_lead_counts_as_having_happened_in_its_first_stage(self) -> None:
        story = Story(created_at=NOW).happens("inquiry", at=NOW - SECOND)
        story.decide()
        assert story.stages == ["lead", "mql"]
        assert [one.passed for one in story.history] == [True, False]
        assert story.rules() == ["call"]

    @pytest.mark.parametrize("stage", ["sal", "recycled"])
    def test_an_old_lead_is_taken_where_its_crm_shows_it(self, stage: str) -> None:
        story = Story(created_at=NOW - 900 * DAY).given(recycle_reason="price")
        story.moved(stage, at=NOW - 100 * DAY, first_sight=True).decide()
        (entry,) = story.history
        assert (entry.stage, entry.initial, entry.entered_at) == (stage, True, NOW - 100 * DAY)
        assert entry.reason == ("price" if stage == "recycled" else None)
        assert story.rules() == []

    def test_what_an_old_lead_did_before_it_came_to_its_later_stage_does_not_move_it(self) -> None:
        story = Story(plan=plan_of(lifecycle=AGAIN), created_at=NOW - 900 * DAY)
        story.happens("inquiry", at=NOW - 800 * DAY).moved("recycled", at=NOW - 500 * DAY, first_sight=True).decide()
        assert story.stage == "recycled"
        story.wait(SECOND).happens("inquiry").decide()
        assert story.stage == "mql"

    def test_a_vendors_moment_of_move_that_is_only_a_bound_does_not_hide_what_came_after_the_activation(self) -> None:
        story = Story(plan=plan_of(lifecycle=AGAIN), created_at=NOW - 900 * DAY, since=NOW - DAY)
        story.happens("inquiry", at=NOW - SECOND).moved("recycled", at=NOW, first_sight=True).decide()
        assert story.stage == "mql"
        assert story.rules() == ["call"]

    def test_a_stage_that_the_policy_no_longer_knows(self) -> None:
        story = _in_sal()
        less = LIFECYCLE.replace("  sal: {label: SAL}\n", "").replace("from: [mql], to: sal", "from: [mql], to: sql")
        less = less.replace("from: [sal], to: sql", "from: [mql], to: sql").replace(", sal", "")
        story.under(plan_of(lifecycle=less), since=story.now).wait(SECOND).decide()
        assert story.state.entry is not None
        assert (story.stage, story.state.entry.initial, story.state.entry.seq) == ("lead", True, 4)


def test_a_submission_that_made_the_record_counts_in_the_first_stage_also_when_it_is_learnt_later() -> None:
    story = Story(created_at=NOW - SECOND, now=NOW - SECOND)
    story.decide()
    assert story.stage == "lead"
    story.now = NOW
    story.happens("inquiry", at=NOW - 2 * SECOND, learnt=NOW)
    story.decide()
    assert story.stage == "mql"

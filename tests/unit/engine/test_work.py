"""Tasks: opened once for their cause, changed and closed by what happens, settled by people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.domain.effects import WorkState
from tests.unit.engine.stories import DAY, FIELDS, NOW, PLAIN_FIELDS, SCORING, SECOND, SIGNALS, Story, plan_of, started

TODO = "do: [{task: {kind: todo, to: owner, due: 1d, title: x}}]"


def working(*rules: str, more: str = "") -> Story:
    text = "rules:\n" + "".join(f"  - {{{rule}, {TODO}}}\n" for rule in rules)
    return started(plan_of(work=text + more))


class TestTasks:
    def test_a_task_says_why_for_whom_and_by_when(self) -> None:
        story = started(last_name="山田", employees=100).happens("inquiry")
        story.decide()
        (task,) = story.tasks()
        assert (task.kind, task.owner, task.priority, task.opened_in) == ("call", "sato", "high", 2)
        assert (task.title, task.text) == ("山田様に電話", "問い合わせ +40、大きい +30 / MQL")
        assert task.due_at == NOW + DAY
        assert task.key.text() == "stage_entry:2:call:task"

    def test_it_follows_the_owner(self) -> None:
        story = started().happens("inquiry")
        story.decide()
        story.owner = "suzuki"
        story.wait(SECOND).decide()
        (task,) = story.last.tasks_changed
        assert (task.owner, task.state) == ("suzuki", WorkState.OPEN)

    def test_a_lead_without_owner_has_a_task_that_waits_for_one(self) -> None:
        story = started()
        story.owner = None
        story.happens("inquiry").decide()
        assert [task.owner for task in story.tasks()] == [None]
        story.owner = "sato"
        story.wait(SECOND).decide()
        assert [task.owner for task in story.tasks()] == ["sato"]

    def test_leaving_the_stage_closes_it(self) -> None:
        story = started().happens("inquiry")
        story.decide()
        story.wait(SECOND).change(decision="accepted").decide()
        (task,) = story.last.tasks_changed
        assert (task.state, task.ended_at) == (WorkState.CLOSED, story.now)

    @pytest.mark.parametrize("end", [WorkState.DONE, WorkState.SETTLED])
    def test_what_a_person_did_with_it_stands(self, end: WorkState) -> None:
        story = started().happens("inquiry")
        story.decide()
        story.person_did("call", end).wait(SECOND).decide()
        assert (story.rules(), story.rules(end), story.last.tasks_changed) == ([], ["call"], ())
        story.wait(SECOND).change(decision="accepted").decide()
        assert story.last.tasks_changed == (), "neither closed nor made again"

    def test_a_task_of_a_signal_in_a_stage_that_is_left_at_once_belongs_to_the_stage_of_rest(self) -> None:
        story = working("id: each, on: {signal: inquiry}").happens("inquiry")
        story.decide()
        assert (story.stage, story.rules()) == ("mql", ["each"])

    def test_ended_tasks_are_forgotten_in_the_end(self) -> None:
        bare = plan_of(
            lifecycle=None,
            recycle=None,
            work=f"rules: [{{id: each, on: {{signal: visit}}, {TODO}}}]",
            fields=PLAIN_FIELDS,
        )
        story = started(bare)
        for _ in range(60):
            story.wait(SECOND).happens("visit").decide()
            story.person_did("each", WorkState.DONE)
        story.wait(SECOND).decide()
        assert len(story.opened) == 60
        assert len(story.state.tasks) == 20

    def test_without_stages_tasks_stay_open_until_people_end_them(self) -> None:
        bare = plan_of(
            lifecycle=None,
            recycle=None,
            work=f"rules: [{{id: each, on: {{signal: visit}}, {TODO}}}]",
            fields=PLAIN_FIELDS,
        )
        story = started(bare).happens("visit")
        story.decide()
        story.pass_time(30 * DAY)
        assert (story.rules(), story.last.stage_desired) == (["each"], None)


class TestSignals:
    def test_each_time_and_once_for_each(self) -> None:
        story = working("id: each, on: {signal: visit}").happens("visit").happens("visit")
        story.decide()
        assert len(story.tasks()) == 2
        story.wait(SECOND).decide()
        assert len(story.tasks()) == 2
        story.wait(SECOND).happens("visit").decide()
        assert len(story.opened) == 3

    def test_only_when_fresh(self) -> None:
        story = working("id: each, on: {signal: visit}")
        story.happens("visit", at=NOW - timedelta(hours=25)).happens("visit", at=NOW - timedelta(hours=24))
        story.decide()
        assert len(story.tasks()) == 1
        assert story.last.scores["behaviour"] > 10, "an old one scores all the same"

    def test_a_union_acts_once_for_each_occurrence(self) -> None:
        story = working("id: each, on: {signal: anything}").happens("visit").happens("reply")
        story.decide()
        assert len(story.tasks()) == 2

    def test_one_dated_after_now_acts_when_its_moment_comes(self) -> None:
        story = working("id: each, on: {signal: visit}")
        story.happens("visit", at=NOW + timedelta(minutes=3)).decide()
        assert story.tasks() == []
        story.pass_time(timedelta(minutes=3))
        assert len(story.tasks()) == 1

    def test_only_while_the_rule_s_condition_holds(self) -> None:
        story = working("id: each, on: {signal: visit}, when: {industry: it}").happens("visit")
        story.decide()
        story.wait(SECOND).change(industry="it").decide()
        assert story.tasks() == [], "the chance has gone by"
        story.wait(SECOND).happens("visit").decide()
        assert len(story.tasks()) == 1

    def test_of_several_events_that_come_at_once_the_first_listed_counts(self) -> None:
        story = working("id: any_of, on: [{enters: mql}, {signal: inquiry}]").happens("inquiry")
        story.decide()
        assert [task.key.cause for task in story.tasks()] == ["stage_entry"]
        story.wait(SECOND).happens("inquiry").decide()
        assert [task.key.cause for task in story.tasks()] == ["stage_entry", "signal"]


class TestBecomes:
    def test_each_time_that_it_turns_true_and_not_while_it_stays(self) -> None:
        story = working("id: turn, on: {becomes: {industry: it}}").change(industry="it")
        story.decide()
        story.pass_time(5 * DAY)
        assert len(story.opened) == 1
        story.change(industry="retail").decide()
        story.wait(SECOND).change(industry="it").decide()
        assert sorted(key.cause_id for key in story.opened) == ["turn#1", "turn#2"]

    def test_time_alone_may_turn_it(self) -> None:
        story = working("id: turn, on: {becomes: {signal.visit: {at_most: 0, within: 7d}}}").happens("visit")
        story.decide()
        first = len(story.opened)
        story.pass_time(7 * DAY - SECOND)
        assert len(story.opened) == first
        story.pass_time(SECOND)
        assert len(story.opened) == first + 1
        assert max(story.opened.values()) == NOW + 7 * DAY

    def test_from_unknown_to_true_is_a_turn_and_unknown_is_none(self) -> None:
        story = working("id: turn, on: {becomes: {none: [{employees: {at_least: 10}}]}}")
        assert story.opened == {}
        story.change(employees=5).decide()
        assert len(story.opened) == 1

    def test_a_new_lead_for_which_it_holds_from_the_start(self) -> None:
        work = f"rules: [{{id: low, on: {{becomes: {{band: low, stage: lead}}}}, {TODO}}}]"
        story = Story(plan=plan_of(work=work))
        story.decide()
        assert story.rules() == ["low"]


class TestNever:
    NEVER = "never: [{id: quiet, what: [task], when: {no_mail: yes}}]\n"

    def test_it_outranks_every_rule(self) -> None:
        story = working("id: each, on: {signal: visit}", more=self.NEVER).given(no_mail=True).happens("visit")
        story.decide()
        assert story.tasks() == []
        story.wait(SECOND).change(no_mail=False).decide()
        assert story.tasks() == [], "what was forbidden is not made up for"

    def test_it_closes_what_is_open(self) -> None:
        story = working("id: each, on: {signal: visit}", more=self.NEVER).happens("visit")
        story.decide()
        assert len(story.tasks()) == 1
        story.wait(SECOND).change(no_mail=True).decide()
        assert (story.rules(), story.rules(WorkState.CLOSED)) == ([], ["each"])

    def test_it_forbids_only_its_kinds(self) -> None:
        mails = self.NEVER.replace("[task]", "[mail]")
        story = working("id: each, on: {signal: visit}", more=mails).given(no_mail=True).happens("visit")
        story.decide()
        assert story.rules() == ["each"]


class TestSettings:
    RULE = "rules: [{id: note, on: {signal: visit}, do: [{set: {noted: seen}}]}]"

    def test_what_a_rule_sets_is_wanted_until_the_crm_shows_it(self) -> None:
        story = started(plan_of(work=self.RULE)).happens("visit")
        story.decide()
        assert story.last.desired["noted"] == "seen"
        story.wait(SECOND).happens("reply").decide()
        assert story.last.desired["noted"] == "seen", "another evaluation does not lose it"
        story.change(noted="seen").decide()
        assert "noted" not in story.last.desired

    def test_a_later_edit_has_the_last_word(self) -> None:
        story = started(plan_of(work=self.RULE)).happens("visit")
        story.decide()
        story.wait(SECOND).change(noted="mine").decide()
        assert "noted" not in story.last.desired


def test_a_rule_in_shadow_does_nothing() -> None:
    story = working("id: each, on: {signal: visit}, shadow: yes").happens("visit")
    story.decide()
    assert (story.tasks(), story.last.fired, story.last.shadowed) == ([], (), ("each",))


def test_shown_fields_follow_the_signals_not_the_mirror() -> None:
    shows = """\
  attempts: {label: 回数, type: number, shows: attempts_in_stage, hubspot: contact.attempts}
  contact: {label: 最終接触, type: moment, shows: last_contact, hubspot: contact.last}
  next: {label: 次, type: moment, shows: next_task_due, hubspot: contact.next}
  lists: {label: リスト, type: text, shows: queues, hubspot: contact.lists}
"""
    listed = TODO.replace("kind: todo", "kind: todo, queue: today")
    queues = "queues:\n  later: {label: あとで, tasks: [third]}\n  today: {label: 今日, tasks: [third]}\n"
    rule = f"rules: [{{id: third, on: {{becomes: {{attempts: {{at_least: 2}}}}}}, {listed}}}]\n{queues}"
    plan = plan_of(
        fields=FIELDS.replace("company:\n", shows + "company:\n"), work=rule, signals=SIGNALS, scoring=SCORING
    )
    story = started(plan).happens("attempted").wait(SECOND).happens("attempted")
    story.decide()
    assert story.rules() == ["third"]
    assert (story.last.desired["attempts"], story.last.desired["contact"]) == (2, story.now)
    assert story.last.desired["next"] == story.now + DAY
    assert story.last.desired["lists"] == "今日"

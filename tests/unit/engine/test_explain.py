"""The explanation: points, rules, evidence, what is unknown, what is waited for."""

from __future__ import annotations

from connector.domain.decision import Ground
from connector.domain.value import UNREAD
from connector.engine.words import printed
from tests.unit.engine.stories import DAY, NOW, SECOND, Story, started


def test_points_name_their_rule_and_the_moments_they_come_from() -> None:
    story = started(employees=100).happens("inquiry", at=NOW - 10 * DAY).happens("visit", at=NOW - DAY)
    story.decide()
    why = story.explain()
    fit, behaviour = why.scores
    assert [(part.rule, part.label, part.points, part.at) for part in fit.parts] == [("large", "大きい", 30, ())]
    inquiry, visit = behaviour.parts
    assert (inquiry.label, inquiry.points, inquiry.full_points, inquiry.at) == ("問い合わせ", 20, 40, (NOW - 10 * DAY,))
    assert (visit.rule, visit.at) == ("b_visit", (NOW - DAY,))
    assert why.total == round(story.last.scores["total"])
    assert behaviour.published == story.state.published["behaviour"]


def test_what_is_unknown_is_named_for_scores_and_moves() -> None:
    story = started()
    why = story.explain()
    assert {one.rule: one.unknown for one in why.scores[0].undecided} == {
        "large": ("employees",),
        "it": ("industry",),
        "student": ("email",),
    }
    discard = next(one for one in why.moves if one.transition == "discard")
    assert (discard.truth, discard.unknown) == (False, ())
    assert discard.condition


def test_it_names_the_values_the_stage_the_tasks_and_the_next_look() -> None:
    story = started(employees=100).happens("inquiry")
    story.decide()
    why = story.explain()
    assert dict(why.values)["band"] == "hot"
    assert (why.entry, why.tasks) == (story.state.entry, story.state.tasks)
    assert story.last.wake is not None
    assert (why.wake_at, why.wake_why) == (story.last.wake.at, story.last.wake.why.value)


def test_a_lead_that_was_never_evaluated() -> None:
    why = Story().explain()
    assert (why.entry, why.moves, why.tasks, why.total) == (None, (), (), 0.0)


def test_explaining_changes_nothing_and_follows_the_clock() -> None:
    story = started(employees=100).happens("inquiry")
    story.decide()
    before = story.state
    story.wait(10 * DAY)
    assert round(story.explain().total) == 50
    assert story.state is before


def test_texts_print_labels_local_dates_and_nothing_for_the_unknown() -> None:
    story = started()
    view = story.lead
    assert view.fact("nowhere").value is UNREAD
    from connector.engine.view import LeadView

    looked = LeadView(story.plan, view, {}, story.state.entry, {}, NOW)
    field = story.plan.policy.fields["timeline"]
    assert printed("soon", field, looked, "ja") == "すぐ"
    assert printed(NOW, None, looked, "ja") == "2026-11-20 10:00"
    assert printed(True, None, looked, "ja") == "はい"
    assert printed(frozenset({"later", "soon"}), field, looked, "ja") == "いずれ、すぐ"
    assert (printed(3.0, None, looked, "ja"), printed(2.5, None, looked, "ja")) == ("3", "2.5")


def test_the_reasons_name_the_rules_that_gave_most() -> None:
    fields = {"employees": 100, "industry": "it", "email": "a@tokyo.ac.jp"}
    story = started(**fields).happens("inquiry").happens("visit").wait(SECOND)  # type: ignore[arg-type]
    story.decide()
    (task,) = story.tasks()
    assert task.text.startswith("student -40、問い合わせ +40、IT企業 +30")


def test_a_move_keeps_what_it_rested_on_and_nothing_that_people_wrote() -> None:
    story = started(employees=100, email="a@example.jp")
    seen = {}
    for happens in (
        lambda: story.happens("inquiry"),
        lambda: story.change(decision="accepted"),
        lambda: story.change(need="手作業", timeline="soon"),
        lambda: story.change(recycle_reason="timing"),
    ):
        happens()
        story.decide()
        seen |= {entry.transition: story.last.grounds[entry.seq] for entry in story.last.entries}
        story.wait(SECOND)
    entered = {entry.stage: entry.entered_at for entry in story.state.trail}
    assert seen == {
        "to_mql_hot": (Ground(name="band", value="hot"),),
        "accept": (Ground(name="decision", at=entered["sal"]),),
        "qualify": (Ground(name="timeline", at=entered["sql"]), Ground(name="gate.handoff", value="passed")),
    }
    story = started(email="a@example.jp").happens("inquiry", at=NOW - SECOND).happens("inquiry")
    story.decide()
    assert story.last.grounds[2] == (Ground(name="signal.inquiry", at=NOW, value=2.0),)

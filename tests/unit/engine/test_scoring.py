"""Points, limits, repeats, fading, ratings, and what is unknown."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from math import log2

import pytest

from connector.domain.lead import Actor, FieldFact
from connector.domain.value import BLANK, UNREAD, UNREADABLE
from tests.unit.engine.stories import DAY, FIELDS, NOW, PLAIN_FIELDS, SCORING, SECOND, Story, plan_of, scores, started

LINEAR = SCORING.replace("decay: {half_life: 10d}", "decay: {linear: {to_zero_after: 10d}}")
LASTING = SCORING.replace("    decay: {half_life: 10d}\n", "")


def test_facts_and_behaviour_are_scored_apart_and_summed() -> None:
    story = started(employees=100).happens("inquiry")
    story.decide()
    assert scores(story) == {"fit": 30, "behaviour": 40, "total": 70}
    assert story.last.desired["band"] == "hot"


def test_a_cap_limits_the_sum_and_not_the_parts() -> None:
    story = started(employees=500, industry="it")
    assert scores(story)["fit"] == 50
    story.change(email="a@tokyo.ac.jp").decide()
    assert scores(story)["fit"] == 20, "30 + 30 - 40, not 50 - 40"


def test_the_floor_is_zero_unless_the_file_says_otherwise() -> None:
    assert scores(started(email="a@tokyo.ac.jp"))["fit"] == 0
    lower = plan_of(
        scoring=SCORING.replace("cap: 50\n    rules:\n      - {id: large", "floor: -20\n    rules:\n      - {id: large")
    )
    assert scores(started(lower, email="a@tokyo.ac.jp"))["fit"] == -20
    assert scores(started(lower, employees=100, industry="it", email="b@example.com"))["fit"] == 60, "no cap"


def test_repeats_count_only_so_often_in_any_window_whatever_the_order_of_learning() -> None:
    plan = plan_of(scoring=LASTING)
    story = started(plan)
    for days in (6, 5, 4):
        story.happens("visit", at=NOW - timedelta(days=days / 10))
    story.decide()
    assert scores(story)["behaviour"] == 20
    story.wait(7 * DAY).happens("visit").decide()
    assert scores(story)["behaviour"] == 30, "a new window has begun"
    late = started(plan)
    late.happens("visit", at=NOW - DAY / 2).happens("visit", at=NOW - DAY / 4).happens("visit", at=NOW - DAY / 3)
    late.decide()
    assert scores(late)["behaviour"] == 20


@pytest.mark.parametrize(("days", "share"), [(0, 1.0), (5, 0.5**0.5), (10, 0.5), (20, 0.25)])
def test_half_life(days: int, share: float) -> None:
    story = started().happens("inquiry")
    story.decide()
    story.wait(days * DAY).decide()
    assert story.last.scores["behaviour"] == pytest.approx(40 * share)


@pytest.mark.parametrize(("days", "points"), [(0, 40), (5, 20), (10, 0), (30, 0)])
def test_linear_decay(days: int, points: float) -> None:
    story = started(plan_of(scoring=LINEAR)).happens("inquiry")
    story.decide()
    story.wait(days * DAY).decide()
    assert story.last.scores["behaviour"] == pytest.approx(points)


def test_a_rule_with_signal_and_condition_gives_points_only_while_it_holds() -> None:
    text = SCORING.replace("signal: inquiry, points", "signal: inquiry, when: {industry: it}, points")
    story = started(plan_of(scoring=text)).happens("inquiry")
    story.decide()
    assert scores(story)["behaviour"] == 0
    story.change(industry="it").decide()
    assert scores(story)["behaviour"] == 40


def test_a_rating_turns_at_the_very_microsecond_at_which_the_score_falls_below() -> None:
    story = started(employees=100).happens("inquiry")  # 30 + 40, hot from 60: 40 must fall below 29.5
    story.decide()
    plan, signals, state = story.plan, story.signals, story.state
    story.pass_time(10 * DAY)
    assert story.state.ratings["band"] == "low"
    moment = next(
        wake
        for wake in _wakes(Story(plan=plan, signals=signals, state=state, fields=story.fields, now=NOW))
        if wake[1] == "low"
    )[0]
    exact = NOW + 10 * DAY * log2(40 / 29.5)
    assert abs(moment - exact) <= timedelta(microseconds=2)


def _wakes(story: Story) -> list[tuple]:  # type: ignore[type-arg]
    found = []
    story.decide()
    for _ in range(12):
        wake = story.last.wake
        if wake is None:
            break
        story.now = wake.at - timedelta(microseconds=1)
        before = story.decide().state.ratings["band"]
        story.now = wake.at
        after = story.decide().state.ratings["band"]
        found.append((story.now, after, before))
    return found


def test_the_answer_is_the_old_one_a_microsecond_before_the_rating_turns() -> None:
    story = started(employees=100).happens("inquiry")
    turned = [wake for wake in _wakes(story) if wake[1] != wake[2]]
    assert [(after, before) for _, after, before in turned] == [("low", "hot")]


def test_what_is_unknown_gives_nothing_and_is_told() -> None:
    story = started(employees=500)
    why = {one.id: one for one in story.explain().scores}["fit"]
    assert [one.rule for one in why.undecided] == ["it", "student"]
    assert why.undecided[0].unknown == ("industry",)
    assert [part.rule for part in why.parts] == ["large"]


@pytest.mark.parametrize("missing", [UNREAD, UNREADABLE])
def test_a_computed_field_that_hangs_on_the_unread_is_left_as_it_stands(missing: object) -> None:
    text = SCORING.replace("      - {id: band_low, value: low}\n", "").replace(
        "{score.total: {at_least: 60}}", "{industry: it}"
    )
    plan = plan_of(scoring=text, lifecycle=None, work=None, recycle=None, fields=PLAIN_FIELDS)
    story = Story(plan=plan)
    story.fields["industry"] = FieldFact(value=missing)  # type: ignore[arg-type]
    story.decide()
    assert "band" not in story.last.desired
    story.change(industry=BLANK).decide()
    assert story.last.desired["band"] is BLANK, "blank is knowledge: nothing holds"


def test_tags_take_every_rule_that_holds() -> None:
    tags = """\
  tags:
    label: タグ
    type: choices
    choices: {big: 大, it: IT, new: 新}
    rules:
      - {id: t_big, when: {employees: {at_least: 100}}, value: big}
      - {id: t_it, when: {industry: it}, value: it}
      - {id: t_new, when: {signal.visit: {at_least: 1, within: 7d}}, value: new}
    hubspot: contact.tags
"""
    plan = plan_of(fields=FIELDS.replace("company:\n", tags + "company:\n"))
    story = started(plan, employees=100, industry="it").happens("visit")
    story.decide()
    assert story.last.desired["tags"] == frozenset({"big", "it", "new"})
    story.change(employees=10).pass_time(7 * DAY)
    assert story.last.desired["tags"] == frozenset({"it"})
    story.change(industry="retail").decide()
    assert story.last.desired["tags"] is BLANK


def test_a_union_counts_every_occurrence_once_however_it_is_nested() -> None:
    text = SCORING.replace("signal: inquiry", "signal: anything").replace(
        "decay: {half_life: 10d}", "decay: {half_life: 1000d}"
    )
    story = (
        started(plan_of(scoring=text.replace("points: 40", "points: 4")))
        .happens("visit")
        .happens("reply")
        .happens("inquiry")
    )
    story.decide()
    assert round(story.last.scores["behaviour"]) == 3 * 4 + 10


class TestPublishing:
    def test_a_fading_score_is_written_at_most_daily(self) -> None:
        story = started(employees=100).happens("inquiry")
        story.decide()
        published = [story.state.published_at]
        for _ in range(96):
            story.pass_time(timedelta(hours=1))
            published.append(story.state.published_at)
        moments = sorted({moment for moment in published if moment is not None})
        assert len(moments) >= 4
        daily = [moment for moment in moments if moment - moments[0] < timedelta(days=4.1)]
        assert all(later - earlier >= DAY for earlier, later in pairwise(daily))

    def test_it_is_written_at_once_when_facts_change(self) -> None:
        story = started(employees=100).happens("inquiry")
        story.decide()
        story.wait(timedelta(minutes=5)).happens("visit").decide()
        assert story.state.published["behaviour"] == 50
        story.wait(5 * DAY).decide()
        story.wait(SECOND).happens("inquiry").decide()
        assert story.state.published_at == story.now, "a limit does not hide that facts have changed"

    def test_it_is_written_at_once_when_a_rating_changes(self) -> None:
        text = SCORING.replace("at_least: 60", "at_least: 61")
        story = started(plan_of(scoring=text), employees=100).happens("inquiry")
        story.decide()
        story.pass_time(10 * DAY * 0.3905)  # 61 points until 60.5
        before = story.state.published_at
        story.pass_time(DAY / 100)
        assert story.state.ratings["band"] == "low"
        assert before is not None
        assert story.state.published_at != before

    def test_what_moved_within_the_day_is_written_when_the_day_is_over(self) -> None:
        story = started(employees=10).happens("inquiry")
        story.decide()
        story.wait(timedelta(hours=20)).decide()
        assert (story.state.published["behaviour"], round(story.last.scores["behaviour"])) == (40, 38)
        story.pass_time(timedelta(hours=6))
        assert story.state.published["behaviour"] == 37, "a day and this lead's share of the hour after the last time"

    def test_a_broken_step_means_whole_points_and_does_not_wake_every_minute(self) -> None:
        text = SCORING.replace("decay: {half_life: 10d}", "decay: {half_life: 10d}\n    publish_step: 0.25")
        story = started(plan_of(scoring=text)).happens("inquiry")
        story.decide()
        story.pass_time(30 * DAY)

    def test_nothing_is_published_of_a_policy_without_scores(self) -> None:
        story = started(employees=100)
        bare = plan_of(
            scoring="ratings:\n  band:\n    choices: {hot: ホット}\n    rules: [{id: all_hot, value: hot}]\n",
            lifecycle=None,
            work=None,
            recycle=None,
            fields=PLAIN_FIELDS,
        )
        story.under(bare).wait(SECOND).decide()
        assert story.last.scores == {}
        assert story.last.stage_desired is None, "a policy without stages leaves the CRM's stage alone"


class TestHolds:
    def test_a_persons_edit_of_a_computed_field_stands_for_hold_edits_and_is_then_decided_again(self) -> None:
        story = started(employees=10)
        story.change(band="hot").decide()
        assert story.last.desired["band"] == "hot"
        assert story.last.wake is not None
        assert story.last.wake.at == NOW + 7 * DAY
        story.pass_time(7 * DAY - SECOND)
        assert story.last.desired["band"] == "hot"
        assert dict(story.explain().holds)["band"].until == NOW + 7 * DAY
        story.pass_time(SECOND)
        assert story.last.desired["band"] == "low"
        story.wait(SECOND).decide()
        assert story.last.desired["band"] == "low", "it does not begin anew while the person's value still stands"

    def test_an_edit_that_turns_out_to_be_an_apps_is_held_no_longer(self) -> None:
        story = started(employees=10)
        story.change(band="hot").decide()
        assert story.last.desired["band"] == "hot", "nobody was named: a person's edit must not be lost"
        story.change(actor=Actor.VENDOR, at=story.now, band="hot").wait(SECOND).decide()
        assert story.last.desired["band"] == "low"
        story.change(band="hot").decide()
        story.wait(SECOND).change(actor=Actor.VENDOR, band="mid").decide()
        assert story.last.desired["band"] == "hot", "what an app does afterwards ends no hold"

    def test_the_end_of_a_hold_is_told_once(self) -> None:
        story = started(employees=10)
        story.change(band="hot").decide()
        story.now += 7 * DAY
        (told,) = story.decide().overruled
        assert (told.field, told.kept, told.lost, told.rule) == ("band", "low", "hot", "hold_edits")
        story.wait(DAY).decide()
        assert story.last.overruled == ()

    def test_conditions_read_the_persons_value(self) -> None:
        story = started(employees=10)
        story.change(band="hot").decide()
        assert (story.stage, story.by) == ("mql", "to_mql_hot")

    def test_another_edit_holds_anew(self) -> None:
        story = started(employees=10)
        story.change(band="hot").decide()
        story.wait(6 * DAY).change(band="low").decide()
        assert story.state.holds["band"].until == NOW + 13 * DAY

    def test_what_the_crm_itself_writes_over_a_computed_field_is_not_kept(self) -> None:
        story = started(employees=10)
        story.change(actor=Actor.VENDOR, band="hot").decide()
        assert story.last.desired["band"] == "low"

    def test_a_hold_outlives_our_not_being_able_to_read_the_field(self) -> None:
        story = started(employees=10)
        story.change(band="hot").decide()
        story.wait(DAY).change(band=UNREADABLE).decide()
        assert story.last.desired["band"] == "hot"

"""A lead that is moved to and fro: what has turned five times in a day rests for the day, and is told once."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.state import Mover, StageEntry
from connector.engine import breaker
from tests.unit.engine.stories import DAY, NOW, PLAIN_FIELDS, Story, plan_of

MINUTE = timedelta(minutes=1)
LIFECYCLE = """\
stages:
  lead: {label: リード}
  mql: {label: MQL}
transitions:
  - {id: up, from: [lead], to: mql, when: {noted: up}}
  - {id: down, from: [mql], to: lead, when: {noted: down}}
"""
TURNING = plan_of(fields=PLAIN_FIELDS, lifecycle=LIFECYCLE, recycle=None, handoff=None, work=None)


def _turns(story: Story, times: int) -> Story:
    """Another tool changes the field that two rules hang on."""
    for _ in range(times):
        story.wait(MINUTE).change(noted="up").decide()
        story.wait(MINUTE).change(noted="down").decide()
    return story


@pytest.mark.fault("F49")
def test_five_turns_in_a_day_and_the_rules_rest() -> None:
    story = Story(plan=TURNING)
    story.decide()
    _turns(story, 5)
    assert story.stages.count("mql") == 5
    assert story.last.notices == ()
    story.wait(MINUTE).change(noted="up").decide()
    assert (story.stage, story.state.stuck) == ("lead", "lead⇄mql")
    assert story.explain().stuck == "lead⇄mql"
    (notice,) = story.last.notices
    assert notice.to == ("person:sato",)
    assert notice.text.startswith("「リード」と「MQL」の間を24時間に5回行き来したため")
    story.wait(MINUTE).decide()
    assert story.last.notices == (), "told once"


def test_they_go_on_exactly_a_day_after_the_first_of_the_five() -> None:
    story = Story(plan=TURNING)
    story.decide()
    _turns(story, 5)
    first = next(entry.entered_at for entry in story.history if entry.stage == "mql")
    story.wait(MINUTE).change(noted="up").decide()
    assert story.last.wake is not None
    assert story.last.wake.at == first + DAY
    story.pass_time(2 * DAY)
    assert story.history[-1].stage == "mql"
    assert story.history[-1].entered_at == first + DAY
    assert story.state.stuck is None


def test_a_persons_move_is_never_held() -> None:
    story = Story(plan=TURNING)
    story.decide()
    _turns(story, 5)
    story.wait(MINUTE).change(noted="up").decide()
    story.wait(MINUTE).moved("mql").decide()
    assert story.stage == "mql"


def test_a_tool_that_speaks_for_a_person_is_caught_too() -> None:
    story = Story(plan=TURNING)
    story.decide()
    for _ in range(7):
        story.wait(MINUTE).change(noted="up").decide()
        story.wait(MINUTE).moved("lead").decide()
    assert story.stages.count("mql") == 5
    assert story.state.stuck == "lead⇄mql"


@pytest.mark.fault("F49")
@given(
    turns=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Mover), st.integers(0, 3000)), max_size=24),
    after=st.integers(0, 3000),
)
def test_no_pair_turns_six_times_in_any_day(turns: list[tuple[str, Mover, int]], after: int) -> None:
    """Whatever the past: while `rests_until` is heeded, no window of a day holds six moves by rule from a to b."""
    trail: list[StageEntry] = []
    now = NOW
    for number, (stage, mover, minutes) in enumerate(turns):
        now += minutes * MINUTE
        before = trail[-1].stage if trail else None
        rests = breaker.rests_until(trail, before, stage, now) if before is not None else None
        if rests is not None and mover is Mover.RULE:
            assert now < rests <= now + DAY
            assert breaker.rests_until(trail, str(before), stage, rests) is None, "exactly then it ends"
            continue
        trail.append(StageEntry(seq=number + 1, stage=stage, entered_at=now, mover=mover))
    pairs: dict[tuple[str, str], list[timedelta]] = {}
    for one, other in pairwise(trail):
        if other.mover is Mover.RULE:
            pairs.setdefault((one.stage, other.stage), []).append(other.entered_at - NOW)
    for moments in pairs.values():
        assert all(sixth - first >= DAY for first, sixth in zip(moments, moments[5:], strict=False))

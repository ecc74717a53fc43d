"""The moment at which a fading score crosses a threshold, against looking at every second."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.engine.crossing import CLOSE, Fade, Fall
from connector.engine.fading import faded, left_of, limited, whole
from connector.engine.scoring import ScoreResult
from connector.policy.model import Contribution, Decay, ScoreDef, ScoreRule
from tests.unit.engine.stories import NOW

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
Parts = list[tuple[ScoreDef, ScoreResult]]


def rule(points: float) -> ScoreRule:
    return ScoreRule(id="r", label={}, when=None, signal="s", points=points, times=None, within=None)


def part(
    points: dict[float, list[float]], decay: Decay | None, *, cap: float | None = None, floor: float | None = 0.0
) -> tuple[ScoreDef, ScoreResult]:
    """A score whose rules (by points) have occurrences so many hours ago."""
    definition = ScoreDef(id="s", label={}, floor=floor, cap=cap, decay=decay, rules=(), publish_step=1)
    parts = tuple(
        Contribution(rule(value), value, tuple(NOW - HOUR * age for age in ages)) for value, ages in points.items()
    )
    return definition, ScoreResult(0.0, 0.0, parts)


def value(parts: Parts, moment: object) -> float:
    """The sum as `scoring.score` works it out."""
    total = 0.0
    for definition, result in parts:
        one = 0.0
        for contribution in result.contributions:
            if definition.decay is None:
                one += contribution.rule.points * len(contribution.at)
            else:
                one += contribution.rule.points * sum(faded(definition.decay, moment - at) for at in contribution.at)  # type: ignore[operator]
        total += limited(definition, one)
    return total


def fade_of(parts: Parts, now: datetime) -> Fade:
    """The sum of these as a function of time."""
    return Fade([(result.value, Fall(definition, result)) for definition, result in parts], now)


def crossing(parts: Parts, threshold: float, now: datetime) -> datetime | None:
    """The crossing, of parts with the values that they have then."""
    return fade_of([(one, as_of(one, result, now)) for one, result in parts], now).crossing(threshold)


def as_of(definition: ScoreDef, result: ScoreResult, now: datetime) -> ScoreResult:
    """A result as it stands at a moment."""
    left = tuple(
        one._replace(points=one.rule.points * left_of(definition.decay, one.at, now)) for one in result.contributions
    )
    return result._replace(value=value([(definition, result)], now), parts=left)


def side(parts: Parts, threshold: float, moment: object) -> int:
    found = whole(value(parts, moment))
    return (found > threshold) - (found < threshold)


HALF = Decay(half_life=10 * HOUR)
SLOW = Decay(half_life=30 * HOUR)
LINEAR = Decay(to_zero_after=20 * HOUR)


@pytest.mark.parametrize("decay", [HALF, LINEAR])
def test_the_side_changes_at_the_crossing_and_not_a_microsecond_before(decay: Decay) -> None:
    parts = [part({40.0: [0.0, 3.0]}, decay)]
    at = crossing(parts, 31.0, NOW)
    assert at is not None
    assert side(parts, 31.0, at - TICK) == 1
    assert side(parts, 31.0, at) != 1


def test_whole_points_count_a_half_up_and_a_fading_score_keeps_its_point_until_the_half_is_gone() -> None:
    assert [whole(points) for points in (39.5, 39.999, 40.0, 40.499, -15.5)] == [40, 40, 40, 40, -15]


def test_half_of_the_points_are_left_after_a_half_life() -> None:
    assert value([part({40.0: [0.0]}, HALF)], NOW + 10 * HOUR) == 20.0
    at = crossing([part({40.0: [0.0]}, HALF)], 20.0, NOW)
    assert at is not None
    assert abs(at - (NOW + 10 * HOUR * log2(40 / 20.5))) <= TICK


def test_a_score_held_at_its_cap_crosses_when_what_is_above_has_faded() -> None:
    parts = [part({40.0: [0.0, 0.0]}, HALF, cap=50.0)]
    at = crossing(parts, 50.0, NOW)
    assert at is not None
    assert (whole(value(parts, at - TICK)), whole(value(parts, at))) == (50, 49)


def test_what_reaches_its_floor_stays_there() -> None:
    parts = [part({40.0: [0.0]}, LINEAR), part({-10.0: [0.0]}, None)]
    assert crossing(parts, 0.0, NOW + 21 * HOUR) is None
    assert crossing([part({-10.0: [0.0]}, LINEAR)], 5.0, NOW) is None


def test_losses_fade_too() -> None:
    parts = [part({-30.0: [0.0]}, LINEAR, floor=None)]
    at = crossing(parts, -15.0, NOW)
    assert at is not None
    assert abs(at - (NOW + 20 * HOUR * (1 - 15.5 / 30))) <= TICK


def test_a_hump_between_two_speeds_is_seen() -> None:
    parts = [part({40.0: [0.0]}, SLOW, floor=None), part({-20.0: [0.0]}, Decay(half_life=2 * HOUR), floor=None)]
    up = crossing(parts, 30.0, NOW)
    assert up is not None
    assert side(parts, 30.0, up - TICK) == -1
    down = crossing(parts, 30.0, up + HOUR)
    assert down is not None
    assert down > up + HOUR
    assert side(parts, 30.0, down) < side(parts, 30.0, up + HOUR)


def test_without_fading_there_is_no_crossing() -> None:
    assert crossing([part({40.0: [0.0]}, None)], 40.0, NOW) is None
    assert crossing([], 40.0, NOW) is None


points = st.dictionaries(
    st.sampled_from([40.0, 20.0, 7.0, -15.0, -3.0]), st.lists(st.floats(0, 60), min_size=1, max_size=3), max_size=3
)
scores = st.lists(
    st.builds(
        part,
        points,
        st.sampled_from([HALF, SLOW, LINEAR, None]),
        cap=st.sampled_from([None, 30.0]),
        floor=st.sampled_from([None, 0.0, -5.0]),
    ),
    min_size=1,
    max_size=3,
)


@given(parts=scores, thresholds=st.lists(st.sampled_from([0.0, 5.0, 14.5, 15.0, 30.0, -2.0]), min_size=1))
def test_the_soonest_of_several_crossings_is_told_with_a_moment_before_it(
    parts: Parts, thresholds: list[float]
) -> None:
    fade = fade_of([(one, as_of(one, result, NOW)) for one, result in parts], NOW)
    found = fade.soonest(thresholds) if fade.moves else None
    every = [at for one in thresholds if (at := fade.crossing(one)) is not None]
    if found is None:
        assert every == []
    else:
        near, threshold = found
        exact = fade.crossing(threshold)
        assert exact == min(every)
        assert near <= exact <= near + CLOSE


@given(parts=scores, threshold=st.sampled_from([0.0, 5.0, 15.0, 30.0, -2.0]))
def test_no_earlier_crossing_is_missed(parts: Parts, threshold: float) -> None:
    now = side(parts, threshold, NOW)
    at = crossing(parts, threshold, NOW)
    if at is not None:
        assert at > NOW
        assert side(parts, threshold, at) != now
    end = at or NOW + 400 * HOUR
    step = HOUR / 3
    moment = NOW
    while moment < end:
        # What differs by less than rounding is no crossing.
        edge = abs(abs(value(parts, moment) - threshold) - 0.5)
        assert side(parts, threshold, moment) == now or edge < 1e-9
        moment += step

"""How points fade, and the exact moment at which fading alone carries a score across a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from typing import TYPE_CHECKING

from connector.policy.model import Decay, ScoreDef

if TYPE_CHECKING:
    from connector.engine.scoring import ScoreResult

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
"""A score that goes over a threshold and back within less than this is not noticed."""
_HALVINGS = 64
"""After this many half-lives nothing that a threshold could see is left."""


def faded(decay: Decay, age: timedelta) -> float:
    """The share of the points that is left at this age, 1 … 0."""
    if decay.half_life is not None:
        return float(0.5 ** (age / decay.half_life))
    if decay.to_zero_after is not None:
        return max(0.0, 1.0 - age / decay.to_zero_after)
    return 1.0


def whole(points: float) -> float:
    """A score as people see it and rules compare it: whole points, a half counts up.

    40 points that faded for a second are still 40: what the CRM shows and what the policy says never disagree.
    """
    return float(floor(points + 0.5))


def limited(definition: ScoreDef, total: float) -> float:
    """The sum held between the score's floor and cap."""
    if definition.cap is not None and total > definition.cap:
        total = definition.cap
    if definition.floor is not None and total < definition.floor:
        total = definition.floor
    return total


@dataclass(frozen=True, slots=True)
class _Fall:
    """One score as a function of time, every fact standing still: what stays, what falls, what rises."""

    definition: ScoreDef
    result: ScoreResult

    def at(self, moment: datetime) -> tuple[float, float, float]:
        """The limited score, and its gains and losses apart: gains only fall with time, losses only rise."""
        decay, total, losses = self.definition.decay, 0.0, 0.0
        for one in self.result.contributions:
            points = one.rule.points
            if one.at:
                points *= len(one.at) if decay is None else sum(faded(decay, moment - since) for since in one.at)
            total += points
            if points < 0:
                losses += points
        return limited(self.definition, total), total - losses, losses

    def ends(self, now: datetime) -> datetime:
        """When nothing fades any more."""
        decay = self.definition.decay
        latest = max((since for one in self.result.contributions for since in one.at), default=None)
        if decay is None or latest is None:
            return now
        if decay.half_life is not None:
            return now + decay.half_life * _HALVINGS
        return latest + (decay.to_zero_after or timedelta())


_Point = tuple[datetime, Sequence[tuple[float, float, float]]]


def crossing(parts: Sequence[tuple[ScoreDef, ScoreResult]], threshold: float, now: datetime) -> datetime | None:
    """The first moment after `now` at which the sum of `parts`, in whole points, stands otherwise to `threshold`.

    Exact to the microsecond; None: never. A stretch of time is passed over when the sum cannot leave its side of
    the threshold in it (gains at their end with losses at their start, and the other way round, are its bounds);
    else it is halved, the earlier half first.
    """
    falls = [_Fall(definition, result) for definition, result in parts]
    horizon = max((fall.ends(now) for fall in falls), default=now)
    first: _Point = (now, [fall.at(now) for fall in falls])
    side = _side(first, threshold)
    waiting: list[tuple[_Point, _Point]] = []
    if horizon > now:
        waiting.append((first, (horizon, [fall.at(horizon) for fall in falls])))
    while waiting:
        start, end = waiting.pop()
        if _stays(falls, start, end, threshold, side):
            continue
        length, changed = end[0] - start[0], _side(end, threshold) != side
        if length <= _MICROSECOND and changed:
            return end[0]
        if length > (_MICROSECOND if changed else _SECOND):
            moment = start[0] + length / 2
            middle: _Point = (moment, [fall.at(moment) for fall in falls])
            waiting += [(middle, end), (start, middle)]
    return None


def _side(point: _Point, threshold: float) -> int:
    value = whole(sum(one[0] for one in point[1]))
    return (value > threshold) - (value < threshold)


def _stays(falls: Sequence[_Fall], start: _Point, end: _Point, threshold: float, side: int) -> bool:
    """True when the sum is on this side of the threshold from `start` to `end`."""
    low = high = 0.0
    for fall, (_, gains, losses), (_, gains_left, losses_left) in zip(falls, start[1], end[1], strict=True):
        low += limited(fall.definition, gains_left + losses)
        high += limited(fall.definition, gains + losses_left)
    low, high = whole(low), whole(high)
    return (low > threshold) - (low < threshold) == side == (high > threshold) - (high < threshold)

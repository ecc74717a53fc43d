"""How points fade, and the exact moment at which fading alone carries a score across a threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.policy.model import Decay, ScoreDef

if TYPE_CHECKING:
    from connector.engine.scoring import ScoreResult

_MICROSECOND = timedelta(microseconds=1)
_HALVINGS = 64
"""After this many half-lives nothing that a threshold could see is left."""
_PIECES = 32
"""Where points of both signs fade at different speeds a segment is looked at in so many pieces."""


def faded(decay: Decay, age: timedelta) -> float:
    """The share of the points that is left at this age, 1 … 0."""
    if decay.half_life is not None:
        return float(0.5 ** (age / decay.half_life))
    if decay.to_zero_after is not None:
        return max(0.0, 1.0 - age / decay.to_zero_after)
    return 1.0


class _Curve:
    """The sum of some scores as a function of time, every fact standing still."""

    def __init__(self, parts: Sequence[tuple[ScoreDef, ScoreResult]]) -> None:
        self._parts = parts

    def at(self, moment: datetime) -> float:
        total = 0.0
        for definition, result in self._parts:
            one = 0.0
            for contribution in result.contributions:
                points = contribution.rule.points
                if not contribution.at:
                    one += points
                elif definition.decay is None:
                    one += points * len(contribution.at)
                else:
                    one += points * sum(faded(definition.decay, moment - since) for since in contribution.at)
            if definition.cap is not None and one > definition.cap:
                one = definition.cap
            if definition.floor is not None and one < definition.floor:
                one = definition.floor
            total += one
        return total

    def fading(self) -> Iterator[tuple[Decay, float, datetime]]:
        """Every occurrence whose points fade: (decay, points, since)."""
        for definition, result in self._parts:
            if definition.decay is not None:
                for contribution in result.contributions:
                    for since in contribution.at:
                        yield definition.decay, contribution.rule.points, since


def crossing(parts: Sequence[tuple[ScoreDef, ScoreResult]], threshold: float, now: datetime) -> datetime | None:
    """The first moment after `now` at which the sum of `parts` stands otherwise to `threshold` than it does now.

    Exact to the microsecond: the sum is monotone between the moments at which single points run out, so that
    comparing both ends of each piece finds the piece, and halving finds the moment. None: never.
    """
    curve = _Curve(parts)
    items = [item for item in curve.fading() if faded(item[0], now - item[2]) > 0.0]
    if not items:
        return None
    side = _side(curve.at(now), threshold)
    before = now
    for end in _ends(items, now):
        if _side(curve.at(end), threshold) != side:
            return _first_change(curve, threshold, side, before, end)
        before = end
    return None


def _side(value: float, threshold: float) -> int:
    return (value > threshold) - (value < threshold)


def _ends(items: Sequence[tuple[Decay, float, datetime]], now: datetime) -> Iterator[datetime]:
    """The ends of pieces on which the curve is monotone, ascending."""
    longest = max((decay.half_life for decay, _, _ in items if decay.half_life is not None), default=None)
    moments = {since + decay.to_zero_after for decay, _, since in items if decay.to_zero_after is not None}
    if longest is not None:
        moments.add(now + longest * _HALVINGS)
    mixed = len({points > 0 for _, points, _ in items}) > 1 and len({decay for decay, _, _ in items}) > 1
    before = now
    for moment in sorted(moment for moment in moments if moment > now):
        if mixed:
            step = (moment - before) / _PIECES
            yield from (before + step * piece for piece in range(1, _PIECES))
        yield moment
        before = moment


def _first_change(curve: _Curve, threshold: float, side: int, low: datetime, high: datetime) -> datetime:
    """Halve between `low` (still on `side`) and `high` (no longer) down to the microsecond."""
    while high - low > _MICROSECOND:
        middle = low + (high - low) / 2
        if _side(curve.at(middle), threshold) == side:
            low = middle
        else:
            high = middle
    return high

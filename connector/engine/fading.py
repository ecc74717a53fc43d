"""How points fade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import floor

from connector.policy.model import Decay, ScoreDef


def faded(decay: Decay, age: timedelta) -> float:
    """The share of the points that is left at this age, 1 … 0."""
    if decay.half_life is not None:
        return float(0.5 ** (age.total_seconds() / decay.half_life.total_seconds()))
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


def left_of(decay: Decay | None, occurred: Sequence[datetime], now: datetime) -> float:
    """How many full occurrences' worth is left of these: `faded` of each, written out for the usual case."""
    if decay is None:
        return len(occurred)
    if decay.half_life is None:
        return sum([faded(decay, now - moment) for moment in occurred])
    seconds = decay.half_life.total_seconds()  # to divide spans of time themselves costs twice as much
    left = 0.0
    for moment in occurred:  # not `sum`, which rounds otherwise than what the policy's program adds up
        left += 0.5 ** ((now - moment).total_seconds() / seconds)
    return left

"""Scores: points while a condition holds, points per signal that fade with age, limits, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from connector.engine.fading import faded, limited
from connector.policy.model import Contribution, Decay, ScoreDef, ScoreRule

if TYPE_CHECKING:
    from connector.engine.view import LeadView


class ScoreResult(NamedTuple):
    """A score and its parts.

    `value` is limited to floor … cap; `basis` is the plain sum as if nothing had faded: it moves only when facts
    do, even while a limit hides that. `undecided` are the rules whose
    condition is unknown: they give nothing and the explanation says what they wait for.
    """

    value: float
    basis: float
    contributions: tuple[Contribution, ...]
    undecided: tuple[ScoreRule, ...]


def score(view: LeadView, definition: ScoreDef) -> ScoreResult:
    """Work out one score for a lead at `view.now`."""
    total = basis = 0.0
    decay, now, times_of = definition.decay, view.now, view.times
    contributions: list[Contribution] = []
    undecided: list[ScoreRule] = []
    for full, test, signal in definition.lines:
        if test is not None:
            truth = test(view)
            if truth is not True:
                if truth is None:
                    undecided.append(full.rule)
                continue
        if signal is None:
            total += full.points
            basis += full.points
            contributions.append(full)
        elif times := times_of(signal):
            counted = countable(times, full.rule.times, full.rule.within)
            left = _left(decay, counted, now) * full.points
            total += left
            basis += full.points * len(counted)
            contributions.append(Contribution(full.rule, left, counted))
    return ScoreResult(limited(definition, total), basis, tuple(contributions), tuple(undecided))


def countable(times: Sequence[datetime], limit: int | None, within: timedelta | None) -> tuple[datetime, ...]:
    """The occurrences that count under `up_to: {times, within}`: at most so many in any such window.

    Without `within`, the first `limit` ever. An occurrence is judged by the counted ones before it, so the answer
    does not depend on the order in which they were learnt, nor on when we look.
    """
    if limit is None:
        return tuple(times)
    if within is None:
        return tuple(times[:limit])
    counted: list[datetime] = []
    for moment in times:
        if len(counted) < limit or moment - counted[-limit] >= within:
            counted.append(moment)
    return tuple(counted)


def _left(decay: Decay | None, counted: Sequence[datetime], now: datetime) -> float:
    """How many full occurrences' worth is left of these."""
    if decay is None:
        return len(counted)
    return sum([faded(decay, now - moment) for moment in counted])

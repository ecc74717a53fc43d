"""Scores: points while a condition holds, points per signal that fade with age, limits, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.engine.fading import faded, limited
from connector.policy.model import Decay, ScoreDef, ScoreRule

if TYPE_CHECKING:
    from connector.engine.view import LeadView


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one rule gives: `points` now, and the occurrences behind them (empty for a rule on facts alone)."""

    rule: ScoreRule
    points: float
    at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreResult:
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
    contributions: list[Contribution] = []
    undecided: list[ScoreRule] = []
    for rule in definition.rules:
        if rule.when is not None:
            truth = rule.when.test(view)
            if truth is not True:
                if truth is None:
                    undecided.append(rule)
                continue
        if rule.signal is None:
            total += rule.points
            basis += rule.points
            contributions.append(Contribution(rule, rule.points))
            continue
        counted = countable(view.times(rule.signal), rule.times, rule.within)
        if counted:
            points = _signal_points(rule, definition.decay, counted, view.now)
            total += points
            basis += rule.points * len(counted)
            contributions.append(Contribution(rule, points, counted))
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


def _signal_points(rule: ScoreRule, decay: Decay | None, counted: Sequence[datetime], now: datetime) -> float:
    if decay is None:
        return rule.points * len(counted)
    return rule.points * sum(faded(decay, now - moment) for moment in counted)

"""Scores: points while a condition holds, points per signal that fade with age, limits, and what they are made of.

How a policy's scores are worked out is written as Python by `program.py`, of the parts that stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from connector.engine.fading import limited
from connector.policy.generated import MOST_ANSWERS
from connector.policy.model import Contribution, ScoreDef


class ScoreResult(NamedTuple):
    """A score and its parts.

    `value` is limited to floor … cap; `basis` is the plain sum as if nothing had faded: it moves only when facts
    do, even while a limit hides that.
    """

    value: float
    basis: float
    contributions: tuple[Contribution, ...]


class Results(dict[int, ScoreResult]):
    """Which rules hold, as bits → a score of facts alone: the same rules make the same result."""

    def __init__(self, definition: ScoreDef) -> None:
        super().__init__()
        self._definition = definition

    def __missing__(self, mask: int) -> ScoreResult:
        if len(self) >= MOST_ANSWERS:
            self.clear()
        rules = [rule for place, rule in enumerate(self._definition.rules) if mask >> place & 1]
        points = sum([rule.points for rule in rules], 0.0)
        given = tuple(Contribution(rule, rule.points) for rule in rules)
        found = self[mask] = ScoreResult(limited(self._definition, points), points, given)
        return found


class RuleIds(dict[int, tuple[str, ...]]):
    """Which rules hold, as bits → their ids."""

    def __init__(self, definition: ScoreDef) -> None:
        super().__init__()
        self._ids = [rule.id for rule in definition.rules]

    def __missing__(self, mask: int) -> tuple[str, ...]:
        if len(self) >= MOST_ANSWERS:
            self.clear()
        found = self[mask] = tuple(rule_id for place, rule_id in enumerate(self._ids) if mask >> place & 1)
        return found


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

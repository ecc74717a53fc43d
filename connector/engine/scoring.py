"""Scores: points while a condition holds, points per signal that fade with age, limits, and what they are made of.

How a policy's scores are worked out is written as Python by `program.py`, of the parts that stand here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from connector.engine.fading import limited
from connector.policy.model import Contribution, ScoreDef, ScoreRule

_T = TypeVar("_T")

AT_ONCE = 12
"""What so many rules on facts give together is looked up in one table, which has room for whatever may hold."""

Part: TypeAlias = tuple[ScoreRule, float, tuple[datetime, ...]]
"""What one rule gives, as a `Contribution` tells it: plain, since every evaluation makes some and few are told."""

Share: TypeAlias = tuple[float, tuple[Part, ...]]
"""What some rules on facts give together, and each of them."""


class ScoreResult(NamedTuple):
    """A score and its parts, in file order.

    `value` is limited to floor … cap; `basis` is the plain sum as if nothing had faded: it moves only when facts
    do, even while a limit hides that.
    """

    value: float
    basis: float
    parts: tuple[Part, ...]

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """The parts as they are told."""
        return tuple(map(Contribution._make, self.parts))


class _ByRules(dict[int, _T], Generic[_T]):
    """Which of some rules hold, as bits → what follows of that, worked out when it is asked first."""

    def __init__(self, rules: Sequence[ScoreRule]) -> None:
        """No more than `AT_ONCE` rules."""
        super().__init__()
        self._rules = tuple(rules)

    def __missing__(self, mask: int) -> _T:
        found = self[mask] = self._of([rule for place, rule in enumerate(self._rules) if mask >> place & 1])
        return found

    def _of(self, rules: Sequence[ScoreRule]) -> _T:
        raise NotImplementedError


class Shares(_ByRules[Share]):
    """Which of some rules on facts hold → their points together, and each rule's part."""

    def _of(self, rules: Sequence[ScoreRule]) -> Share:
        return share(rules)


class Results(_ByRules[ScoreResult]):
    """Which of its rules hold → a score of few rules, all on facts: the same rules make the same result."""

    def __init__(self, definition: ScoreDef) -> None:
        super().__init__(definition.rules)
        self._definition = definition

    def _of(self, rules: Sequence[ScoreRule]) -> ScoreResult:
        points, parts = share(rules)
        return ScoreResult(limited(self._definition, points), points, parts)


class RuleIds(_ByRules[tuple[str, ...]]):
    """Which of some rules hold → their ids."""

    def _of(self, rules: Sequence[ScoreRule]) -> tuple[str, ...]:
        return tuple([rule.id for rule in rules])


def share(rules: Sequence[ScoreRule]) -> Share:
    """What these rules on facts give, all of which hold."""
    return sum([rule.points for rule in rules], 0.0), tuple([(rule, rule.points, ()) for rule in rules])


def stretches(rules: Sequence[ScoreRule]) -> Iterator[tuple[int, Sequence[ScoreRule]]]:
    """The rules in stretches of file order that are nearly alike in length and looked up in one table each; with the
    place of the first.
    """
    length = ceil(len(rules) / ceil(len(rules) / AT_ONCE))
    for first in range(0, len(rules), length):
        yield first, rules[first : first + length]


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

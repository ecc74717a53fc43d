"""Conditions as they run: three-valued, compiled once to closures, aware of when time alone changes them.

A condition is a tree of leaves (`compare.py` for values, `counts.py` for signals) joined by `AllOf`, `AnyOf`
and `NoneOf`. Missing data makes a comparison *unknown* (`None`); the joins follow Kleene's logic, so a result is
True or False only where no value that is still missing could change it. `compile.py` builds them from YAML.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from connector.domain.value import Truth, Value
from connector.policy.phrases import join_clauses


class View(Protocol):
    """One lead at one moment, as a condition reads it. The engine implements it."""

    @property
    def now(self) -> datetime:
        """The moment of the evaluation, aware UTC."""

    @property
    def zone(self) -> ZoneInfo:
        """The policy's zone: dates begin at its midnight."""

    @property
    def stage_entered_at(self) -> datetime | None:
        """When the present stage was entered; None before the first stage."""

    def value(self, name: str) -> Value:
        """The value of a field or built-in name; UNREAD, UNREADABLE or BLANK when there is none."""

    def times(self, signal: str) -> Sequence[datetime]:
        """The occurrences of a signal (unions resolved), ascending, none after `now`."""

    def score_crossing(self, score: str, threshold: float) -> datetime | None:
        """The next moment at which time alone brings the score across the threshold."""


class Turn(NamedTuple):
    """A moment at which time alone may change a condition, and its truth from then on.

    `look` is set where only a new evaluation can tell the truth after it (a score that faded across its
    threshold may cross again later), so that the moment is reported even if nothing changes.
    """

    at: datetime
    truth: Truth
    look: bool = False


Test = Callable[[View], Truth]


class Condition(ABC):
    """A condition, ready to run. `test` is a plain closure held as an attribute: the hot path calls it directly.

    `names` are the names it reads, as the policy writes them: `employees`, `score.total`, `signal.inquiry`.
    """

    __slots__ = ()

    test: Test
    names: frozenset[str]

    @abstractmethod
    def turns(self, view: View) -> Iterator[Turn]:
        """The moments after `view.now` at which time alone may change the truth, ascending and lazy."""

    @abstractmethod
    def unknowns(self, view: View) -> tuple[str, ...]:
        """The names whose being unknown keeps the result unknown; empty when it is known."""

    @abstractmethod
    def describe(self, language: str) -> str:
        """The condition in words, for the explanation and the printed manual (`ja` or `en`)."""

    def next_change(self, view: View) -> datetime | None:
        """The earliest moment after `now` at which time alone changes the truth; None: never.

        Exact to the microsecond: `test` gives the new answer at this moment and the old one just before.
        (After a score's crossing the answer may turn out to be the same.)
        """
        before = self.test(view)
        for turn in self.turns(view):
            if turn.look or turn.truth is not before:
                return turn.at
        return None


def conjunction(tests: Sequence[Test]) -> Test:
    """AND of Kleene: False wins, then unknown."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests

        def both(view: View) -> Truth:
            one = first(view)
            if one is False:
                return False
            other = second(view)
            return other if one is True or other is False else None

        return both
    frozen = tuple(tests)

    def every(view: View) -> Truth:
        result: Truth = True
        for test in frozen:
            truth = test(view)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    return every


def disjunction(tests: Sequence[Test]) -> Test:
    """OR of Kleene: True wins, then unknown."""
    if len(tests) == 1:
        return tests[0]
    frozen = tuple(tests)

    def some(view: View) -> Truth:
        result: Truth = False
        for test in frozen:
            truth = test(view)
            if truth is True:
                return True
            if truth is None:
                result = None
        return result

    return some


def negation(test: Test) -> Test:
    """NOT of Kleene: unknown stays unknown."""

    def negated(view: View) -> Truth:
        truth = test(view)
        return None if truth is None else not truth

    return negated


@dataclass(frozen=True, slots=True, eq=False)
class _Joined(Condition):
    parts: tuple[Condition, ...]
    test: Test = field(init=False, repr=False)
    names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "test", self._join([part.test for part in self.parts]))
        object.__setattr__(self, "names", frozenset[str]().union(*(part.names for part in self.parts)))

    def _join(self, tests: Sequence[Test]) -> Test:
        raise NotImplementedError

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        raise NotImplementedError

    def turns(self, view: View) -> Iterator[Turn]:
        truths = [part.test(view) for part in self.parts]
        heap = []
        for index, part in enumerate(self.parts):
            stream = part.turns(view)
            if (turn := next(stream, None)) is not None:
                heap.append((turn.at, index, turn, stream))
        heapify(heap)
        while heap:
            at, look = heap[0][0], False
            while heap and heap[0][0] == at:
                _, index, turn, stream = heap[0]
                truths[index] = turn.truth
                look = look or turn.look
                if (following := next(stream, None)) is None:
                    heappop(heap)
                else:
                    heapreplace(heap, (following.at, index, following, stream))
            yield Turn(at, self._combine(truths), look)

    def _clauses(self, language: str) -> list[str]:
        """The parts in words; a part that joins several stands in brackets."""
        words = ((part, part.describe(language)) for part in self.parts)
        return [f"({text})" if isinstance(part, _Joined) and len(part.parts) > 1 else text for part, text in words]

    def unknowns(self, view: View) -> tuple[str, ...]:
        if self.test(view) is not None:
            return ()
        return tuple(dict.fromkeys(name for part in self.parts for name in part.unknowns(view)))


class AllOf(_Joined):
    """Every part must hold: the keys of one mapping, and `all:`."""

    __slots__ = ()

    def _join(self, tests: Sequence[Test]) -> Test:
        return conjunction(tests)

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        return False if False in truths else (None if None in truths else True)

    def describe(self, language: str) -> str:
        return join_clauses(self._clauses(language), "all", language)


class AnyOf(_Joined):
    """At least one part must hold: `any:`."""

    __slots__ = ()

    def _join(self, tests: Sequence[Test]) -> Test:
        return disjunction(tests)

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        return True if True in truths else (None if None in truths else False)

    def describe(self, language: str) -> str:
        return join_clauses(self._clauses(language), "any", language)


class NoneOf(_Joined):
    """No part may hold: `none:`."""

    __slots__ = ()

    def _join(self, tests: Sequence[Test]) -> Test:
        return negation(disjunction(tests))

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        return False if True in truths else (None if None in truths else True)

    def describe(self, language: str) -> str:
        return join_clauses(self._clauses(language), "none", language)

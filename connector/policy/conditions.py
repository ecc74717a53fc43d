"""Conditions as they run: three-valued, written out as Python once, aware of when time alone changes them.

A condition is a tree of leaves (`compare.py` for values, `counts.py` for signals) joined by `AllOf`, `AnyOf`
and `NoneOf`. Missing data makes a comparison *unknown* (`None`); the joins follow Kleene's logic, so a result is
True or False only where no value that is still missing could change it. `compile.py` builds them from YAML.

A leaf of another kind says what it reads (`names`, `moved_by`, `stage_bound`), writes its two expressions
(`holds`, `fails`; see `generated.py`), and tells its turns; everything else follows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from heapq import heapify, heappop, heapreplace
from typing import Any, ClassVar, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from connector.domain.value import Truth, Value
from connector.policy.generated import NEVER, Module, OfOneValue, Scope
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

    def moves(self, movers: frozenset[str]) -> bool:
        """Whether time alone can change anything by one of these: a signal that occurred, a score that fades."""


class Turn(NamedTuple):
    """A moment at which time alone may change a condition, and its truth from then on.

    `look` is set where only a new evaluation can tell the truth after it (a score that faded across its
    threshold may cross again later), so that the moment is reported even if nothing changes.
    """

    at: datetime
    truth: Truth
    look: bool = False


class Once(NamedTuple):
    """A turn that comes no more than once, as Python: the expression of its moment, and the truth from then on.

    What has come behind `now` already has turned; a moment that is None never comes, since what is asked is not known.
    """

    at: str
    truth: bool


class Turns(Protocol):
    """Looks for the first moment at which time alone turns one of several conditions. Each way of telling it of one
    returns the limit from then on.
    """

    @property
    def limit(self) -> datetime:
        """What comes after this moment does not matter any more."""

    def take(self, moment: datetime | None) -> datetime:
        """A condition turns at this moment, if it lies ahead."""

    def against(self, score: str, thresholds: Sequence[float]) -> datetime:
        """A condition turns when this score (by its bare name) crosses one of these."""

    def turn(self, view: Any, condition: Condition) -> datetime:
        """Ask this condition when it turns."""


Test = Callable[[View], Truth]


class Key(Enum):
    """What of a value decides the answers about it, and repeats from lead to lead."""

    VALUE = "value"  #: The value itself: a choice, a title, yes or no.
    DOMAIN = "domain"  #: What follows its `@`.


class Condition(ABC):
    """A condition, ready to run.

    `names` are the names it reads, as the policy writes them: `employees`, `score.total`, `signal.inquiry`.
    """

    __slots__ = ("_test",)

    _test: Test
    names: frozenset[str]
    #: The signals (`inquiry`) and scores (`score.total`) but for which time alone changes nothing; None: it always may.
    moved_by: frozenset[str] | None
    #: True when it looks at when the stage was entered in another way than by a name.
    stage_bound: bool
    #: Set where it asks one name's value only, and such values repeat from lead to lead: what is kept of the answers.
    key: Key | None

    @abstractmethod
    def holds(self, scope: Scope) -> str:
        """A Python expression that is true where the condition is certainly True."""

    @abstractmethod
    def fails(self, scope: Scope) -> str:
        """A Python expression that is true where the condition is certainly False."""

    @abstractmethod
    def may_turn(self, scope: Scope) -> str:
        """A Python expression that is false only where time alone does not change the truth after `now` and up to the
        variable `limit`. It costs little: `next_change` has to be asked only where it is true.
        """

    def once(self, scope: Scope) -> Once | None:
        """When it turns, where it does so once at most and a sum says when; None where that has to be looked for."""
        return None

    def tells(self, scope: Scope) -> str:
        """A Python call that tells `soonest` (see `Turns`) when it turns; it counts only where `may_turn` is true."""
        once = self.once(scope)
        return f"soonest.take({once.at})" if once is not None else f"soonest.turn(view, {scope.bind(self)})"

    @abstractmethod
    def turns(self, view: View) -> Iterator[Turn]:
        """The moments after `view.now` at which time alone may change the truth, ascending and lazy."""

    @abstractmethod
    def unknowns(self, view: View) -> tuple[str, ...]:
        """The names whose being unknown keeps the result unknown; empty when it is known."""

    @abstractmethod
    def describe(self, language: str) -> str:
        """The condition in words, for the explanation and the printed manual (`ja` or `en`)."""

    @property
    def test(self) -> Test:
        """The condition as a function of a view, written when it is first asked for."""
        try:
            return self._test
        except AttributeError:
            found = written(self, Scope(Module()))
            object.__setattr__(self, "_test", found)
            return found

    def hinge(self, view: View) -> Condition | None:
        """The part on which alone it hangs when it turns; None where time alone changes nothing.

        What only facts decide stands still: a condition that such a part has decided cannot turn.
        """
        return self if self.moved_by is None or view.moves(self.moved_by) else None

    def next_change(self, view: View) -> datetime | None:
        """The earliest moment after `now` at which time alone changes the truth; None: never.

        Exact to the microsecond: `test` gives the new answer at this moment and the old one just before.
        (After a score's crossing the answer may turn out to be the same.)
        """
        hinge = self.hinge(view)
        return hinge.next_turn(view) if hinge is not None else None

    def next_turn(self, view: View) -> datetime | None:
        """`next_change` of a condition that is its own hinge."""
        before = self.test(view)
        for turn in self.turns(view):
            if turn.look or turn.truth is not before:
                return turn.at
        return None


def written(condition: Condition, scope: Scope) -> Test:
    """The function of a condition: what `scope` loads, then its two expressions."""
    yes, no = condition.holds(scope), condition.fails(scope)
    scope.module.define("test", scope, [f"if {yes}:", "    return True", f"return False if {no} else None"])
    found: Test = scope.module.run()["test"]
    return found


def answer(condition: Condition) -> Callable[[Any], Truth]:
    """The function of a condition that looks at one name only, taking that name's value."""
    return written(condition, OfOneValue(Module()))


@dataclass(frozen=True, slots=True, eq=False)
class _Joined(Condition):
    parts: tuple[Condition, ...]
    names: frozenset[str] = field(init=False, repr=False)
    moved_by: frozenset[str] | None = field(init=False, repr=False)
    stage_bound: bool = field(init=False, repr=False)
    key: Key | None = field(init=False, repr=False)

    _decisive: ClassVar[bool]
    """The truth of one part that decides the whole."""

    def __post_init__(self) -> None:
        parts = self.parts
        names = frozenset[str]().union(*(part.names for part in parts))
        signals = [part.moved_by for part in parts]
        keys = {part.key for part in parts}
        moved_by = None if None in signals else frozenset[str]().union(*(one for one in signals if one))
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "moved_by", moved_by)
        object.__setattr__(self, "stage_bound", any(part.stage_bound for part in parts))
        object.__setattr__(self, "key", keys.pop() if len(names) == len(keys) == 1 else None)

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        raise NotImplementedError

    def _all(self, scope: Scope) -> str:
        return _bracketed(" and ".join([part.holds(scope) for part in self.parts]))

    def _some_fails(self, scope: Scope) -> str:
        return _bracketed(" or ".join([part.fails(scope) for part in self.parts]))

    def _any(self, scope: Scope) -> str:
        return _bracketed(" or ".join([part.holds(scope) for part in self.parts]))

    def _each_fails(self, scope: Scope) -> str:
        return _bracketed(" and ".join([part.fails(scope) for part in self.parts]))

    def hinge(self, view: View) -> Condition | None:
        """See `Condition.hinge`."""
        moving: list[Condition] = []
        neutral = True
        for part in self.parts:
            if part.moved_by is None or view.moves(part.moved_by):
                moving.append(part)
                continue
            truth = part.test(view)
            if truth is self._decisive:
                return None
            neutral = neutral and truth is not None
        if len(moving) == 1 and neutral:
            return moving[0].hinge(view)
        return self if moving else None

    def may_turn(self, scope: Scope) -> str:
        """See `Condition.may_turn`: some part may, and none that stands still decides the whole."""
        turning = [(part, part.may_turn(scope)) for part in self.parts]
        moving = [one for _, one in turning if one != NEVER]
        if not moving:
            return NEVER
        decided = [self._decides(part, scope) for part, one in turning if one == NEVER]
        return _bracketed(" and ".join([_bracketed(" or ".join(moving)), *(f"not {one}" for one in decided)]))

    def tells(self, scope: Scope) -> str:
        """See `Condition.tells`: where no part that stands still decides the whole, it turns with those that move."""
        moving = self._moving(scope)
        if len(moving) == 1 and not isinstance(moving[0], _Joined):
            return moving[0].tells(scope)
        once = self._joint(moving, scope)
        return f"soonest.take({once.at})" if once is not None else f"soonest.turn(view, {scope.bind(self)})"

    def once(self, scope: Scope) -> Once | None:
        """See `Condition.once`; a part that stands still may decide the whole, which only `may_turn` knows."""
        moving = self._moving(scope)
        return self._joint(moving, scope) if len(moving) == len(self.parts) else None

    def _moving(self, scope: Scope) -> list[Condition]:
        return [part for part in self.parts if part.may_turn(scope) != NEVER]

    def _joint(self, moving: Sequence[Condition], scope: Scope) -> Once | None:
        """Of parts that all turn the same way the first one decides, or the whole waits for the last of them."""
        turns = [part.once(scope) for part in moving]
        found = [one for one in turns if one is not None]
        if not found or len(found) < len(turns) or len({one.truth for one in found}) > 1:
            return None
        truth = found[0].truth
        pick = first_of if truth is self._decisive else last_of
        at = found[0].at if len(found) == 1 else f"{scope.bind(pick)}(({', '.join([one.at for one in found])}))"
        return Once(at, self._combine([truth]) is True)

    def _decides(self, part: Condition, scope: Scope) -> str:
        return _bracketed(part.holds(scope) if self._decisive else part.fails(scope))

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
    _decisive = False

    def holds(self, scope: Scope) -> str:
        return self._all(scope)

    def fails(self, scope: Scope) -> str:
        return self._some_fails(scope)

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        return False if False in truths else (None if None in truths else True)

    def describe(self, language: str) -> str:
        return join_clauses(self._clauses(language), "all", language)


class AnyOf(_Joined):
    """At least one part must hold: `any:`."""

    __slots__ = ()
    _decisive = True

    def holds(self, scope: Scope) -> str:
        return self._any(scope)

    def fails(self, scope: Scope) -> str:
        return self._each_fails(scope)

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        return True if True in truths else (None if None in truths else False)

    def describe(self, language: str) -> str:
        return join_clauses(self._clauses(language), "any", language)


class NoneOf(_Joined):
    """No part may hold: `none:`."""

    __slots__ = ()
    _decisive = True

    def holds(self, scope: Scope) -> str:
        return self._each_fails(scope)

    def fails(self, scope: Scope) -> str:
        return self._any(scope)

    def _combine(self, truths: Sequence[Truth]) -> Truth:
        return False if True in truths else (None if None in truths else True)

    def describe(self, language: str) -> str:
        return join_clauses(self._clauses(language), "none", language)


def first_of(moments: Sequence[datetime | None]) -> datetime | None:
    """The first of those that come at all."""
    return min([at for at in moments if at is not None], default=None)


def last_of(moments: Sequence[datetime | None]) -> datetime | None:
    """The last of those that come at all."""
    return max([at for at in moments if at is not None], default=None)


def _bracketed(expression: str) -> str:
    return f"({expression})"

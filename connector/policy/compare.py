"""Leaves that compare one value: `employees: {at_least: 100}`, `need: known`, `deal.meeting_at: {within: 2d}`.

What is asked of the value is an `Asked`: numbers, members and `known` are written out, for other operators
`…_question` makes the pure question (value → true or false), or one that also looks at the clock, with the moments
at which its answer turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo

import re2

from connector.domain.value import Missing
from connector.policy.conditions import Condition, Key, Once, Turn, View
from connector.policy.generated import NEVER, Scope
from connector.policy.phrases import language_of, phrase
from connector.policy.text import belongs, domain_of, fold
from connector.policy.windows import Window, day_of, just_after, midnight, moment_of, next_day

Question: TypeAlias = Callable[[Any], bool]
"""A known value → does the comparison hold? The value has the field's canonical type."""

_KEPT = 4_096  #: Answers kept for each text comparison.

Relative: TypeAlias = Literal["today", "now"]


@dataclass(frozen=True, slots=True)
class ClockQuestion:
    """A comparison with the clock: whether it holds at a moment, and when it may turn.

    `from_age`: of a moment it holds from this age on, so that no more than a subtraction is needed. `turns_to`: its
    only turn leads to this truth.
    """

    holds: Callable[[Any, datetime, ZoneInfo], bool]
    turns: Callable[[Any, ZoneInfo], tuple[datetime, ...]]
    from_age: timedelta | None = None
    turns_to: bool | None = None


class Asked(Protocol):
    """What is asked of one value, as Python: see `generated.py` for the two expressions."""

    def holds(self, scope: Scope, name: str) -> str:
        """True where the answer is certainly yes."""

    def fails(self, scope: Scope, name: str) -> str:
        """True where the answer is certainly no."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Comparisons of numbers. They are most of a policy's hot path, and the only ones without a look at what is known:
    no comparison with NaN holds.
    """

    operator: str
    low: float
    high: float

    def holds(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope.number(name), _HOLDS)

    def fails(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope.number(name), _FAILS)

    def _written(self, number: str, forms: Mapping[str, str]) -> str:
        return forms[self.operator].format(n=number, low=repr(self.low), high=repr(self.high))


_HOLDS = {
    "at_least": "{n} >= {low}",
    "at_most": "{n} <= {low}",
    "more_than": "{n} > {low}",
    "less_than": "{n} < {low}",
    "between": "{low} <= {n} <= {high}",
}
_FAILS = {
    "at_least": "{n} < {low}",
    "at_most": "{n} > {low}",
    "more_than": "{n} <= {low}",
    "less_than": "{n} >= {low}",
    "between": "({n} < {low} or {n} > {high})",
}


@dataclass(frozen=True, slots=True)
class Members:
    """`is`, `in` and `not_in` of exact values: choices, numbers, yes and no."""

    members: tuple[Any, ...]
    wanted: bool = True

    def holds(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._among(scope, name) if self.wanted else self._beside(scope, name)

    def fails(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._beside(scope, name) if self.wanted else self._among(scope, name)

    def _among(self, scope: Scope, name: str) -> str:
        value = scope.value(name)
        if len(self.members) == 1 and isinstance(self.members[0], str):
            return f"{value} == {self.members[0]!r}"
        return f"{value} in {scope.bind(frozenset(self.members))}"

    def _beside(self, scope: Scope, name: str) -> str:
        return f"{scope.value(name)} not in {scope.bind(frozenset((*self.members, *Missing)))}"


@dataclass(frozen=True, slots=True)
class Known:
    """`known` and `unknown`: only a field that was read and is blank is *unknown*; unread decides nothing."""

    wanted: bool

    def holds(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope, name, self.wanted)

    def fails(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope, name, not self.wanted)

    def _written(self, scope: Scope, name: str, known: bool) -> str:
        return f"{scope.value(name)}.__class__ is not Missing" if known else f"{scope.value(name)} is BLANK"


@dataclass(frozen=True, slots=True)
class Asking:
    """Any other question about a known value."""

    question: Question

    def holds(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope, name, "")

    def fails(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope, name, "not ")

    def _written(self, scope: Scope, name: str, negation: str) -> str:
        value = scope.value(name)
        return f"({value}.__class__ is not Missing and {negation}{scope.bind(self.question)}({value}))"


@dataclass(frozen=True, slots=True)
class AskingTheClock:
    """A question about a known value and the clock."""

    question: ClockQuestion

    def holds(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope, name, "")

    def fails(self, scope: Scope, name: str) -> str:
        """See `Asked`."""
        return self._written(scope, name, "not ")

    def _written(self, scope: Scope, name: str, negation: str) -> str:
        value, asked = scope.value(name), scope.bind(self.question.holds)
        call = f"{asked}({value}, {scope.now()}, {scope.zone()})"
        if self.question.from_age is not None:
            old = f"{value} <= {scope.now()} - {scope.bind(self.question.from_age)}"
            call = f"({old} if {value}.__class__ is datetime else {call})"
        return f"({value}.__class__ is not Missing and {negation}{call})"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparison(Condition):
    """One name held against one operand. `thresholds` are set for scores: where their crossing matters."""

    name: str
    operator: str
    label: dict[str, str]
    operand: dict[str, str]
    asked: Asked
    key: Key | None = None
    thresholds: tuple[float, ...] = ()
    names: frozenset[str] = field(init=False, repr=False)
    moved_by: frozenset[str] | None = field(init=False, repr=False)
    stage_bound: bool = field(init=False, repr=False, default=False)
    clock: ClockQuestion | None = field(init=False, repr=False)  #: What it asks of the clock.

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset((self.name,)))
        object.__setattr__(self, "clock", self.asked.question if isinstance(self.asked, AskingTheClock) else None)
        scores = self.names if self.thresholds else frozenset[str]()
        object.__setattr__(self, "moved_by", scores if self.clock is None else None)

    def holds(self, scope: Scope) -> str:
        return self.asked.holds(scope, self.name)

    def fails(self, scope: Scope) -> str:
        return self.asked.fails(scope, self.name)

    def may_turn(self, scope: Scope) -> str:
        if self.thresholds:
            return scope.fades(self.name)
        if self.clock is None:
            return NEVER
        value, moments = scope.value(self.name), scope.bind(self.clock.turns)
        soon = f"{scope.bind(is_soon)}({moments}({value}, {scope.zone()}), {scope.now()}, limit)"
        if self.clock.from_age is not None:
            age = scope.bind(self.clock.from_age)
            soon = f"({scope.now()} - {age} < {value} <= limit - {age} if {value}.__class__ is datetime else {soon})"
        return f"({value}.__class__ is not Missing and {soon})"

    def once(self, scope: Scope) -> Once | None:
        """See `Condition.once`."""
        if self.clock is None or self.clock.turns_to is None:
            return None
        value = scope.value(self.name)
        at = f"{scope.bind(self.clock.turns)}({value}, {scope.zone()})[0]"
        return Once(f"({at} if {value}.__class__ is not Missing else None)", self.clock.turns_to)

    def tells(self, scope: Scope) -> str:
        """See `Condition.tells`; a score that fades turns it by crossing a threshold."""
        if self.thresholds:
            return f"soonest.against({self.name.partition('.')[2]!r}, {scope.bind(self.thresholds)})"
        return Condition.tells(self, scope)

    def next_turn(self, view: View) -> datetime | None:
        """See `Condition.next_turn`; what lies behind for good is seen at once."""
        clock = self.clock
        if clock is None:
            return Condition.next_turn(self, view)
        value = view.value(self.name)
        if isinstance(value, Missing) or all(at <= view.now for at in clock.turns(value, view.zone)):
            return None
        return Condition.next_turn(self, view)

    def turns(self, view: View) -> Iterator[Turn]:
        if self.thresholds:
            yield from self._crossings(view)
        if self.clock is None:
            return
        value = view.value(self.name)
        if isinstance(value, Missing):
            return
        for at in sorted(set(self.clock.turns(value, view.zone))):
            if at > view.now:
                yield Turn(at, self.clock.holds(value, at, view.zone))

    def _crossings(self, view: View) -> Iterator[Turn]:
        score = self.name.partition(".")[2]
        crossings = [view.score_crossing(score, threshold) for threshold in self.thresholds]
        known = [moment for moment in crossings if moment is not None]
        if known:
            truth = self.test(view)
            yield Turn(min(known), None if truth is None else not truth, look=True)

    def unknowns(self, view: View) -> tuple[str, ...]:
        return (self.name,) if self.test(view) is None else ()

    def describe(self, language: str) -> str:
        key = language_of(language)
        return phrase(self.operator, self.label[key], self.operand[key], language)


def is_soon(moments: Sequence[datetime], now: datetime, limit: datetime) -> bool:
    """True when one of these moments lies ahead, and not after the limit."""
    for at in moments:  # noqa: SIM110  a generator costs twice as much here
        if now < at <= limit:
            return True
    return False


def text_question(operator: str, words: Sequence[str]) -> Question:
    """Comparisons of texts, whatever their width and case."""
    folded = tuple(fold(word) for word in words)
    exact, members = frozenset(words), frozenset(folded)
    questions: dict[str, Question] = {
        "is": lambda value: value in exact or fold(value) in members,
        "in": lambda value: value in exact or fold(value) in members,
        "not_in": lambda value: fold(value) not in members,
        "contains_any": lambda value: _any_within(folded, fold(value)),
        "contains_all": lambda value: all(word in fold(value) for word in folded),
        "starts_with": lambda value: fold(value).startswith(folded),
        "ends_with": lambda value: fold(value).endswith(folded),
    }
    return lru_cache(maxsize=_KEPT)(questions[operator])  # titles and the like repeat from lead to lead


def _any_within(words: Sequence[str], text: str) -> bool:
    for word in words:  # noqa: SIM110  a generator costs twice as much here
        if word in text:
            return True
    return False


def pattern_question(pattern: str) -> Question:
    """`matches`: found anywhere in the text, in linear time. Raises `re2.error` for what RE2 refuses."""
    options = re2.Options()
    options.log_errors = False
    compiled = re2.compile(pattern, options)

    def found(value: str) -> bool:
        # A lone surrogate cannot be encoded for RE2; it never matches anything either.
        return compiled.search(value.encode("utf-8", "replace").decode()) is not None

    return lru_cache(maxsize=_KEPT)(found)


def domain_question(wanted: bool, domains: Sequence[str]) -> Question:
    """`domain_in` and `domain_not_in`: subdomains belong to their domain."""
    listed = frozenset(domain_of(domain) for domain in domains)
    return lru_cache(maxsize=_KEPT)(lambda value: belongs(value, listed) is wanted)


def tags_question(operator: str, words: Sequence[str]) -> Question:
    """Comparisons of a field with several choices."""
    wanted = frozenset(words)
    questions: dict[str, Question] = {
        "contains_any": lambda value: not wanted.isdisjoint(value),
        "contains_all": wanted.issubset,
        "not_in": wanted.isdisjoint,
    }
    return questions[operator]


def day_question(operator: str, days: Sequence[date]) -> ClockQuestion:
    """A date (or the date of a moment) against fixed dates; both ends of `between` belong to it."""
    low, high = days[0], days[-1]
    holds: dict[str, Callable[[date], bool]] = {
        "is": lambda day: day == low,
        "before": lambda day: day < low,
        "after": lambda day: day > low,
        "between": lambda day: low <= day <= high,
    }
    question = holds[operator]
    return ClockQuestion(lambda value, now, zone: question(day_of(value, zone)), lambda value, zone: ())


def moment_question(operator: str, moment: datetime) -> ClockQuestion:
    """A moment before or after a fixed one."""
    if operator == "before":
        return ClockQuestion(lambda value, now, zone: value < moment, lambda value, zone: ())
    return ClockQuestion(lambda value, now, zone: value > moment, lambda value, zone: ())


def relative_question(operator: str, to: Relative) -> ClockQuestion:
    """A date or moment before or after today, or a moment before or after now."""
    if to == "now":
        if operator == "before":
            return ClockQuestion(
                lambda value, now, zone: value < now, lambda value, zone: (just_after(value),), turns_to=True
            )
        return ClockQuestion(lambda value, now, zone: value > now, lambda value, zone: (value,), turns_to=False)
    if operator == "before":
        return ClockQuestion(
            lambda value, now, zone: midnight(next_day(day_of(value, zone)), zone) <= now,
            lambda value, zone: (midnight(next_day(day_of(value, zone)), zone),),
            turns_to=True,
        )
    return ClockQuestion(
        lambda value, now, zone: midnight(day_of(value, zone), zone) > now,
        lambda value, zone: (midnight(day_of(value, zone), zone),),
        turns_to=False,
    )


def window_question(operator: str, window: Window) -> ClockQuestion:
    """`within` looks both ways from now, `older_than` only back; a date counts from its midnight."""
    if operator == "older_than":
        return ClockQuestion(
            lambda value, now, zone: window.end(value, zone) <= now,
            lambda value, zone: (window.end(value, zone),),
            from_age=window.fixed,
            turns_to=True,
        )

    def holds(value: date | datetime, now: datetime, zone: ZoneInfo) -> bool:
        if moment_of(value, zone) <= now:
            return now < window.end(value, zone)
        return window.begin(value, zone) <= now

    return ClockQuestion(
        holds, lambda value, zone: (window.begin(value, zone), window.end(value, zone), moment_of(value, zone))
    )

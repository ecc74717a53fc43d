"""Leaves that compare one value: `employees: {at_least: 100}`, `need: known`, `deal.meeting_at: {within: 2d}`.

`comparison` makes the pure question (value → true or false) of an operator and its operand; `clock_question`
makes those that also look at the clock, with the moments at which their answer turns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

import re2

from connector.domain.value import BLANK, Missing, Truth, Value
from connector.policy.conditions import Condition, Test, Turn, View
from connector.policy.phrases import language_of, phrase
from connector.policy.text import belongs, domain_of, fold
from connector.policy.windows import Window, day_of, just_after, midnight, moment_of, next_day

Question: TypeAlias = Callable[[Any], bool]
"""A known value → does the comparison hold? The value has the field's canonical type."""

_KEPT = 4_096  #: Answers kept for each text comparison.

Relative: TypeAlias = Literal["today", "now"]


@dataclass(frozen=True, slots=True)
class ClockQuestion:
    """A comparison with the clock: whether it holds at a moment, and when it may turn."""

    holds: Callable[[Any, datetime, ZoneInfo], bool]
    turns: Callable[[Any, ZoneInfo], tuple[datetime, ...]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparison(Condition):
    """One name held against one operand. `thresholds` are set for scores: where their crossing matters."""

    name: str
    operator: str
    label: dict[str, str]
    operand: dict[str, str]
    test: Test
    clock: ClockQuestion | None = None
    thresholds: tuple[float, ...] = ()
    names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset((self.name,)))

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


def value_test(name: str, question: Question) -> Test:
    """The closure of a comparison: unknown while the value is."""

    def test(view: View) -> Truth:
        value = view.value(name)
        return None if value.__class__ is Missing else question(value)

    return test


def clock_test(name: str, question: ClockQuestion) -> Test:
    """The closure of a comparison with the clock."""
    holds = question.holds

    def test(view: View) -> Truth:
        value = view.value(name)
        return None if value.__class__ is Missing else holds(value, view.now, view.zone)

    return test


def known_test(name: str, wanted: bool) -> Test:
    """`known` and `unknown`: only a field that was read and is blank is *unknown*; unread decides nothing."""

    def test(view: View) -> Truth:
        value: Value = view.value(name)
        if value is BLANK:
            return not wanted
        return None if value.__class__ is Missing else wanted

    return test


def number_test(name: str, operator: str, bounds: Sequence[float]) -> Test:
    """Comparisons of numbers, written out one by one: they are most of a policy's hot path."""
    low, high = bounds[0], bounds[-1]

    def at_least(view: View) -> Truth:
        value: Any = view.value(name)
        return None if value.__class__ is Missing else value >= low

    def at_most(view: View) -> Truth:
        value: Any = view.value(name)
        return None if value.__class__ is Missing else value <= low

    def more_than(view: View) -> Truth:
        value: Any = view.value(name)
        return None if value.__class__ is Missing else value > low

    def less_than(view: View) -> Truth:
        value: Any = view.value(name)
        return None if value.__class__ is Missing else value < low

    def between(view: View) -> Truth:
        value: Any = view.value(name)
        return None if value.__class__ is Missing else low <= value <= high

    tests = (at_least, at_most, more_than, less_than, between)
    return next(test for test in tests if test.__name__ == operator)


def member_test(name: str, members: Collection[Any], wanted: bool = True) -> Test:
    """`in` and `not_in` of exact values (choices, numbers, yes and no)."""
    allowed = frozenset(members)

    def test(view: View) -> Truth:
        value = view.value(name)
        return None if value.__class__ is Missing else (value in allowed) is wanted

    return test


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
    return lambda value: belongs(value, listed) is wanted


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
            return ClockQuestion(lambda value, now, zone: value < now, lambda value, zone: (just_after(value),))
        return ClockQuestion(lambda value, now, zone: value > now, lambda value, zone: (value,))
    if operator == "before":
        return ClockQuestion(
            lambda value, now, zone: midnight(next_day(day_of(value, zone)), zone) <= now,
            lambda value, zone: (midnight(next_day(day_of(value, zone)), zone),),
        )
    return ClockQuestion(
        lambda value, now, zone: midnight(day_of(value, zone), zone) > now,
        lambda value, zone: (midnight(day_of(value, zone), zone),),
    )


def window_question(operator: str, window: Window) -> ClockQuestion:
    """`within` looks both ways from now, `older_than` only back; a date counts from its midnight."""
    if operator == "older_than":
        return ClockQuestion(
            lambda value, now, zone: window.end(value, zone) <= now, lambda value, zone: (window.end(value, zone),)
        )

    def holds(value: date | datetime, now: datetime, zone: ZoneInfo) -> bool:
        if moment_of(value, zone) <= now:
            return now < window.end(value, zone)
        return window.begin(value, zone) <= now

    return ClockQuestion(
        holds, lambda value, zone: (window.begin(value, zone), window.end(value, zone), moment_of(value, zone))
    )

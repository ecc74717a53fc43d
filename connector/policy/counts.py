"""Leaves that count a signal: `signal.pricing_page: {at_least: 2, within: 14d}`. A count is never unknown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from connector.policy.conditions import Condition, Key, Once, Turn, View
from connector.policy.generated import NEVER, Scope
from connector.policy.phrases import count_phrase, language_of, span_words
from connector.policy.windows import FIRST, Window

Enough: TypeAlias = Callable[[int], bool]

_LONGEST = timedelta(days=365 * 1_000)
"""Any moment of our time less so much is still a moment."""

_NEEDED: Mapping[str, Callable[[int], tuple[int, bool]]] = {
    "at_least": lambda bound: (bound, True),
    "more_than": lambda bound: (bound + 1, True),
    "at_most": lambda bound: (bound + 1, False),
    "less_than": lambda bound: (bound, False),
}
"""Operator → how many occurrences decide it, and whether it holds with them or without."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Count(Condition):
    """How often a signal occurred: ever, within a window back from now, or since the stage was entered."""

    signal: str
    label: dict[str, str]
    operator: str
    bounds: tuple[int, ...]
    window: Window | None
    since_stage: bool
    names: frozenset[str] = field(init=False, repr=False)
    moved_by: frozenset[str] | None = field(init=False, repr=False)
    stage_bound: bool = field(init=False, repr=False)
    key: Key | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset((f"signal.{self.signal}",)))
        object.__setattr__(self, "moved_by", frozenset((self.signal,) if self.window is not None else ()))
        object.__setattr__(self, "stage_bound", self.since_stage)

    def holds(self, scope: Scope) -> str:
        if self.operator in _NEEDED and self._in_order:
            needed, wanted = _NEEDED[self.operator](self.bounds[0])
            return self._reaches(scope, needed) if wanted else f"not {self._reaches(scope, needed)}"
        enough = scope.bind(enough_of(self.operator, self.bounds))
        if self.window is None and not self.since_stage:
            return f"{enough}(len({scope.times(self.signal)}))"
        counted = (
            f"{scope.bind(self.counted)}({scope.times(self.signal)}, {scope.now()}, {scope.zone()}, {scope.entered()})"
        )
        return f"{enough}(len({counted}))"

    def fails(self, scope: Scope) -> str:
        return f"not {self.holds(scope)}"

    def may_turn(self, scope: Scope) -> str:
        if self.window is None:
            return NEVER
        times = scope.times(self.signal)
        if self.operator not in _NEEDED or not self._in_order:
            return times
        needed, _ = _NEEDED[self.operator](self.bounds[0])
        if needed <= 0:
            return NEVER
        leaves = f"{times}[-{needed}] + {scope.bind(self.window.fixed)}"
        return f"(len({times}) >= {needed} and {scope.now()} < {leaves} <= limit)"

    def once(self, scope: Scope) -> Once | None:
        """See `Condition.once`: a count only falls, and turns when one certain occurrence leaves."""
        if self.window is None or self.operator not in _NEEDED or not self._in_order:
            return None
        needed, wanted = _NEEDED[self.operator](self.bounds[0])
        leaves = f"{scope.times(self.signal)}[-{needed}] + {scope.bind(self.window.fixed)}"
        return Once(f"({leaves} if {self._comes_to(scope, needed)} else {scope.bind(FIRST)})", not wanted)

    def _reaches(self, scope: Scope, needed: int) -> str:
        """Whether at least so many count: occurrences are sorted, so that the n-th latest of them tells."""
        if needed <= 0:
            return "True"
        latest = self._comes_to(scope, needed)
        if self.window is not None:
            latest += f" and {scope.times(self.signal)}[-{needed}] > {scope.now()} - {scope.bind(self.window.fixed)}"
        return f"({latest})"

    def _comes_to(self, scope: Scope, needed: int) -> str:
        """Whether there are so many, however old they are."""
        times = scope.times(self.signal)
        latest = f"len({times}) >= {needed}"
        if self.since_stage:
            latest += f" and ({scope.entered()} is None or {times}[-{needed}] >= {scope.entered()})"
        return latest

    @property
    def _in_order(self) -> bool:
        """Whether occurrences leave in the order in which they came. By months they do not: 30 and 31 January both
        leave on 28 February, each at its own time of day.
        """
        return self.window is None or (self.window.fixed is not None and self.window.fixed < _LONGEST)

    def counted(
        self, times: Sequence[datetime], now: datetime, zone: ZoneInfo, entered: datetime | None
    ) -> Sequence[datetime]:
        """The occurrences among these that count."""
        if self.since_stage and entered is not None:
            times = times[bisect_left(times, entered) :]
        if self.window is None:
            return times
        window = self.window
        return [occurred for occurred in times if window.end(occurred, zone) > now]

    def next_turn(self, view: View) -> datetime | None:
        """See `Condition.next_turn`: where a count only falls, it turns when one certain occurrence leaves."""
        if self.window is None:
            return None
        if self.operator not in _NEEDED or not self._in_order:
            return Condition.next_turn(self, view)
        needed, _ = _NEEDED[self.operator](self.bounds[0])
        times = view.times(self.signal)
        if needed <= 0 or len(times) < needed:
            return None
        occurred, entered = times[-needed], view.stage_entered_at
        if self.since_stage and entered is not None and occurred < entered:
            return None
        end = self.window.end(occurred, view.zone)
        return end if end > view.now else None

    def turns(self, view: View) -> Iterator[Turn]:
        if self.window is None:
            return
        enough = enough_of(self.operator, self.bounds)
        counted = self.counted(view.times(self.signal), view.now, view.zone, view.stage_entered_at)
        ends = sorted(self.window.end(occurred, view.zone) for occurred in counted)
        for index, end in enumerate(ends):
            if index + 1 == len(ends) or ends[index + 1] != end:
                yield Turn(end, enough(len(ends) - index - 1))

    def unknowns(self, view: View) -> tuple[str, ...]:
        return ()

    def describe(self, language: str) -> str:
        within = span_words(self.window.span, language) if self.window is not None else None
        label = self.label[language_of(language)]
        return count_phrase(self.operator, label, self.bounds, language, within=within, since=self.since_stage)


def enough_of(operator: str, bounds: Sequence[int]) -> Enough:
    """Count → does it hold?"""
    low, high = bounds[0], bounds[-1]
    questions: dict[str, Enough] = {
        "at_least": lambda count: count >= low,
        "at_most": lambda count: count <= low,
        "more_than": lambda count: count > low,
        "less_than": lambda count: count < low,
        "between": lambda count: low <= count <= high,
        "is": lambda count: count == low,
    }
    return questions[operator]

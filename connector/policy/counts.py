"""Leaves that count a signal: `signal.pricing_page: {at_least: 2, within: 14d}`. A count is never unknown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from connector.policy.conditions import Condition, Test, Turn, View
from connector.policy.phrases import count_phrase, language_of, span_words
from connector.policy.windows import Window

Enough: TypeAlias = Callable[[int], bool]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Count(Condition):
    """How often a signal occurred: ever, within a window back from now, or since the stage was entered."""

    signal: str
    label: dict[str, str]
    operator: str
    bounds: tuple[int, ...]
    window: Window | None
    since_stage: bool
    test: Test = field(init=False, repr=False)
    names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "test", self._compile())
        object.__setattr__(self, "names", frozenset((f"signal.{self.signal}",)))

    def _compile(self) -> Test:
        enough, signal = enough_of(self.operator, self.bounds), self.signal
        if self.window is not None and self.window.fixed is not None and not self.since_stage:
            return self._within(enough)
        if self.window is None and not self.since_stage:
            return lambda view: enough(len(view.times(signal)))
        return lambda view: enough(len(self._counted(view, view.now)))

    def _within(self, enough: Enough) -> Test:
        """The common case, without a list: occurrences are sorted, the window has a fixed length."""
        signal, window = self.signal, self.window
        length = window.fixed if window is not None else None
        assert length is not None

        def test(view: View) -> bool:
            times = view.times(signal)
            if not times:
                return enough(0)
            now = view.now
            # Counted backwards: only the newest matter, and an occurrence leaves exactly `length` later.
            count = 0
            for occurred in reversed(times):
                if now - occurred >= length:
                    break
                count += 1
            return enough(count)

        return test

    def _counted(self, view: View, now: datetime) -> Sequence[datetime]:
        times = view.times(self.signal)
        if self.since_stage and view.stage_entered_at is not None:
            times = times[bisect_left(times, view.stage_entered_at) :]
        if self.window is None:
            return times
        window, zone = self.window, view.zone
        return [occurred for occurred in times if window.end(occurred, zone) > now]

    def turns(self, view: View) -> Iterator[Turn]:
        if self.window is None:
            return
        enough = enough_of(self.operator, self.bounds)
        ends = sorted(self.window.end(occurred, view.zone) for occurred in self._counted(view, view.now))
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

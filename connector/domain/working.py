"""A year of working days with running totals, so that a span over months costs no more than one over a day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from connector.domain.hours import Interval

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Year:
    """`before[n]` is the working time, `days[n]` the number of working days before the nth day (from 0) of a year.

    The last of each are those of the whole year.
    """

    before: Sequence[timedelta]
    days: Sequence[int]

    @classmethod
    def of(cls, year: int, open_intervals: Callable[[date], Sequence[Interval]]) -> Year:
        """Add up a year."""
        before, days, day = [timedelta()], [0], date(year, 1, 1)
        while day.year == year:
            intervals = open_intervals(day)
            before.append(before[-1] + sum([closes - opens for opens, closes in intervals], timedelta()))
            days.append(days[-1] + bool(intervals))
            day += _DAY
        return cls(before, days)


def place(day: date) -> int:
    """The place of a day in its year, from 0."""
    return day.toordinal() - date(day.year, 1, 1).toordinal()


def day_at(year: int, number: int) -> date:
    """The day at this place of a year."""
    return date.fromordinal(date(year, 1, 1).toordinal() + number)

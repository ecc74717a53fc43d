"""Working calendars: when an office is open, and arithmetic in business time.

Opening hours are wall-clock times of the calendar's zone; every sum goes by whole days of intervals, never minute
by minute. A clock that is put forward or back shortens or lengthens the open time of that day, as it does for
the people in the office.

    office = Calendar.build(id="tokyo", zone="Asia/Tokyo", hours={"mon": "9:00-18:00"}, holidays="JP")
    Span.parse("2 business days").add(moment, office)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from connector.domain.holidays import holidays_of
from connector.domain.hours import WEEKDAYS, Hours, Interval, hours_on, parse_day, parse_hours
from connector.domain.span import END_OF_TIME, Span
from connector.domain.working import Year, day_at, place
from connector.texts import say

_DAY = timedelta(days=1)
#: So many days a year may be closed every year: the rest guarantees that the office opens again.
_MOST_CLOSED = 180
_LAST_DAY = date(9990, 1, 1)
_MOST_KEPT = 4_096
"""Sums that a calendar keeps; then it begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Opening hours by weekday (0 is Monday), less holidays and closed days, plus extra open days.

    `closed` and the keys of `open` are dates, or (month, day) for every year; an `open` day outranks holidays
    and `closed`. `country` is a code of the `holidays` library such as `JP` or `US-CA`; None: no holidays.
    """

    id: str
    label: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    zone: ZoneInfo
    hours: Mapping[int, Hours] = field(hash=False)
    country: str | None = None
    closed: frozenset[date | tuple[int, int]] = frozenset()
    open: Mapping[date | tuple[int, int], Hours] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    _days: dict[date, tuple[Interval, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _years: dict[int, Year] = field(default_factory=dict, init=False, repr=False, compare=False)
    _kept: dict[Hashable, datetime] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def build(
        cls,
        *,
        id: str,
        zone: str | ZoneInfo,
        hours: Mapping[str, str | Sequence[str]],
        label: Mapping[str, str] | None = None,
        holidays: str | None = None,
        closed: Sequence[str | date] = (),
        open: Sequence[str | date] = (),
    ) -> Calendar:
        """Build from the policy's notation.

        `hours` maps `mon` … `sun` to `"9:00-18:00"` or a list of such; a weekday that is absent is closed.
        `open` takes `"2026-11-28"` or `"2026-11-28 10:00-15:00"`; without hours of its own, an extra day has its
        weekday's, or else those of the first weekday that opens. ValueError says what is wrong.
        """
        week = _week(hours)
        days = frozenset(parse_day(day) for day in closed)
        if sum(isinstance(day, tuple) for day in days) > _MOST_CLOSED:
            raise ValueError(
                say(
                    "calendar {name!r} is closed on more than {most_closed} days of every year",
                    name=id,
                    most_closed=_MOST_CLOSED,
                )
            )
        if holidays is not None:
            holidays_of(holidays, 2026)  # an unknown country is told now, not at the first lead
        return cls(
            id=id,
            label=MappingProxyType(dict(label or {})),
            zone=ZoneInfo(zone) if isinstance(zone, str) else zone,
            hours=week,
            country=holidays,
            closed=days,
            open=MappingProxyType(dict(_extra(day, week) for day in open)),
        )

    def open_intervals(self, day: date) -> tuple[Interval, ...]:
        """When the office is open on `day` (a date of its zone): UTC intervals, ascending; none when closed."""
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = hours_on(day, self._hours_of(day), self.zone)
        return found

    def keep(self, key: Hashable, work_out: Callable[[], datetime]) -> datetime:
        """What was worked out of this calendar and of `key` alone: a calendar never changes."""
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = work_out()
        return found

    def is_open(self, moment: datetime) -> bool:
        """True while the office is open; at the very moment of closing it is not."""
        return any(start <= moment < end for start, end in self.open_intervals(self._date(moment)))

    def next_open(self, moment: datetime) -> datetime:
        """The earliest open moment (UTC) that is not before `moment`."""
        return self.working_after(moment, timedelta())

    def working_between(self, start: datetime, end: datetime) -> timedelta:
        """How long the office is open between the two; zero when `end` is not after `start`."""
        if end <= start:
            return timedelta()
        first, last = self._date(start), self._date(end)
        total = self._opened(last, end) - self._opened(first, start)
        for year in range(first.year, last.year):
            total += self._year(year).before[-1]
        return total

    def working_after(self, start: datetime, amount: timedelta) -> datetime:
        """The moment (UTC) by which the office has been open for `amount` since `start`.

        A span that ends exactly at closing time ends there, not at the next opening.
        """
        day: date | None = self._date(start)
        while day is not None:
            for opens, closes in self.open_intervals(day):
                if closes <= start:
                    continue
                begins = max(opens, start.astimezone(UTC))
                if closes - begins >= amount:
                    return begins + amount
                amount -= closes - begins
            day, amount = self._day_of(day + _DAY, amount)
        return END_OF_TIME

    def closing_after(self, start: datetime, working_days: int) -> datetime:
        """Closing time (UTC) of the Nth working day after the day of `start`; 0: of the first that is not over."""
        today = self._date(start)
        intervals = self.open_intervals(today) if working_days == 0 else ()
        if intervals and intervals[-1][1] > start:
            return intervals[-1][1]
        day = self._nth_working_day(today + _DAY, max(working_days, 1))
        return self.open_intervals(day)[-1][1] if day is not None else END_OF_TIME

    def _opened(self, day: date, until: datetime) -> timedelta:
        """The working time of the year before a moment of this day."""
        total = self._year(day.year).before[place(day)]
        for opens, closes in self.open_intervals(day):
            total += max(min(closes, until) - opens, timedelta())
        return total

    def _day_of(self, day: date, amount: timedelta) -> tuple[date | None, timedelta]:
        """The first day from `day` on in which so much working time is used up, with what is left for that day."""
        at = place(day)
        for year in range(day.year, _LAST_DAY.year):
            before = self._year(year).before
            if amount <= timedelta():  # then the next opening is asked for
                found = bisect_right(before, before[at], lo=at + 1)
            else:
                found = bisect_left(before, before[at] + amount, lo=at + 1)
            if found < len(before):
                return day_at(year, found - 1), amount - (before[found - 1] - before[at])
            amount, at = amount - (before[-1] - before[at]), 0
        return None, amount

    def _nth_working_day(self, day: date, number: int) -> date | None:
        """The nth working day from `day` on."""
        at = place(day)
        for year in range(day.year, _LAST_DAY.year):
            days = self._year(year).days
            found = bisect_left(days, days[at] + number, lo=at + 1)
            if found < len(days):
                return day_at(year, found - 1)
            number, at = number - (days[-1] - days[at]), 0
        return None

    def _year(self, year: int) -> Year:
        found = self._years.get(year)
        if found is None:
            found = self._years[year] = Year.of(year, self.open_intervals)
        return found

    def _hours_of(self, day: date) -> Hours:
        yearly = (day.month, day.day)
        for key in (day, yearly):
            if key in self.open:
                return self.open[key]
        if day in self.closed or yearly in self.closed:
            return ()
        if self.country is not None and day in holidays_of(self.country, day.year):
            return ()
        return self.hours.get(day.weekday(), ())

    def _date(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()


def _week(hours: Mapping[str, str | Sequence[str]]) -> Mapping[int, Hours]:
    unknown = [key for key in hours if key not in WEEKDAYS]
    if unknown:
        raise ValueError(say("{day!r} is no weekday: write {weekdays}", day=unknown[0], weekdays=", ".join(WEEKDAYS)))
    parsed = {WEEKDAYS.index(key): parse_hours(spec) for key, spec in hours.items()}
    week = {day: parsed[day] for day in sorted(parsed) if parsed[day]}
    if not week:
        raise ValueError(say("a calendar needs opening hours on at least one weekday"))
    return MappingProxyType(week)


def _extra(text: str | date, week: Mapping[int, Hours]) -> tuple[date | tuple[int, int], Hours]:
    day_text, _, spec = text.strip().partition(" ") if isinstance(text, str) else (text, "", "")
    day = parse_day(day_text)
    if spec:
        return day, parse_hours([part.strip() for part in spec.split(",")])
    usual = next(iter(week.values()))
    return day, usual if isinstance(day, tuple) else week.get(day.weekday(), usual)


ALWAYS = Calendar.build(id="always", zone="UTC", hours=dict.fromkeys(WEEKDAYS, "0:00-24:00"))
"""Open day and night: business time is ordinary time."""

__all__ = ["ALWAYS", "END_OF_TIME", "Calendar", "Span"]

"""Windows of time around a date, a moment or an occurrence, exact to the microsecond in both directions.

A moment is inside `within: 14d` while less than 14 days lie between it and now; from then on it is
`older_than: 14d`. Moments near the ends of the calendar never overflow: they are clamped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from connector.domain.calendar import Calendar, Span

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def shift(moment: datetime, by: timedelta) -> datetime:
    """`moment + by`, clamped to what a datetime can hold."""
    try:
        return moment + by
    except OverflowError:
        return LAST if by > timedelta() else FIRST


def just_after(moment: datetime) -> datetime:
    """The next microsecond."""
    return shift(moment, _TICK)


@lru_cache(maxsize=65_536)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which a date begins in the policy's zone."""
    try:
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except OverflowError:
        return FIRST if day.year < 2000 else LAST


def next_day(day: date) -> date:
    """The day after; the last date there is stays."""
    return day if day == date.max else day + timedelta(days=1)


def day_of(value: date | datetime, zone: ZoneInfo) -> date:
    """The date of a date or moment, on the calendar of the zone."""
    if not isinstance(value, datetime):
        return value
    try:
        return value.astimezone(zone).date()
    except OverflowError:
        return value.date()


def moment_of(value: date | datetime, zone: ZoneInfo) -> datetime:
    """A moment, or the midnight at which a date begins."""
    return value if isinstance(value, datetime) else midnight(value, zone)


@dataclass(frozen=True, slots=True)
class Window:
    """A length of time; `fixed` when it does not depend on the start (everything but months and working time)."""

    span: Span
    calendar: Calendar
    fixed: timedelta | None

    @classmethod
    def of(cls, span: Span, calendar: Calendar) -> Window:
        """A window of this span; working time runs while `calendar` is open."""
        fixed = None if span.business or span.unit == "months" else span.plain
        return cls(span, calendar, fixed)

    def end(self, start: date | datetime, zone: ZoneInfo) -> datetime:
        """The moment at which `start` leaves the window: it is inside before, outside from then on."""
        if self.fixed is not None and isinstance(start, datetime):
            return shift(start, self.fixed)
        return self.span.add(moment_of(start, zone), self.calendar)

    def begin(self, value: date | datetime, zone: ZoneInfo) -> datetime:
        """The moment at which a value that lies ahead comes within the window (it is inside from then on)."""
        if self.fixed is not None and isinstance(value, datetime):
            return shift(value, -self.fixed)
        return self._earlier(moment_of(value, zone), zone)

    def _earlier(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """This span before `moment`, on the wall clock for days, weeks and months."""
        if self.span.unit in ("minutes", "hours"):
            return shift(moment, -self.span.plain)
        try:
            local = moment.astimezone(zone)
            if self.span.unit == "months":
                day = _months_before(local.date(), self.span.amount)
            else:
                day = local.date() - self.span.plain
            return datetime.combine(day, local.time(), zone).astimezone(UTC)
        except OverflowError:
            return FIRST


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if years < 1:
        raise OverflowError("before the first year")
    for last in range(day.day, 27, -1):
        try:
            return date(years, month + 1, last)
        except ValueError:
            continue
    return date(years, month + 1, min(day.day, 28))

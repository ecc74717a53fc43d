"""Opening hours as people write them, and where they fall on one date of a zone, daylight saving included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

from connector.texts import say

Hours: TypeAlias = tuple[tuple[time, time], ...]
"""Wall-clock intervals of one day, ascending and apart. An end of 00:00 means 24:00."""

Interval: TypeAlias = tuple[datetime, datetime]
"""Half open, in UTC: the start belongs to it, the end does not."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2}) *- *([0-9]{1,2}):([0-9]{2})")
_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
_LEAP = 2000
_MIDNIGHT = 24 * 60


def parse_hours(spec: str | Sequence[str]) -> Hours:
    """`"9:00-18:00"` or `["9:00-12:00", "13:00-18:00"]`; `24:00` may end a day. ValueError names the fault."""
    texts = [spec] if isinstance(spec, str) else list(spec)
    minutes = sorted(_minutes(text) for text in texts)
    for (_, end), (start, _) in pairwise(minutes):
        if start < end:
            raise ValueError(say("opening hours overlap: {texts}", texts=", ".join(texts)))
    return tuple((_clock(start), _clock(end)) for start, end in minutes)


def _minutes(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            say("{text!r} are no opening hours: write 9:00-18:00, or [9:00-12:00, 13:00-18:00]", text=text)
        )
    hour, minute, end_hour, end_minute = (int(part) for part in found.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or end > _MIDNIGHT:
        raise ValueError(say("{text!r} are no opening hours: the clock runs from 0:00 to 24:00", text=text))
    if start >= end:
        raise ValueError(say("{text!r} ends before it starts: split hours that pass midnight at 24:00", text=text))
    return start, end


def _clock(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def parse_day(text: str | date) -> date | tuple[int, int]:
    """`"12-29"` (every year, as (month, day)) or `"2026-11-24"` (once). ValueError names the fault."""
    if isinstance(text, date):
        return text
    found = _DAY.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(say("no day"))
        year, month, day = found.groups()
        exact = date(int(year or _LEAP), int(month), int(day))
    except ValueError:
        raise ValueError(say("{text!r} is no day: write 12-29 (every year) or 2026-11-24 (once)", text=text)) from None
    return exact if year else (exact.month, exact.day)


def hours_on(day: date, hours: Hours, zone: ZoneInfo) -> tuple[Interval, ...]:
    """The UTC intervals during which a clock in `zone` shows `day` and a time within `hours`."""
    found = (
        (max(_at(day, start, offset), low), min(_end(day, end, offset), high))
        for low, high, offset in _segments(day, zone)
        for start, end in hours
    )
    return tuple(_joined(sorted(pair for pair in found if pair[0] < pair[1])))


def _at(day: date, clock: time, offset: timedelta) -> datetime:
    return datetime.combine(day, clock, UTC) - offset


def _end(day: date, clock: time, offset: timedelta) -> datetime:
    return _at(day + timedelta(days=1) if clock == time.min else day, clock, offset)


def _segments(day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut the time around `day` where the zone's offset from UTC changes: two pieces around a change, else one."""
    low = datetime.combine(day, time.min, UTC) - timedelta(hours=18)
    high = low + timedelta(hours=60)
    before, after = _offset(low, zone), _offset(high, zone)
    if before == after:
        yield low, high, before
        return
    change = _change(low, high, zone)
    yield low, change, before
    yield change, high, after


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second with the offset of `high`, by bisection (one change lies between)."""
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _joined(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Merge intervals that touch, such as the two sides of a clock change."""
    last: Interval | None = None
    for start, end in intervals:
        if last is not None and start <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (start, end)
    if last is not None:
        yield last

"""Lengths of time as a policy says them: `3d`, `2w`, `5 business minutes`, `2 business days`.

Only spans in business units use a calendar's opening hours. The others are ordinary time: minutes and hours
are absolute, days, weeks and months keep the wall-clock time of the calendar's zone.
"""

from __future__ import annotations

import calendar as gregorian
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.texts import say

if TYPE_CHECKING:
    from connector.domain.calendar import Calendar

_SHORT = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks", "mo": "months"}
_FORM = re.compile(r"([0-9]+)(?:(mo|[mhdw])| +business +(minute|hour|day)s?)")

#: About ten years of each unit: longer is a slip of the pen, and keeps arithmetic far from the year 9999.
_MOST = {"minutes": 5_256_000, "hours": 87_600, "days": 3_650, "weeks": 520, "months": 120}

#: What is asked beyond the calendar's reach is answered with this moment: later than every real one.
END_OF_TIME = datetime(9999, 12, 30, tzinfo=UTC)
_LAST_YEAR = 9_800
_FIRST = datetime(2, 1, 1, tzinfo=UTC)

_ALLOWED = say(
    "write a number with m, h, d, w or mo (5m, 4h, 3d, 2w, 3mo), "
    "or working time in words (5 business minutes, 4 business hours, 2 business days)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`amount` of `unit` (minutes, hours, days, weeks, months); `business` ones run only while a calendar is open."""

    amount: int
    unit: str
    business: bool = False

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read the policy's notation. ValueError says what is allowed."""
        found = _FORM.fullmatch(text.strip()) if len(text) <= 64 else None
        if found is None:
            raise ValueError(say("{value!r} is not a length of time: {allowed}", value=text[:64], allowed=_ALLOWED))
        short, word = found.group(2), found.group(3)
        unit = _SHORT[short] if short else f"{word}s"
        amount = int(found.group(1))
        if amount > _MOST[unit]:
            raise ValueError(
                say("{text!r} is too long: at most {most} {unit} (ten years)", text=text, most=_MOST[unit], unit=unit)
            )
        return cls(amount=amount, unit=unit, business=short is None)

    def __str__(self) -> str:
        """The policy's own notation; `parse` reads it back."""
        if self.business:
            return f"{self.amount} business {self.unit[:-1] if self.amount == 1 else self.unit}"
        return f"{self.amount}{'mo' if self.unit == 'months' else self.unit[0]}"

    @property
    def plain(self) -> timedelta:
        """The fixed length. ValueError for months and business time, whose length depends on the start."""
        if self.business or self.unit == "months":
            raise ValueError(say("{span} has no fixed length: use m, h, d or w here", span=self))
        return timedelta(**{self.unit: self.amount})

    def add(self, start: datetime, calendar: Calendar) -> datetime:
        """The moment (UTC) that lies this span after `start` (aware).

        Business minutes and hours are walked through the opening hours; `N business days` ends at closing time
        of the Nth working day after the start's day. `0 business days` is today's closing time, or the next
        working day's when today is none or is over.
        """
        start = max(start, _FIRST)
        if start.year > _LAST_YEAR:
            return END_OF_TIME
        if self.business:
            if self.unit == "days":
                return calendar.closing_after(start, self.amount)
            return calendar.working_after(start, timedelta(**{self.unit: self.amount}))
        if self.amount == 0:
            return start.astimezone(UTC)
        if self.unit in ("minutes", "hours"):
            return start.astimezone(UTC) + self.plain
        return self._same_wall_time(start, calendar.zone)

    def _same_wall_time(self, start: datetime, zone: ZoneInfo) -> datetime:
        local = start.astimezone(zone)
        # fold=0: an hour that comes twice means its first time; one that is skipped lands just after the gap.
        if self.unit == "months":
            return _plus_months(local, self.amount).replace(fold=0).astimezone(UTC)
        return (local + self.plain).replace(fold=0).astimezone(UTC)


def _plus_months(local: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last day (31 January + 1 month = 28 February)."""
    years, month0 = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month0 + 1
    day = min(local.day, gregorian.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day)


__all__ = ["END_OF_TIME", "Span"]

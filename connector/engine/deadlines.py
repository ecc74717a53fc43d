"""When an SLA clock runs out: derived from its start, its pauses and the calendar, never stored. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from connector.domain.runs import ClockRun
from connector.policy.model import Clock, Rung


def deadline(clock: Clock, run: ClockRun, share: float = 1.0) -> datetime | None:
    """The moment at which `share` of the limit is used up; None while a pause that came before it lasts.

    Working time is used up only while the office is open. `N business days` is as much working time as lies between the
    start and closing time of the Nth working day after it.
    """
    if clock.limit.business:
        return _worked_off(clock, run, share)
    amount = (clock.limit.add(run.started_at, clock.calendar) - run.started_at) * share
    for begun, ended in run.pauses:
        if begun >= run.started_at + amount:
            break
        if ended is None:
            return None
        amount += ended - begun
    return run.started_at + amount


def _worked_off(clock: Clock, run: ClockRun, share: float) -> datetime | None:
    calendar, start = clock.calendar, run.started_at
    amount = _whole_minutes(_working_limit(clock, start) * share)
    for begun, ended in run.pauses:
        if begun >= calendar.working_after(start, amount):
            break
        if ended is None:
            return None
        amount += calendar.working_between(begun, ended)
    return calendar.working_after(start, amount)


def _working_limit(clock: Clock, start: datetime) -> timedelta:
    """The whole limit in working time."""
    if clock.limit.unit == "days":
        return clock.calendar.working_between(start, clock.limit.add(start, clock.calendar))
    return timedelta(**{clock.limit.unit: clock.limit.amount})


def _whole_minutes(amount: timedelta) -> timedelta:
    """Shares are counted to the microsecond; what is less is no time."""
    return timedelta(microseconds=amount // timedelta(microseconds=1))


def rung_at(clock: Clock, run: ClockRun, rung: Rung) -> datetime | None:
    """When a rung comes, if nothing stops the clock; None while a pause lasts."""
    if rung.at is not None:
        return deadline(clock, run, rung.at)
    breach = deadline(clock, run)
    if breach is None or rung.after is None or (run.pauses and run.pauses[-1][1] is None):
        return None
    return rung.after.add(breach, clock.calendar)

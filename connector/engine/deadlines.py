"""When an SLA clock runs out: derived from its start, its pauses and the calendar, never stored. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from connector.domain.calendar import Calendar, Span
from connector.domain.runs import ClockRun, Pauses
from connector.policy.model import Clock, Rung


def deadline(clock: Clock, run: ClockRun, share: float = 1.0) -> datetime | None:
    """The moment at which `share` of the limit is used up; None while a pause that came before it lasts."""
    return run_out(clock.limit, clock.calendar, run.started_at, run.pauses, share)


def rung_at(clock: Clock, run: ClockRun, rung: Rung) -> datetime | None:
    """When a rung comes, if nothing stops the clock; None while a pause lasts.

    What comes after the breach counts from the breach that was acted on, wherever the calendar would put it today.
    """
    if rung.after is None:
        return deadline(clock, run, rung.at if rung.at is not None else 1.0)
    breach = run.breached_at or deadline(clock, run)
    return run_out(rung.after, clock.calendar, breach, run.pauses) if breach is not None else None


def used(clock: Clock, run: ClockRun, until: datetime) -> timedelta:
    """How much of the limit is used up by `until`: working time where the limit is, ordinary time otherwise."""
    total = _length(clock.limit, clock.calendar, run.started_at, until)
    for begun, ended in run.pauses:
        if begun < until:
            total -= _length(clock.limit, clock.calendar, begun, min(ended or until, until))
    return total


def allowed(clock: Clock, run: ClockRun) -> timedelta:
    """The whole limit of this run, in the same time as `used`."""
    if clock.limit.business:
        return _working_time(clock.limit, clock.calendar, run.started_at)
    return clock.limit.add(run.started_at, clock.calendar) - run.started_at


def run_out(span: Span, calendar: Calendar, start: datetime, pauses: Pauses, share: float = 1.0) -> datetime | None:
    """When `share` of `span` has been used up since `start`, not counting pauses; None while a pause lasts.

    Working time is used up only while the office is open. `N business days` is as much working time as lies between
    the start and closing time of the Nth working day after it.
    """
    later = [(max(begun, start), ended) for begun, ended in pauses if ended is None or ended > start]
    if span.business:
        return _worked_off(span, calendar, start, later, share)
    amount = (span.add(start, calendar) - start) * share
    for begun, ended in later:
        if begun >= start + amount:
            break
        if ended is None:
            return None
        amount += ended - begun
    return start + amount


def _worked_off(
    span: Span, calendar: Calendar, start: datetime, pauses: list[tuple[datetime, datetime | None]], share: float
) -> datetime | None:
    if not pauses:  # as mostly: and the same is asked several times a look, and at each look
        return calendar.keep(
            (span, start, share), lambda: calendar.working_after(start, _working_time(span, calendar, start) * share)
        )
    amount = _working_time(span, calendar, start) * share
    for begun, ended in pauses:
        if begun >= calendar.working_after(start, amount):
            break
        if ended is None:
            return None
        amount += calendar.working_between(begun, ended)
    return calendar.working_after(start, amount)


def _working_time(span: Span, calendar: Calendar, start: datetime) -> timedelta:
    """The whole of a business span in working time."""
    if span.unit == "days":
        return calendar.working_between(start, span.add(start, calendar))
    return timedelta(**{span.unit: span.amount})


def _length(span: Span, calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    if span.business:
        return calendar.working_between(start, end)
    return max(end - start, timedelta())

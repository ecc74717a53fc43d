"""How promises were kept: what runs now and what a period came to, by clock, pool or person. Pure.

A run is measured in the time of its limit (working time or ordinary time, pauses not counted), from what happened in
the CRM on. Its first part is ours: until we knew of it and the CRM showed what came of it. The rest is people's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from statistics import median, quantiles

from connector.domain.runs import ClockRun
from connector.engine.deadlines import allowed, deadline, used
from connector.policy.model import Clock
from connector.store.clock_runs import RunRow

_MINUTE = timedelta(minutes=1)


class Standing(Enum):
    """Where a run stands."""

    RUNNING = "running"  #: Nothing of its limit is worth a warning yet.
    WARNED = "warned"  #: A warning came, and the limit has not run out.
    BREACHED = "breached"  #: The limit has run out and what was promised has not come.
    MET = "met"  #: It came within the limit.
    LATE = "late"  #: It came after the limit.
    ENDED = "ended"  #: The lead went aside, was merged or erased, or the policy dropped the clock: no verdict.


class By(Enum):
    """What figures are told apart by."""

    CLOCK = "clock"  #: One line a clock.
    POOL = "pool"  #: Who gave the lead to whoever had to keep it.
    OWNER = "owner"  #: Who had to keep it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a run took so far: `system` until the CRM showed what came of its start, `human` from there on."""

    system: timedelta
    human: timedelta

    @property
    def total(self) -> timedelta:
        """All of it."""
        return self.system + self.human


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One clock, or its part of one pool or person (`key`; None: of nobody).

    `running`, `warned` and `overdue` are of now, of leads that are in the CRM, and do not overlap. The others count
    moments of the period: runs that `started`, were `met`, were `breached` (`by_system`: people had kept it, had the
    CRM shown it in time) or `ended` without a verdict. Minutes are of runs whose promise came in the period, in time or
    late; None: there is none.
    """

    clock: str
    key: str | None
    running: int
    warned: int
    overdue: int
    started: int
    met: int
    breached: int
    by_system: int
    ended: int
    median_minutes: float | None
    p90_minutes: float | None
    human_median_minutes: float | None
    system_share: float | None

    @property
    def kept_share(self) -> float | None:
        """Met, of all that were met or breached."""
        judged = self.met + self.breached
        return self.met / judged if judged else None


def standing(run: ClockRun) -> Standing:
    """Where a run stands."""
    if run.stopped_at is not None:
        return Standing.MET if run.breached_at is None else Standing.LATE
    if run.ended_at is not None:
        return Standing.ENDED
    if run.breached_at is not None:
        return Standing.BREACHED
    return Standing.WARNED if run.warned_at is not None else Standing.RUNNING


def taken(clock: Clock, row: RunRow, now: datetime) -> Taken:
    """What this run took until it was over, or until now, in the time of its limit."""
    run = row.run
    begun = replace(run, started_at=min(run.occurred_at or run.started_at, run.started_at))
    until = run.stopped_at or run.ended_at or now
    shown = min(row.written_at or until, until)
    system = used(clock, begun, max(shown, begun.started_at))
    return Taken(system=system, human=used(clock, begun, until) - system)


def due(clock: Clock, run: ClockRun) -> datetime | None:
    """When a run that goes on runs out, as the calendar says today; None while a pause lasts."""
    return run.breached_at or deadline(clock, run)


def is_by_system(clock: Clock, row: RunRow, now: datetime) -> bool:
    """True for a broken promise that people kept, counted from when the CRM showed what came of its start."""
    if row.run.breached_at is None:
        return False
    found = taken(clock, row, now)
    return found.system > timedelta() and found.human <= allowed(clock, row.run)


def figures(
    clocks: Mapping[str, Clock], rows: Iterable[RunRow], since: datetime, until: datetime, now: datetime, by: By
) -> list[Figures]:
    """The figures of each clock in the policy's order (those that it dropped last), the busiest part first."""
    parts: dict[tuple[str, str | None], list[RunRow]] = {}
    for row in rows:
        key = {By.CLOCK: None, By.POOL: row.pool, By.OWNER: row.person}[by]
        parts.setdefault((row.clock, key), []).append(row)
    if by is By.CLOCK:
        for name in clocks:
            parts.setdefault((name, None), [])
    order = {name: place for place, name in enumerate(clocks)}
    found = [_figures(name, key, clocks.get(name), part, since, until, now) for (name, key), part in parts.items()]
    return sorted(found, key=lambda one: (order.get(one.clock, len(order)), one.clock, -one.started, one.key or "~"))


def _figures(
    name: str,
    key: str | None,
    clock: Clock | None,
    rows: Sequence[RunRow],
    since: datetime,
    until: datetime,
    now: datetime,
) -> Figures:
    def within(moment: datetime | None) -> bool:
        return moment is not None and since <= moment < until

    now_at = [standing(row.run) for row in rows if not row.gone]
    came = [row for row in rows if within(row.run.stopped_at)]
    broken = [row for row in rows if within(row.run.breached_at)]
    times = [taken(clock, row, now) for row in came] if clock is not None else []
    whole, ours = _sum(one.total for one in times), _sum(one.system for one in times)
    return Figures(
        clock=name,
        key=key,
        running=now_at.count(Standing.RUNNING),
        warned=now_at.count(Standing.WARNED),
        overdue=now_at.count(Standing.BREACHED),
        started=sum(within(row.run.started_at) for row in rows),
        met=sum(row.run.breached_at is None for row in came),
        breached=len(broken),
        by_system=sum(is_by_system(clock, row, now) for row in broken) if clock is not None else 0,
        ended=sum(within(row.run.ended_at) and standing(row.run) is Standing.ENDED for row in rows),
        median_minutes=_median([one.total for one in times]),
        p90_minutes=_p90([one.total for one in times]),
        human_median_minutes=_median([one.human for one in times]),
        system_share=ours / whole if whole else None,
    )


def _sum(spans: Iterable[timedelta]) -> timedelta:
    return sum(spans, timedelta())


def _median(spans: Sequence[timedelta]) -> float | None:
    return round(median(span / _MINUTE for span in spans), 1) if spans else None


def _p90(spans: Sequence[timedelta]) -> float | None:
    """The time within which nine of ten came; between two runs it is interpolated."""
    minutes = [span / _MINUTE for span in spans]
    if len(minutes) < 2:
        return round(minutes[0], 1) if minutes else None
    return round(quantiles(minutes, n=10, method="inclusive")[-1], 1)

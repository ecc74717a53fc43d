"""What runs over time for a lead: cadences and SLA clocks. Deadlines are derived from these, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Pauses: TypeAlias = tuple[tuple[datetime, datetime | None], ...]
"""Closed or open (end None) intervals, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceRun:
    """One run of a cadence; `number` counts a lead's runs of it from 1.

    `fired` is how many steps have been brought about; `due` counts from `started_at`. It ends by being finished (its
    last step is done) or stopped. While it is `waiting` for its turn at the company, it was asked for at `started_at`
    and brings nothing about.
    """

    number: int
    started_at: datetime
    fired: int = 0
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_by: str | None = None  #: What stopped it: the event in words (`signal:replied`), or a rule's id.
    waiting: bool = False  #: Somebody else of the company has the turn.

    @property
    def running(self) -> bool:
        """True until it is finished or stopped."""
        return self.finished_at is None and self.stopped_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRun:
    """One run of an SLA clock; `number` counts a lead's runs of it from 1.

    `occurred_at` is when that happened which began it: the signal, answer or change behind a stage entry (None: no more
    is known than `started_at`). `fired` is how many rungs have come: each acts once, whatever becomes of the calendar.
    `breached_at` is the deadline, set when it was found broken, and taken back (`withdrawn_at` says when) if a stop or
    a pause is learnt that came in time.
    """

    number: int
    started_at: datetime
    occurred_at: datetime | None = None
    pauses: Pauses = ()
    fired: int = 0
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    withdrawn_at: datetime | None = None
    stopped_at: datetime | None = None
    ended_at: datetime | None = None  #: It ended without a stop: the lead went aside, or the policy dropped the clock.

    @property
    def running(self) -> bool:
        """True until it is stopped or ended."""
        return self.stopped_at is None and self.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """An owner that a pool gave, asked at `at`: wanted on the record until a person names somebody else after it."""

    person: str
    pool: str
    at: datetime

"""SLA clocks: promises that start, pause and stop, and what is done when they run short. Pure.

Deadlines are derived from a run, its pauses and the calendar, never stored: a holiday that is entered later moves them.
What was acted on stays acted on: each rung fires once a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.runs import ClockRun
from connector.domain.state import LeadState
from connector.domain.value import BLANK, Value
from connector.engine.events import Events

if TYPE_CHECKING:
    from connector.engine.acts import Trigger
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


@dataclass(frozen=True, slots=True)
class Ticked:
    """The clocks after a look: their runs, the rungs that act now, and the runs that have just breached."""

    runs: Mapping[str, ClockRun]
    triggers: tuple[Trigger, ...]
    breached: Mapping[str, ClockRun]


def tick(plan: Plan, state: LeadState, view: LeadView, events: Events) -> Ticked:
    """Start, pause, resume and stop the clocks by what happened, and find the rungs that have come."""
    return Ticked(state.clocks, (), {})


def standing(runs: Mapping[str, ClockRun], clock: str) -> Value:
    """`clock.<id>` for conditions: running, warned, breached or met; blank before its first run."""
    return BLANK


def next_deadlines(plan: Plan, state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When rungs and breaches of running clocks will come, if nothing happens."""
    yield from ()

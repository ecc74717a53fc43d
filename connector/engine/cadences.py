"""Cadences: steps over days for a person to take, until the last is done or something stops them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.runs import CadenceRun
from connector.domain.state import LeadState
from connector.domain.value import BLANK, Value
from connector.engine.events import Events

if TYPE_CHECKING:
    from connector.engine.acts import Acts
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


@dataclass(frozen=True, slots=True)
class Progress:
    """The cadences as people's work leaves them: their runs, and those that are finished just now."""

    runs: Mapping[str, CadenceRun]
    finished: Mapping[str, CadenceRun]


def progress(plan: Plan, state: LeadState, now: datetime) -> Progress:
    """A cadence is finished when its last step is done, not when the calendar says so."""
    return Progress(state.cadences, {})


def step(
    plan: Plan, runs: Mapping[str, CadenceRun], view: LeadView, events: Events, acts: Acts
) -> Mapping[str, CadenceRun]:
    """Stop what `stop_on` or a rule stops, start what rules start, and bring about the steps whose day has come."""
    return runs


def standing(runs: Mapping[str, CadenceRun], cadence: str) -> Value:
    """`cadence.<id>` for conditions: running or finished; blank before its first run and after it was stopped."""
    return BLANK


def next_steps(plan: Plan, state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When the next steps of running cadences come."""
    yield from ()

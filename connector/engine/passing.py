"""A lead passes from one policy to another: what the old one began is brought to an end, and the new one begins. Pure.

Nothing stays open that nobody would close: open tasks are closed, clocks end without a verdict, cadences stop (whoever
stands in a sequence is to be taken out of it), what was asked for is asked no more. Stages, deals, owners and what is
remembered of events stay the lead's. The new policy catches up as after an activation: from the passing on, or from the
first thing that the lead did which nobody has looked at yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.effects import EffectKey, Task, WorkState
from connector.domain.lead import Lead
from connector.domain.runs import ClockRun
from connector.domain.signal import Signal
from connector.domain.state import LeadState, altered
from connector.engine import cadences, clock_run
from connector.engine.acts import Acts
from connector.engine.plan import Plan
from connector.engine.view import LeadView


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a policy leaves behind: the state that the next one begins with, and what its end changed."""

    state: LeadState
    tasks: Mapping[EffectKey, Task]
    clocks: tuple[tuple[str, ClockRun], ...]


def leave(plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime) -> Left:
    """Take the lead out of this policy at `now`. Only what it did that is unseen and fresh is news to the next."""
    view = LeadView(plan, lead, {}, state.entry, state.holds, now, state)
    acts = Acts(plan, view)
    acts.tasks.update((task.key, _closed(task, now)) for task in state.tasks)
    runs = cadences.ended(plan, state.cadences, view, acts)
    clocks = {name: _ended(run, now) for name, run in state.clocks.items()}
    tasks = {task.key: task for task in state.tasks}
    return Left(
        state=altered(
            state,
            tasks=tuple(acts.tasks.values()),
            cadences=runs,
            clocks=clocks,
            requests=(),
            waiting=(),
            settings={},
            refused=None,
            stuck=None,
            begun_at=_begins_at(plan, signals, now),
        ),
        tasks={key: task for key, task in acts.tasks.items() if tasks.get(key) != task},
        clocks=tuple((name, run) for name, run in clocks.items() if run != state.clocks[name]),
    )


def as_met(plan: Plan, state: LeadState) -> LeadState:
    """As which the CRM's stage is read: a lead in a stage that the policy does not know stands where its CRM says."""
    stages, entry = plan.policy.stages, state.entry
    return state if entry is None or not stages or entry.stage in stages else altered(state, entry=None)


def since(state: LeadState, activated_at: datetime) -> datetime:
    """From when on what happens to this lead starts work: its policy's activation, or its own coming under it."""
    return activated_at if state.begun_at is None else max(activated_at, state.begun_at)


def _begins_at(plan: Plan, signals: Sequence[Signal], now: datetime) -> datetime:
    fresh = plan.policy.fresh_for
    unseen = [one for one in signals if not one.seen and one.occurred_at <= now]
    return min([now, *(one.occurred_at for one in unseen if one.learnt_at - one.occurred_at <= fresh)])


def _closed(task: Task, now: datetime) -> Task:
    return replace(task, state=WorkState.CLOSED, ended_at=now) if task.state is WorkState.OPEN else task


def _ended(run: ClockRun, now: datetime) -> ClockRun:
    return replace(clock_run.closed(run, now), ended_at=now) if run.running else run

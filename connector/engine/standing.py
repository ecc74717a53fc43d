"""Open work of a lead to which nothing has come: whether it stands as it should, so that a look now leaves it alone.

A close look brings open work in line and finds what has fallen due. Mostly it is in line, and nothing is due: here the
same is asked of each task, clock and cadence that is open, and of nothing else. Pure.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Task, WorkState
from connector.domain.lead import Lead
from connector.domain.state import LeadState
from connector.engine import cadences, handoff, recalls, sla, work
from connector.engine.events import Events

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def may_rest(state: LeadState, lead: Lead) -> bool:
    """False where somebody has to be asked or answered, or has just completed a task."""
    if state.requests or state.waiting or lead.away or lead.not_enrolled:
        return False
    for task in state.tasks:
        if task.state is WorkState.OPEN:
            if task.pool is not None and task.owner is None:
                return False
        elif task.ended_at is None:
            return False
    return True


def rests(plan: Plan, state: LeadState, view: LeadView, since: datetime) -> bool:
    """True when a look now changes nothing of the open work, and nothing of it is due."""
    nothing = Events(
        before=state.entry, arrival=None, signals=(), turned={}, now=view.now, since=since, trail=state.trail
    )
    return (
        _tasks_stand(plan, state, view, nothing)
        and sla.stand(plan, state.clocks, view, nothing)
        and cadences.stand(plan, state, view, nothing)
    )


def _tasks_stand(plan: Plan, state: LeadState, view: LeadView, nothing: Events) -> bool:
    ended = 0
    for task in state.tasks:
        if task.state is not WorkState.OPEN:
            ended += 1
        elif not _stands(plan, state, view, task) or recalls.is_over(plan, task, view, nothing):
            return False
    return not ended or len(work.remembered(state.tasks, view)) == len(state.tasks)


def _stands(plan: Plan, state: LeadState, view: LeadView, task: Task) -> bool:
    if handoff.is_settled(view, state.edges, task) or sla.is_over(plan, state.clocks, task.key):
        return False
    return work.in_line(plan, task, view) is task

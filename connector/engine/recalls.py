"""Recalls: what comes after an attempt that reached nobody, by how often that has happened in a row. Pure.

Nothing is remembered: the row is counted from what people logged, and an outcome that somebody mends later counts as
what it now is. So the order in which attempts are learnt does not matter: the n-th that is learnt of a row asks for
the n-th recall, due so long after the latest of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Task, WorkState
from connector.engine.acts import Trigger
from connector.engine.coming import all_after
from connector.engine.events import Events, Happening, happened
from connector.policy.model import EventKind, Recall

if TYPE_CHECKING:
    from connector.engine.acts import Acts
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def step(plan: Plan, view: LeadView, events: Events, acts: Acts) -> None:
    """Ask for the next recall after an attempt; one at a time, and none once somebody was reached."""
    if not (events.came or acts.tasks):
        return
    for recall in plan.policy.recalls:
        news = happened(plan, recall.id, recall.on, events)
        if not (news or any(is_of(recall, task) for task in acts.tasks.values())):
            continue
        row = _row(plan, recall, view, events)
        if news or not row:
            _close(recall, view, acts)
        if news and row:
            _ask(recall, row, view, max(news, key=lambda one: (one.at, one.cause_id)), acts)


def is_over(plan: Plan, task: Task, view: LeadView, events: Events) -> bool:
    """True for the task of a recall whose row has ended: somebody was reached, or the lead has gone on."""
    return any(is_of(recall, task) and not _row(plan, recall, view, events) for recall in plan.policy.recalls)


def _ask(recall: Recall, row: list[datetime], view: LeadView, cause: Happening, acts: Acts) -> None:
    action = recall.again[len(row) - 1] if len(row) <= len(recall.again) else None
    if action is not None and (recall.when is None or recall.when.test(view) is True):
        acts.do([Trigger(recall.id, (action,), cause, due_from=row[-1])])


def _row(plan: Plan, recall: Recall, view: LeadView, events: Events) -> list[datetime]:
    """The attempts in a row: since the stage was entered, and since the last thing that ended the row before."""
    since = view.stage_entered_at
    if since is None:
        return []
    ends = [one.at for one in all_after(plan, f"{recall.id}.stop_on", recall.stop_on, since, view, events)]
    for event in recall.stop_on:
        if event.kind is EventKind.SIGNAL and event.name is not None:
            ends += view.times(event.name)[-1:]
    began = max([since, *ends])
    names = [event.name for event in recall.on if event.name is not None]
    return sorted(moment for name in names for moment in view.times(name) if moment > began)


def _close(recall: Recall, view: LeadView, acts: Acts) -> None:
    for key, task in acts.tasks.items():
        if is_of(recall, task) and task.state is WorkState.OPEN:
            acts.tasks[key] = replace(task, state=WorkState.CLOSED, ended_at=view.now)


def is_of(recall: Recall, task: Task) -> bool:
    """True for the tasks of this recall."""
    return task.key.rule == recall.id

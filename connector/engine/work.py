"""Work for people: what rules call for when something happens; tasks are changed and closed by what happens next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from connector.domain.effects import Cause, Task, WorkState
from connector.domain.signal import Signal
from connector.domain.state import StageEntry
from connector.engine.acts import Trigger, follow, forbidden
from connector.engine.cadences import is_step
from connector.engine.events import Events, Happening, happened, heard_by
from connector.engine.plan import Plan
from connector.engine.recycle import again_of
from connector.engine.routing import asked, on_waking
from connector.engine.view import LeadView

ON_WAKE = "on_wake"
"""The rule id of what recycle.yaml does when a lead comes again."""

ENDED_KEPT = 20
"""Ended tasks of the present stage that are remembered, for the explanation."""


def new_signals(plan: Plan, signals: Sequence[Signal], since: datetime, now: datetime) -> list[Signal]:
    """The signals that may act: not yet seen, after the activation, learnt while still fresh; oldest first."""
    found = [one for one in signals if not one.seen and since <= one.occurred_at <= now]
    if not found:
        return found
    fresh = plan.policy.fresh_for
    acting = [one for one in found if one.learnt_at - one.occurred_at <= fresh]
    return sorted(acting, key=lambda one: (one.occurred_at, one.id))


def just_done(tasks: Sequence[Task], now: datetime) -> tuple[tuple[Task, ...], tuple[Task, ...]]:
    """The tasks with their ends noted, and those that people have completed since the last look."""
    if not tasks:
        return (), ()
    if all(task.state is WorkState.OPEN or task.ended_at is not None for task in tasks):
        return tuple(tasks), ()
    ended = tuple(
        replace(task, ended_at=now) if task.state is not WorkState.OPEN and task.ended_at is None else task
        for task in tasks
    )
    before = {task.key for task in tasks if task.ended_at is None}
    return ended, tuple(task for task in ended if task.state is WorkState.DONE and task.key in before)


def routed(plan: Plan, view: LeadView, events: Events) -> Iterator[Trigger]:
    """What the rules of routing.yaml ask now: before anything else, which then has its owner."""
    if not events.came:
        return
    for rule_id, happening, ask in asked(plan, view, events):
        yield Trigger(rule_id, (ask,), happening)


def triggered(plan: Plan, view: LeadView, events: Events) -> Iterator[Trigger]:
    """What the rules of work.yaml do now, and what recycle.yaml does when a lead comes again."""
    if not events.came:
        return
    heard = heard_by(plan, events)
    for rule in plan.policy.rules:
        happenings = happened(plan, rule.id, rule.on, events) if rule.id in heard else []
        if happenings and (rule.when is None or rule.when.test(view) is True):
            for happening in happenings:
                yield Trigger(rule.id, rule.do, happening, shadow=rule.shadow)
    arrival = events.arrival
    if arrival is not None and plan.policy.recycle is not None and _woke(plan, events.before, arrival):
        happening = Happening(Cause.STAGE_ENTRY, str(arrival.seq), arrival.entered_at, ON_WAKE)
        ask = on_waking(plan, view)
        yield Trigger(ON_WAKE, (*([ask] if ask is not None else []), *plan.policy.recycle.on_wake), happening)


def _woke(plan: Plan, before: StageEntry | None, arrival: StageEntry) -> bool:
    """True when the lead came back by its recycle date: the transition read `recycle.due`."""
    transition = plan.transitions.get(arrival.transition or "")
    return (
        transition is not None and "recycle.due" in transition.when.names and again_of(plan.policy, before) is not None
    )


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────
def in_line(plan: Plan, task: Task, view: LeadView, *, ends: bool = False) -> Task:
    """An open task closes with the stage that it was opened in or when forbidden, and follows the lead's owner.

    `ends`: the policy acts on this lead no longer.
    """
    if task.state is not WorkState.OPEN:
        return task
    here = view.entry.seq if view.entry else 0
    outlives = task.of_deal or is_step(task.key)  # these end with the deal, with the cadence
    if ends or (task.opened_in != here and not outlives) or forbidden(plan, view, "task", task.kind):
        return replace(task, state=WorkState.CLOSED, ended_at=view.now)
    return follow(task, view)


def remembered(tasks: Sequence[Task], view: LeadView) -> tuple[Task, ...]:
    """Open tasks, what has ended just now, and the latest of what has ended in this stage.

    The rest is forgotten: an entry is entered once, a signal is new once, an edge counts its turns, so that no cause
    comes again.
    """
    if not tasks:
        return ()
    here = view.entry.seq if view.entry else 0
    ended = [
        task for task in tasks if task.state is not WorkState.OPEN and here in (task.opened_in, task.opened_in + 1)
    ]
    kept = {task.key for task in sorted(ended, key=lambda task: (task.opened_at, task.key))[-ENDED_KEPT:]}
    return tuple(
        task for task in tasks if task.state is WorkState.OPEN or task.ended_at == view.now or task.key in kept
    )

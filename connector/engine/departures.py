"""Open work goes on when the person who has it does not: it moves within its pool, once for each absence. Pure.

A lead moves with its tasks and clocks while there is something to do for it; an open deal moves when its owner has
left for good, and while they are merely absent its tasks are lent. What a person decides afterwards stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey, OwnerRequest, Task, WorkState
from connector.domain.lead import Away
from connector.domain.runs import ClockRun
from connector.domain.state import Edge
from connector.engine import pipeline
from connector.engine.routing import DEAL, LEAD, TASK, way_of

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

SAME_POOL = "same_pool"
ABSENT, LEFT = "absent", "left_company"
"""The rule ids by which moved work is keyed: the words of routing.yaml."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is open of a lead when its people are looked at: tasks, running clocks, what was handled before."""

    tasks: Sequence[Task]
    clocks: Mapping[str, ClockRun]
    edges: Mapping[str, Edge]


def moved(plan: Plan, view: LeadView, work: Work) -> Iterator[tuple[str, OwnerRequest]]:
    """The requests for whom open work moves to now, each with the name under which that is remembered."""
    for away in view.lead.away:
        due = _due(plan, away)
        if due is None or due > view.now or not _is_away(away, view.now):
            continue
        for request in _requests(plan, view, work, away):
            name = f"away:{request.key.cause_id}:{request.key.slot}"
            if name not in work.edges:
                yield name, request


def next_moments(plan: Plan, view: LeadView) -> Iterator[datetime]:
    """When absences will have lasted so long that work moves."""
    for away in view.lead.away:
        due = _due(plan, away)
        if due is not None and due > view.now and _is_away(away, due):
            yield due


def _due(plan: Plan, away: Away) -> datetime | None:
    """When this person's open work moves; None: it stays."""
    routing = plan.policy.routing
    if routing is None:
        return None
    if away.left:
        return away.since if routing.left_tasks_to == SAME_POOL else None
    if routing.absent_tasks_after is None or routing.absent_tasks_to != SAME_POOL:
        return None
    return routing.absent_tasks_after.add(away.since, plan.policy.calendar)


def _is_away(away: Away, moment: datetime) -> bool:
    return away.until is None or away.until > moment


def _requests(plan: Plan, view: LeadView, work: Work, away: Away) -> Iterator[OwnerRequest]:
    """What this person has of the lead that is open."""
    mine = [task for task in work.tasks if task.state is WorkState.OPEN and task.owner == away.person]
    runs = any(run.running for run in work.clocks.values())
    if view.owner_now == away.person and (runs or any(task.follows_owner for task in mine)):
        yield from _request(plan, view, away, LEAD)
    if view.deal_owner_now == away.person and away.left and pipeline.is_open(view) and view.lead.speaks_for_deal:
        yield from _request(plan, view, away, DEAL)
    for task in mine:
        is_lent = task.of_deal and not away.left
        if is_lent or task.lent or task.pool is not None:
            yield from _request(plan, view, away, TASK, task)


def _request(plan: Plan, view: LeadView, away: Away, owner_of: str, task: Task | None = None) -> Iterator[OwnerRequest]:
    pool = _pool(plan, view, away, owner_of, task)
    if pool is None:
        return
    slot = owner_of if task is None else f"{TASK}.{task.key.digest()}"
    yield OwnerRequest(
        key=EffectKey(cause=Cause.PERSON.value, cause_id=away.cause_id, rule=LEFT if away.left else ABSENT, slot=slot),
        pool=pool,
        by=way_of(plan, pool),
        owner_of=owner_of,
        asked_at=view.now,
        avoid=away.person,
        task=task.key if task is not None else None,
    )


def _pool(plan: Plan, view: LeadView, away: Away, owner_of: str, task: Task | None) -> str | None:
    """The same pool: the task's own, the one that gave it, one that rules ask for such owners, any; else the last."""
    routing = plan.policy.routing
    if routing is None:
        return None
    given = view.state.assigned.get(DEAL if task is not None and task.of_deal else owner_of)
    asked = [rule.assign.pool for rule in routing.rules if rule.assign.owner_of == owner_of]
    wanted = (
        task.pool if task is not None else None,
        given.pool if given is not None and given.person == away.person else None,
        next((pool for pool in away.pools if pool in asked), None),
        next(iter(away.pools), None),
        routing.nobody_free,
    )
    return next((pool for pool in wanted if pool is not None and pool in routing.pools), None)

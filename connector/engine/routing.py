"""Who is to own a lead or a deal: `decide` asks a pool, the shell grants. Pure.

Choosing is not decided per lead: fairness is a property of a pool over all its leads. Here stand the question (which
pool, whom to prefer, whom to avoid) and what an answer makes of the lead. The shell decides a lead again with the
answer before anything is stored, so that a task, a notice or a deal never comes without the owner that it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey, Grant, OwnerRequest, Task, WorkState
from connector.domain.lead import Lead
from connector.domain.runs import Assigned
from connector.domain.state import LeadState
from connector.engine import recycle
from connector.engine.events import Events, Happening, happened, heard_by
from connector.policy.model import Assign, AssignAction

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

SLOT = "assign"
LEAD, DEAL, COMPANY, TASK = "lead", "deal", "company", "task"
ROUND_ROBIN = "round_robin"
_CONTACTS = ("contacted", "attempted")


# ── what an answer makes of the lead ─────────────────────────────────────────────────────────────────────────────
def granted(state: LeadState, lead: Lead) -> LeadState:
    """The state with the answers that have come: they are wanted on the record; what was asked is settled."""
    if not state.requests or not lead.grants:
        return state
    answers = {grant.request: grant for grant in lead.grants}
    assigned, tasks = dict(state.assigned), state.tasks
    for request in state.requests:
        grant = answers.get(request.key.text())
        if grant is None or grant.person is None:
            continue
        if request.task is not None:
            tasks = tuple(given(task, request, grant) for task in tasks)
        else:
            assigned[grant.owner_of] = answered(request, grant)
    settled = {name for name, grant in answers.items() if grant.person is not None}
    left = tuple(one for one in state.requests if one.key.text() not in settled)
    return replace(state, requests=left, assigned=assigned, tasks=tasks)


def answered(request: OwnerRequest, grant: Grant) -> Assigned:
    """The owner that a pool gave, as of the question: whoever has been named since stands against the answer."""
    assert grant.person is not None
    return Assigned(person=grant.person, pool=grant.pool, at=request.asked_at)


def given(task: Task, request: OwnerRequest, grant: Grant) -> Task:
    """A task with whom a pool gave it to; one that would follow somebody is lent."""
    if task.key != request.task or task.state is not WorkState.OPEN:
        return task
    return replace(task, owner=grant.person, lent=task.lent or task.of_deal or task.follows_owner)


def owner_now(assigned: Mapping[str, Assigned], lead: Lead, owner_of: str) -> str | None:
    """Whose it is: what a pool gave, until somebody in the CRM names another owner after it."""
    shown, changed_at = _shown(lead, owner_of)
    given = assigned.get(owner_of)
    if given is None or shown == given.person:
        return shown
    return shown if changed_at is not None and changed_at > given.at else given.person


def pool_now(assigned: Mapping[str, Assigned], lead: Lead) -> str | None:
    """The pool that gave the lead its present owner; None for an owner whom a person named."""
    given = assigned.get(LEAD)
    return given.pool if given is not None and owner_now(assigned, lead, LEAD) == given.person else None


def _shown(lead: Lead, owner_of: str) -> tuple[str | None, datetime | None]:
    """Whom the CRM shows as the owner, and when somebody named that person."""
    if owner_of == DEAL:
        return lead.deal_owner, lead.deal_owner_changed_at
    if owner_of == COMPANY:
        return (lead.account.owner, lead.account.owner_changed_at) if lead.account is not None else (None, None)
    return lead.owner, lead.owner_changed_at


def may_see(view: LeadView, *pools: str | None) -> frozenset[str] | None:
    """What texts for people of these pools may print: what all of them may see. None: everything."""
    routing = view.policy.routing
    known = [routing.pools.get(one) for one in pools if one is not None] if routing is not None else []
    limits = [pool.may_see for pool in known if pool is not None and pool.may_see is not None]
    return frozenset.intersection(*limits) if limits else None


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────
def asked(plan: Plan, view: LeadView, events: Events) -> Iterator[tuple[str, Happening, AssignAction]]:
    """The routing rules that ask now: of those whose event has come, the first that holds for each kind of owner."""
    routing = plan.policy.routing
    taken, heard = set[str](), heard_by(plan, events)
    for rule in routing.rules if routing is not None else ():
        if rule.id not in heard or rule.assign.owner_of in taken:
            continue
        happenings = happened(plan, rule.id, rule.on, events)
        if happenings and (rule.when is None or rule.when.test(view) is True):
            taken.add(rule.assign.owner_of)
            yield rule.id, happenings[0], AssignAction(slot=SLOT, assign=rule.assign)


def request(plan: Plan, view: LeadView, key: EffectKey, assign: Assign) -> OwnerRequest:
    """What is asked of the pool: whom to prefer and whom to avoid included.

    Who had it last is preferred where the policy keeps owners, for as long as it says; after that, a lead that comes
    back is somebody else's to try, and at once where its reason says so (`to: another_person`). Who let a promise run
    out is not given the same lead again. Nobody is avoided where there is nobody else.
    """
    last = _last(view, assign.owner_of)
    breached = key.cause == Cause.CLOCK.value
    other = assign.owner_of == LEAD and _is_others_turn(view)
    keeps = not breached and not other and _is_kept(plan, view, assign.owner_of)
    came_back = view.entry is not None and view.entry.came_back_at is not None and assign.owner_of == LEAD
    return OwnerRequest(
        key=key,
        pool=assign.pool,
        by=assign.by,
        owner_of=assign.owner_of,
        asked_at=view.now,
        prefer=last if keeps else None,
        avoid=last if breached or other or (came_back and not keeps and _bound_at(view, LEAD) is not None) else None,
    )


def _is_others_turn(view: LeadView) -> bool:
    """True until this round has an owner of its own, where the lead is to be tried by somebody else."""
    given, entry = view.state.assigned.get(LEAD), view.entry
    came_back_at = entry.came_back_at if entry is not None else None
    if given is not None and came_back_at is not None and given.at >= came_back_at:
        return False
    return recycle.wants_another(view)


def on_waking(plan: Plan, view: LeadView) -> AssignAction | None:
    """Asks for somebody else as soon as the lead comes again. None: its reason does not say so, or no pool is known.

    The pool is that of the first routing rule for leads that holds, else the one that gave the lead last.
    """
    waking = plan.policy.recycle.on_wake if plan.policy.recycle is not None else ()
    asks = any(isinstance(one, AssignAction) and one.assign.owner_of == LEAD for one in waking)
    if asks or not _is_others_turn(view):
        return None
    rules = plan.policy.routing.rules if plan.policy.routing is not None else ()
    fits = (one for one in rules if one.assign.owner_of == LEAD and (one.when is None or one.when.test(view) is True))
    given = view.state.assigned.get(LEAD)
    rule = next(fits, None)
    pool = rule.assign.pool if rule is not None else given.pool if given is not None else None
    if pool is None or plan.policy.routing is None or pool not in plan.policy.routing.pools:
        return None
    by = rule.assign.by if rule is not None else way_of(plan, pool)
    return AssignAction(slot=SLOT, assign=Assign(pool=pool, by=by, owner_of=LEAD))


def _last(view: LeadView, owner_of: str) -> str | None:
    """Who has it, else who was given it last; of a deal or company that nobody has: whose the lead is."""
    given = view.state.assigned.get(owner_of)
    now = owner_now(view.state.assigned, view.lead, owner_of)
    return now or (given.person if given is not None else None) or view.owner_now


def _is_kept(plan: Plan, view: LeadView, owner_of: str) -> bool:
    """True while the policy keeps the last owner: counted from the last thing that bound the two, if one is known."""
    routing = plan.policy.routing
    if routing is None or routing.keep_for is None:
        return False
    bound_at = _bound_at(view, owner_of)
    return bound_at is None or view.now < routing.keep_for.add(bound_at, plan.policy.calendar)


def _bound_at(view: LeadView, owner_of: str) -> datetime | None:
    """When the owner was given or named, or the lead last contacted, whichever was later. None: before our time."""
    lead, given = view.lead, view.state.assigned.get(owner_of)
    named = _shown(lead, owner_of)[1]
    contacts = (view.times(name) for name in _CONTACTS)
    moments = [given.at if given is not None else None, named, *(times[-1] for times in contacts if times)]
    return max((at for at in moments if at is not None and at <= view.now), default=None)


def way_of(plan: Plan, pool: str) -> str:
    """How a pool chooses where no rule says so: as the first rule that asks it, else in turn."""
    routing = plan.policy.routing
    rules = routing.rules if routing is not None else ()
    return next((rule.assign.by for rule in rules if rule.assign.pool == pool), ROUND_ROBIN)


def of_tasks(plan: Plan, view: LeadView, tasks: Sequence[Task]) -> Iterator[OwnerRequest]:
    """Asks pools for people for their tasks that have nobody yet; the lead's owner is preferred where they belong."""
    routing = plan.policy.routing
    for task in tasks:
        pool = task.pool
        if routing is None or pool is None or pool not in routing.pools or task.owner is not None:
            continue
        if task.state is WorkState.OPEN:
            yield OwnerRequest(
                key=replace(task.key, slot=f"{task.key.slot}.owner"),
                pool=pool,
                by=way_of(plan, pool),
                owner_of=TASK,
                asked_at=view.now,
                prefer=view.owner_now if routing.keep_for is not None else None,
                task=task.key,
            )


def still_open(
    before: Sequence[OwnerRequest],
    new: Sequence[OwnerRequest],
    answered_now: frozenset[str],
    tasks: Sequence[Task],
    view: LeadView,
) -> tuple[OwnerRequest, ...]:
    """The requests that wait: a later one takes the place of an earlier one, and what nobody needs is withdrawn."""
    again = answered_now | {one.owner_of for one in new}
    needed = {task.key for task in tasks if task.state is WorkState.OPEN}
    kept = {
        one.key: one
        for one in before
        if (one.task in needed if one.task is not None else one.owner_of not in again and not _is_past(one, view))
    }
    return tuple((kept | {one.key: one for one in new}).values())


def _is_past(one: OwnerRequest, view: LeadView) -> bool:
    """The lead has gone aside since: nobody is needed any more."""
    entry = view.entry
    stage = view.policy.stages.get(entry.stage) if entry is not None else None
    return stage is not None and stage.side and entry is not None and one.asked_at < entry.entered_at

"""Who is to own a lead or a deal: `decide` asks a pool, the shell grants. Pure.

Choosing is not decided per lead: fairness is a property of a pool over all its leads. Here stand the question (which
pool, whom to prefer, whom to avoid) and what an answer makes of the lead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey, OwnerRequest
from connector.domain.lead import Lead
from connector.domain.runs import Assigned
from connector.domain.state import LeadState
from connector.engine.events import Events, Happening, happened
from connector.policy.model import Assign, AssignAction

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

SLOT = "assign"


def granted(state: LeadState, lead: Lead) -> LeadState:
    """The state with the answers that have come: they are wanted on the record; what was asked is settled."""
    if not state.requests or not lead.grants:
        return state
    answers = {grant.request: grant for grant in lead.grants}
    assigned = dict(state.assigned)
    for request in state.requests:
        grant = answers.get(request.key.text())
        if grant is not None and grant.person is not None:
            # as of the question: whoever has been named since stands against the answer
            assigned[grant.owner_of] = Assigned(person=grant.person, pool=grant.pool, at=request.asked_at)
    left = tuple(one for one in state.requests if one.key.text() not in answers)
    return replace(state, requests=left, assigned=assigned)


def owner_now(assigned: Mapping[str, Assigned], lead: Lead, owner_of: str) -> str | None:
    """Whose it is: what a pool gave, until somebody in the CRM names another owner after it."""
    shown, changed_at = (
        (lead.deal_owner, lead.deal_owner_changed_at) if owner_of == "deal" else (lead.owner, lead.owner_changed_at)
    )
    given = assigned.get(owner_of)
    if given is None or shown == given.person:
        return shown
    return shown if changed_at is not None and changed_at > given.at else given.person


def asked(plan: Plan, view: LeadView, events: Events) -> Iterator[tuple[str, Happening, AssignAction]]:
    """The routing rules that ask now: of those whose event has come, the first that holds for each kind of owner."""
    routing = plan.policy.routing
    taken: set[str] = set()
    for rule in routing.rules if routing is not None else ():
        if rule.assign.owner_of in taken:
            continue
        happenings = happened(plan, rule.id, rule.on, events)
        if happenings and (rule.when is None or rule.when.test(view) is True):
            taken.add(rule.assign.owner_of)
            yield rule.id, happenings[0], AssignAction(slot=SLOT, assign=rule.assign)


def request(plan: Plan, view: LeadView, key: EffectKey, assign: Assign) -> OwnerRequest:
    """What is asked of the pool: the present owner is kept where the policy keeps owners, and avoided by a clock.

    Who let a promise run out is not given the same lead again while there is anybody else.
    """
    routing = plan.policy.routing
    owner = view.deal_owner_now if assign.owner_of == "deal" else view.owner_now
    breached = key.cause == Cause.CLOCK.value
    keeps = routing is not None and routing.keep_for is not None and not breached
    return OwnerRequest(
        key=key,
        pool=assign.pool,
        by=assign.by,
        owner_of=assign.owner_of,
        asked_at=view.now,
        prefer=owner if keeps else None,
        avoid=owner if breached else None,
    )

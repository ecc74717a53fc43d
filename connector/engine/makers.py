"""How the values are worked out that no rule of the policy decides: answers, fields that show state, built-in names.

`maker` chooses the way once for each name; what it returns runs for every lead.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import TYPE_CHECKING, TypeAlias

from connector.domain.value import BLANK, UNREAD, Value
from connector.engine import cadences, gates, pipeline, pressure, recycle, refusals, sla
from connector.policy.model import Gate, Policy

if TYPE_CHECKING:
    from connector.engine.view import LeadView

SCORE = "score."
GATE = "gate."
CLOCK = "clock."
CADENCE = "cadence."
DEAL = "deal."
PIPELINE = "pipeline.missing"
ATTEMPTED = "attempted"
MEETINGS = "@meetings"
"""Under this name stand the beginnings of booked meetings among the moments of signals; no signal can be called so."""

CONTACTS = ("contacted", ATTEMPTED)
"""The signals that count as contact, by the names that the language gives them."""

Maker: TypeAlias = Callable[["LeadView"], Value]


def maker(policy: Policy, name: str) -> Maker:
    """How the value of this name is worked out. Of a round that is over, a deal says nothing."""
    made = _field(policy, name) if name in policy.fields else _built_in(policy, name)
    return of_this_round(made) if name.startswith(DEAL) else made


def of_this_round(made: Maker) -> Maker:
    """Blank where the deal was closed before the lead came back."""
    return lambda view: BLANK if pipeline.is_past(view) else made(view)


def _field(policy: Policy, name: str) -> Maker:
    definition = policy.fields[name]
    if definition.answer:
        return methodcaller("answer", name)
    shows = definition.shows or ""
    if shows.startswith(SCORE):
        return lambda view: view.value(shows)
    if shows in _SHOWN:
        return _SHOWN[shows]
    if shows == PIPELINE:
        return lambda view: pipeline.told(view) or BLANK
    gate = policy.gates.get(shows.removeprefix(GATE).removesuffix(".missing"))
    if gate is not None and shows.startswith(GATE):
        return lambda view: gates.told(view, gate) or BLANK
    return lambda view: view.lead.fact(name).value


def _built_in(policy: Policy, name: str) -> Maker:
    if name in _PLAIN:
        return _PLAIN[name]
    if name.startswith(CLOCK):
        clock = name.removeprefix(CLOCK)
        return lambda view: sla.standing(policy.clocks, view.state.clocks, view.entry, clock)
    if name.startswith(CADENCE):
        cadence = name.removeprefix(CADENCE)
        return lambda view: cadences.standing(view.state.cadences, cadence)
    if name.startswith(GATE):
        return _passed(policy.gates[name.removeprefix(GATE)])
    return lambda view: UNREAD


def _passed(gate: Gate) -> Maker:
    def passed(view: LeadView) -> Value:
        truth = gates.passes(view, gate)
        return UNREAD if truth is None else "passed" if truth else "missing"

    return passed


def _last_contact(view: LeadView) -> Value:
    latest = [times[-1] for name in CONTACTS if (times := view.times(name))]
    return max(latest) if latest else BLANK


def _attempts_in_stage(view: LeadView) -> Value:
    times, since = view.times(ATTEMPTED), view.stage_entered_at
    return len(times) if since is None or not times else sum(1 for moment in times if moment >= since)


def _next_meeting(view: LeadView) -> Value:
    return next((moment for moment in view.times(MEETINGS) if moment > view.now), BLANK)


def _held_reason(view: LeadView) -> Value:
    return refusals.held(view) or BLANK


def _contact_limit(view: LeadView) -> Value:
    return pressure.told(view, view.state.tasks) or BLANK


def _recycle_due(view: LeadView) -> Value:
    due = recycle.due_at(view)
    return due is not None and due <= view.now


def _recycle_reason(view: LeadView) -> Value:
    return (view.entry.reason if view.entry else None) or BLANK


def _stage(view: LeadView) -> Value:
    return view.entry.stage if view.entry else UNREAD


def _stage_entered_at(view: LeadView) -> Value:
    return view.entry.entered_at if view.entry else UNREAD


def _owner(view: LeadView) -> Value:
    return view.owner_now or BLANK


def _owner_pool(view: LeadView) -> Value:
    return view.owner_pool_now or BLANK


def _company_owner(view: LeadView) -> Value:
    return view.company_owner_now or BLANK


def _company_stages(view: LeadView) -> Value:
    return view.lead.account.stages if view.lead.account is not None else frozenset()


def _deal_stage(view: LeadView) -> Value:
    return view.lead.fact(pipeline.STAGE).value


_SHOWN: dict[str, Maker] = {
    "last_contact": _last_contact,
    "attempts_in_stage": _attempts_in_stage,
    "next_meeting": _next_meeting,
    "held_reason": _held_reason,
    "contact_limit": _contact_limit,
}
_PLAIN: dict[str, Maker] = {
    "stage": _stage,
    "stage_entered_at": _stage_entered_at,
    "owner": _owner,
    "owner.pool": _owner_pool,
    "company.owner": _company_owner,
    "company.stages": _company_stages,
    pipeline.STAGE: _deal_stage,
    "recycle.due": _recycle_due,
    "recycle.reason": _recycle_reason,
}

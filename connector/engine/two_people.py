"""Two people on one lead (重複対応): noticed when somebody else than its owner logs work on it, and told to both. Pure.

The owner stays: who is to have the lead is decided by whoever reads the notice. Field sales with the deal, and whoever
has a task of ours on the lead, belong there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey, Notice
from connector.domain.signal import Signal
from connector.domain.state import Edge
from connector.engine.acts import Acts, forbidden
from connector.engine.routing import LEAD
from connector.engine.words import label_in, lookup
from connector.policy.model import Label

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

TWO_PEOPLE = "two_people"
"""The rule that this is, by its word in routing.yaml."""

SLOT = "notice"
_TEXT: Label = {
    "ja": "重複対応: {who}に担当者以外の人が対応しています。どちらが担当するか決めてください",
    "en": "Two people are working on {who}: decide which of you has this lead",
}


def told(plan: Plan, acts: Acts, new: tuple[Signal, ...], edges: Mapping[str, Edge]) -> Mapping[str, Edge]:
    """Tell both of each colleague who has begun to work on the lead, once a stay in a stage; returns the memory."""
    view, routing = acts.view, plan.policy.routing
    by_others = list(_by_others(acts, new)) if routing is not None and routing.tell_two_people else []
    if not by_others or acts.silent or forbidden(plan, view, "notify"):
        return edges
    entry = view.entry.seq if view.entry is not None else 0
    for one in by_others:
        name = f"{TWO_PEOPLE}:{one.by}"
        before = edges.get(name)
        if before is not None and before.digest == str(entry):
            continue
        turned = before.turned + 1 if before is not None else 1
        edges = {**edges, name: Edge(truth=None, turned=turned, turned_at=view.now, digest=str(entry))}
        key = EffectKey(cause=Cause.SIGNAL.value, cause_id=str(one.id), rule=TWO_PEOPLE, slot=SLOT)
        receivers = (f"person:{view.owner_now}", f"person:{one.by}")
        acts.notices.setdefault(key, Notice(key=key, to=receivers, text=_text(view), at=view.now))
        acts.fired.append(TWO_PEOPLE)
    return edges


def _by_others(acts: Acts, new: tuple[Signal, ...]) -> Iterator[Signal]:
    """What others logged since the present owner has the lead."""
    view = acts.view
    if view.owner_now is None or not any(one.by is not None for one in new):
        return
    belong = {view.owner_now, view.deal_owner_now, *(task.owner for task in acts.tasks.values())}
    belong |= {deal.sender for deal in view.state.deals}
    since = _owned_since(view)
    for one in new:
        if one.by is not None and one.by not in belong and (since is None or one.occurred_at >= since):
            yield one


def _owned_since(view: LeadView) -> datetime | None:
    """Since when the present owner has the lead; None: since before our time."""
    given, named = view.state.assigned.get(LEAD), view.lead.owner_changed_at
    moments = [given.at if given is not None and given.person == view.owner_now else None, named]
    return max((at for at in moments if at is not None), default=None)


def _text(view: LeadView) -> str:
    print_name = lookup(view)
    names = [print_name(name) for name in ("company_name", "last_name") if name in view.policy.fields]
    who = " ".join(one for one in names if one) or f"#{view.lead.id}"
    return label_in(_TEXT, view.policy.language, TWO_PEOPLE).format(who=who)

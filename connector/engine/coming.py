"""When an event came after a moment, whenever it was learnt: what stops a clock or a cadence is looked up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause
from connector.domain.state import StageEntry
from connector.engine import evidence
from connector.engine.events import Events, Happening, happened
from connector.engine.watching import watch_name
from connector.policy.model import Event, EventKind

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def first_after(
    plan: Plan, owner: str, waited: Sequence[Event], since: datetime, view: LeadView, events: Events
) -> Happening | None:
    """The first of these events that came after `since`, as far as is known now; its cause is not used."""
    return min(all_after(plan, owner, waited, since, view, events), key=lambda one: one.at, default=None)


def all_after(
    plan: Plan, owner: str, waited: Sequence[Event], since: datetime, view: LeadView, events: Events
) -> list[Happening]:
    """What is known to have come of these events after `since`: by this evaluation, and by looking it up."""
    found = [*happened(plan, owner, waited, events), *_known(plan, owner, waited, since, view, events)]
    return [one for one in found if since < one.at <= view.now]


def moves_of(waited: Sequence[Event], trail: Sequence[StageEntry]) -> Iterator[StageEntry]:
    """The entries that were one of these events, those that were only passed through included."""
    for place, entry in enumerate(trail):
        before = trail[place - 1].stage if place else None
        if any(_is_move(event, before, entry) for event in waited):
            yield entry


def _is_move(event: Event, before: str | None, entry: StageEntry) -> bool:
    return (
        (event.kind is EventKind.ENTERS and event.name == entry.stage)
        or (event.kind is EventKind.MOVES and event.name == entry.transition)
        or (event.kind is EventKind.LEAVES and before is not None and event.name == before != entry.stage)
    )


def _known(
    plan: Plan, owner: str, waited: Sequence[Event], since: datetime, view: LeadView, events: Events
) -> Iterator[Happening]:
    trail = events.trail
    if trail and max([entry.entered_at for entry in trail]) > since:
        for entry in moves_of(waited, trail):
            yield Happening(Cause.STAGE_ENTRY, str(entry.seq), entry.entered_at, f"enters:{entry.stage}")
    for place, event in enumerate(waited):
        if event.kind is EventKind.SIGNAL and event.name is not None:
            at = next((moment for moment in view.times(event.name) if moment > since), None)
            cause = Cause.SIGNAL
        elif event.condition is not None or event.kind in (EventKind.CHANGES, EventKind.REACHES):
            at, cause = _turned_at(plan, watch_name(owner, waited, place), event, view, events), Cause.EDGE
        else:
            continue
        if at is not None and at > since:
            what = f"{event.kind.value}:{event.name or ''}"
            yield Happening(cause, what, at, what)


def _turned_at(plan: Plan, name: str, event: Event, view: LeadView, events: Events) -> datetime | None:
    """When a watched event last came. What turns a condition is often learnt later than it happened."""
    edge = events.turned.get(name)
    if edge is None:
        remembered = view.state.edges.get(name)
        return remembered.turned_at if remembered is not None else None
    if event.condition is None:
        return edge.turned_at
    return evidence.came_to_be(event.condition, plan.watch_evidence[name], view) or edge.turned_at

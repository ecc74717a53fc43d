"""When an event came after a moment, whenever it was learnt: what stops a clock or a cadence is looked up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause
from connector.engine.events import Events, Happening, happened
from connector.policy.model import Event, EventKind

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def first_after(
    plan: Plan, owner: str, waited: Sequence[Event], since: datetime, view: LeadView, events: Events
) -> Happening | None:
    """The first of these events that came after `since`, as far as is known now; its cause is not used."""
    found = [*happened(plan, owner, waited, events), *_known(waited, since, view)]
    return min((one for one in found if since < one.at <= view.now), key=lambda one: one.at, default=None)


def _known(waited: Sequence[Event], since: datetime, view: LeadView) -> Iterator[Happening]:
    for event in waited:
        at = _came_at(event, since, view)
        if at is not None:
            cause, what = _cause(event), f"{event.kind.value}:{event.name or ''}"
            yield Happening(cause, what, at, what)


def _cause(event: Event) -> Cause:
    """The kind of row behind an event that was looked up."""
    if event.kind is EventKind.SIGNAL:
        return Cause.SIGNAL
    return Cause.EDGE if event.condition is not None else Cause.STAGE_ENTRY


def _came_at(event: Event, since: datetime, view: LeadView) -> datetime | None:
    """When one event came after the start: signals and stages are looked up, whenever they were learnt."""
    entry = view.entry
    if event.kind is EventKind.SIGNAL and event.name is not None:
        return next((moment for moment in view.times(event.name) if moment > since), None)
    if event.condition is not None and event.kind is not EventKind.LEAVES:
        return _turned_at(event, since, view)
    if entry is None or entry.entered_at <= since:
        return None
    if event.kind is EventKind.ENTERS and event.name == entry.stage:
        return entry.entered_at
    if event.kind is EventKind.LEAVES and event.condition is None and event.name != entry.stage:
        return entry.entered_at
    return None


def _turned_at(event: Event, since: datetime, view: LeadView) -> datetime | None:
    """When a condition came to hold by a change after the start; what held before does not count."""
    assert event.condition is not None
    if event.condition.test(view) is not True:
        return None
    changed = [view.lead.fact(name).changed_at for name in event.condition.names]
    return max((at for at in changed if at is not None and since < at <= view.now), default=None)

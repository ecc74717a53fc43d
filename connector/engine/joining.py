"""Two looks at one moment are one decision. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from connector.domain.decision import Decision
from connector.domain.state import LeadState


def same_work(read: Collection[str], one: LeadState, other: LeadState) -> bool:
    """True when that is alike on which moves hang although moves bring it about; `read`: the names of it."""
    for name in read:
        kind, _, which = name.partition(".")
        if kind == "clock":
            if one.clocks.get(which) != other.clocks.get(which):
                return False
        elif kind == "cadence":
            if one.cadences.get(which) != other.cadences.get(which):
                return False
        elif one.assigned is not other.assigned and one.assigned != other.assigned:
            return False
    return True


def joined(first: Decision, second: Decision) -> Decision:
    """The later state, and everything that both brought about."""
    tasks = {task.key: task for task in (*first.tasks_changed, *second.tasks_changed)}
    deals = {deal.key: deal for deal in (*first.deals_changed, *second.deals_changed)}
    return replace(
        second,
        entries=(*first.entries, *second.entries),
        tasks_changed=tuple(tasks.values()),
        deals_changed=tuple(deals.values()),
        fired=tuple(dict.fromkeys((*first.fired, *second.fired))),
        shadowed=tuple(dict.fromkeys((*first.shadowed, *second.shadowed))),
        grounds={**first.grounds, **second.grounds},
        overruled=(*first.overruled, *second.overruled),
        requests=(*first.requests, *second.requests),
        notes=(*first.notes, *second.notes),
        notices=(*first.notices, *second.notices),
        enrolments=(*first.enrolments, *second.enrolments),
        clocks=(*first.clocks, *second.clocks),
        absent_until=max((one.absent_until for one in (first, second) if one.absent_until is not None), default=None),
    )

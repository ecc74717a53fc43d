"""People win until something new happens: what counts as new since a person's move (or since an activation)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from connector.domain.calendar import END_OF_TIME
from connector.domain.decision import Ground
from connector.domain.lead import Actor
from connector.domain.state import Mover
from connector.domain.value import is_known
from connector.engine import recycle
from connector.policy.conditions import Condition
from connector.policy.model import Transition

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def is_free(plan: Plan, transition: Transition, view: LeadView, stuck: str | None) -> bool:
    """True when a transition whose condition holds may act.

    After a person's move, where a lead stands aside or has come again after that, and where a loop was cut, it needs
    something newer: a signal, a changed field, a date reached, or that its condition did not hold yet at that moment.
    What already stood then, a score above all, is no news.
    """
    since = news_since(plan, view)
    if since is None and _was_cut(transition, stuck) and view.entry is not None:
        since = view.entry.entered_at
    if since is None:
        return True
    return has_happened(plan.evidence[transition.id], view, since) or (
        transition.when.test(view.earlier(since)) is not True
    )


def news_since(plan: Plan, view: LeadView) -> datetime | None:
    """The judgement that only something newer can overturn; None: rules are free to go on.

    A person's move is one, and so is sending a lead aside: it comes again for what is new since then, not for what it
    was sent aside in spite of.
    """
    entry = view.entry
    if entry is None:
        return None
    stage = plan.policy.stages.get(entry.stage)
    if entry.mover is Mover.PERSON or (entry.mover is Mover.RULE and stage is not None and stage.side):
        return entry.entered_at
    transition = plan.transitions.get(entry.transition or "")
    if transition is None or "recycle.due" not in transition.when.names:
        return None
    return next((one.entered_at for one in reversed(view.state.trail) if one.seq == entry.seq - 1), None)


def has_happened(names: frozenset[str], view: LeadView, since: datetime) -> bool:
    """True when one of these names brought something after `since`: a signal, a changed field, a date reached."""
    for name in names:
        if name.startswith("signal."):
            times = view.times(name.removeprefix("signal."))
            if times and times[-1] > since:
                return True
        elif name == "recycle.due":
            due = recycle.due_at(view)
            if due is not None and since < due <= view.now:
                return True
        elif has_changed(name, view, since, view.now) or any(
            since < moment <= view.now for moment in _dates(name, view)
        ):
            return True
    return False


def has_changed(name: str, view: LeadView, since: datetime, until: datetime) -> bool:
    """True when somebody else changed this field after `since`, and not after `until`."""
    fact = view.lead.fact(name)
    return fact.changed_at is not None and since < fact.changed_at <= until and fact.actor is not Actor.TASUKI


def is_newer(names: frozenset[str], view: LeadView, since: datetime) -> bool:
    """True when one of these fields was changed after `since`, whatever the moment that is looked at."""
    return any(has_changed(name, view, since, END_OF_TIME) for name in names)


def newest(names: frozenset[str], view: LeadView, until: datetime) -> datetime | None:
    """When the latest signal or change among these names came, not after `until`; None where nothing has."""
    moments: list[datetime] = []
    for name in names:
        if name.startswith("signal."):
            moments += [at for at in view.times(name.removeprefix("signal."))[-1:] if at <= until]
        elif (changed_at := view.lead.fact(name).changed_at) is not None and changed_at <= until:
            moments.append(changed_at)
    return max(moments, default=None)


def came_to_be(condition: Condition, names: frozenset[str], view: LeadView) -> datetime | None:
    """When a condition that was found turned came to be so: with the latest signal or change that it rests on.

    None where nothing came that explains it: time alone turned it, or it stood so when we first looked.
    """
    at = newest(names, view, view.now)
    if at is None:
        return None
    return at if (condition.test(view.earlier(at)) is True) is (condition.test(view) is True) else None


def grounds(transition: Transition, view: LeadView) -> tuple[Ground, ...]:
    """What a move rests on at this moment: the names of its condition that say something, and its gate."""
    found = [_ground(name, view) for name in sorted(transition.when.names)]
    passed = [Ground(name=f"gate.{transition.gate}", value="passed")] if transition.gate is not None else []
    return (*(one for one in found if one is not None), *passed)


def _ground(name: str, view: LeadView) -> Ground | None:
    kind, _, rest = name.partition(".")
    if kind == "signal":
        times = view.times(rest)
        return Ground(name=name, at=times[-1] if times else None, value=float(len(times)))
    if name == "recycle.due":
        return Ground(name=name, at=recycle.due_at(view))
    value = view.value(name)
    if not is_known(value):
        return None
    definition = view.policy.fields.get(name)
    if definition is not None and not definition.computed:
        return Ground(name=name, at=view.lead.fact(name).changed_at)
    says = value if isinstance(value, str) and definition is not None else None
    return Ground(name=name, value=float(value) if isinstance(value, int | float) else says)


def next_date(plan: Plan, view: LeadView, stuck: str | None) -> datetime | None:
    """The next moment at which a date alone frees a transition that has to wait for something new."""
    ways = plan.dated_ways.get(view.entry.stage) if view.entry is not None else None
    if ways is None:
        return None
    waits = news_since(plan, view) is not None
    if not waits and stuck is None:
        return None
    moments = [
        moment
        for transition, names in ways
        if waits or _was_cut(transition, stuck)
        for name in names
        for moment in _dates(name, view)
        if moment > view.now
    ]
    return min(moments, default=None)


def _was_cut(transition: Transition, stuck: str | None) -> bool:
    return stuck is not None and stuck.rpartition("→")[2] == transition.target


def _dates(name: str, view: LeadView) -> Iterator[datetime]:
    value = view.lead.fact(name).value
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, date):
        yield datetime.combine(value, time(), view.zone).astimezone(UTC)

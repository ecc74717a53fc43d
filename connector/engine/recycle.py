"""When a lead that was sent back comes again: each reason has its own wait, event or date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.domain.lead import Actor
from connector.domain.state import StageEntry
from connector.engine.watching import recycle_name
from connector.policy.conditions import Condition
from connector.policy.model import Again, Event, EventKind, FieldType, Policy, Reason

if TYPE_CHECKING:
    from connector.engine.view import LeadView

NEXT_FISCAL_YEAR = "next_fiscal_year"


def again_of(policy: Policy, entry: StageEntry | None) -> Again | None:
    """The re-approach rule of the reason for which the lead stands aside; None in a stage of the main line."""
    if entry is None or entry.reason is None or policy.recycle is None:
        return None
    stage = policy.stages.get(entry.stage)
    if stage is None or not stage.side:
        return None
    reason = policy.recycle.reasons.get(entry.reason)
    return reason.again if reason else None


def due_at(view: LeadView) -> datetime | None:
    """When the lead comes again: the earliest of its reason's wait, event, date and last date. None: not by itself."""
    if view.entry is None or (again := again_of(view.policy, view.entry)) is None:
        return None
    since = view.entry.entered_at
    candidates = [since + span for span in (again.after, again.at_latest) if span is not None]
    if again.on is not None:
        moment = _event_at(view, again.on, since)
        if again.on.condition is not None:
            moment = _became(view, view.entry.reason or "", again.on.condition, since)
        if moment is not None:
            candidates.append(moment)
    return min(candidates, default=None)


def _event_at(view: LeadView, event: Event, since: datetime) -> datetime | None:
    """When the event came, or will come, after `since`: what lay behind already then is no event.

    A date that is so near that `early` has gone by brings the lead back on the date itself.
    """
    if event.kind is EventKind.SIGNAL and event.name is not None:
        return next((moment for moment in view.times(event.name) if moment > since), None)
    if event.kind is EventKind.CHANGES and event.name is not None:
        fact = view.lead.fact(event.name)
        changed = fact.changed_at if fact.actor is not Actor.TASUKI else None
        return changed if changed is not None and since < changed <= view.now else None
    if event.kind is EventKind.REACHES and event.name is not None:
        moment = moment_of(view, event.name, since)
        if moment is not None and moment > since:
            early = moment - (event.early or timedelta())
            return early if early > since else moment
    return None


def _became(view: LeadView, reason: str, condition: Condition, since: datetime) -> datetime | None:
    """When the condition turned true after `since`. What has turned just now is not remembered yet: it turns now."""
    edge = view.state.edges.get(recycle_name(reason))
    if edge is None:
        return None
    if edge.turned_at is not None and edge.turned_at > since:
        return edge.turned_at
    return view.now if edge.truth is not True and condition.test(view) is True else None


def moment_of(view: LeadView, name: str, since: datetime) -> datetime | None:
    """The moment that a date field names, or the next fiscal year's start after `since`; None while there is none."""
    if name == NEXT_FISCAL_YEAR:
        return next_fiscal_year(since, view.policy.fiscal_year_starts, view.zone)
    value = view.value(name)
    if isinstance(value, datetime):
        return value
    return _midnight(value, view.zone) if isinstance(value, date) else None


def next_fiscal_year(since: datetime, starts_in: int, zone: ZoneInfo) -> datetime:
    """The first moment of the fiscal year after the one that `since` lies in (`starts_in`: month 1 … 12)."""
    local = since.astimezone(zone).date()
    year = local.year if local.month < starts_in else local.year + 1
    return _midnight(date(year, starts_in, 1), zone)


def wants_another(view: LeadView) -> bool:
    """True when somebody else is to try the lead in this round: the reason for which it went aside says so."""
    entry = view.entry
    if entry is None or entry.came_back_at is None:
        return False
    before = [one for one in view.state.trail if one.entered_at < entry.came_back_at]
    again = again_of(view.policy, before[-1] if before else None)
    return again is not None and again.another_person


def counts(view: LeadView, reason: str | None) -> bool:
    """True when this reason may be acted on: what it asks for holds. No reason is none that has to wait."""
    table = view.policy.recycle
    found = table.reasons.get(reason) if table is not None and reason is not None else None
    return found is None or found.when is None or found.when.test(view) is True


def held(view: LeadView) -> Iterator[Reason]:
    """The reasons that people gave in this stage and that do not count yet."""
    table = view.policy.recycle
    for name in view.plan.reason_fields:
        value = view.value(name)
        if table is not None and isinstance(value, str) and not counts(view, value):
            yield table.reasons[value]


def limit_reached(policy: Policy, recycled_at: Sequence[datetime], now: datetime) -> bool:
    """True when a further recycling would be one too many in the window: the loop limit of recycle.yaml."""
    times = policy.recycle.times if policy.recycle else None
    return times is not None and len(counted(policy, recycled_at, now)) >= times


def counted(policy: Policy, recycled_at: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """The recyclings that still count at `now`."""
    within = policy.recycle.within if policy.recycle else None
    return tuple(moment for moment in recycled_at if within is None or moment > now - within)


def reason_fields(policy: Policy) -> tuple[str, ...]:
    """The answer fields whose choices are reasons: where a person says why a lead moves aside or back."""
    if policy.recycle is None:
        return ()
    reasons = policy.recycle.reasons
    return tuple(
        name
        for name in policy.answers
        if (definition := policy.fields[name]).type is FieldType.CHOICE
        and definition.scope == "lead"
        and definition.choices
        and all(choice in reasons for choice in definition.choices)
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)

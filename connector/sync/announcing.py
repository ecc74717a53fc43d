"""Announcements: a new feature, a new price. The leads that wait for it come again, so many a day, the oldest first.

Each lead's signal is made when its turn comes, so that people can keep up with what it brings about. A lead has one
turn for each announcement; after a stop it goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from connector.domain.value import is_known
from connector.engine.plan import Plan
from connector.errors import UsageError
from connector.policy.model import FieldType, SignalDef
from connector.store import announcements, leads, signals
from connector.store.announcements import Announcement, Waiting
from connector.store.database import Connection
from connector.store.signals import NewSignal
from connector.sync.cases import load_cases
from connector.sync.context import Tenant
from connector.texts import say

log = structlog.get_logger()

PAGE = 200
"""Leads that are looked at together."""

_FIRST = Waiting(lead_id=0, since=datetime.fromtimestamp(0, tz=UTC))


def announce(tenant: Tenant, signal: str, *, about: str | None, everybody: bool, note: str) -> Announcement:
    """Announce something. Raises `UsageError` where the policy does not know it, or whom it concerns is not clear."""
    policy = tenant.plan.policy
    known = [one.id for one in policy.signals.values() if one.announced]
    if signal not in known:
        said = ", ".join(known) or say("none")
        raise UsageError(
            say("`{signal}` is no announced signal of the running policy; it has: {said}.", signal=signal, said=said),
            reason="not_announced",
        )
    _check_about(tenant.plan, policy.signals[signal], about, everybody)
    with tenant.database.transaction(tenant.installation_id) as conn:
        return announcements.add(
            conn,
            tenant.installation_id,
            policy=tenant.policy.name,
            signal=signal,
            about=about,
            note=note,
            now=tenant.now(conn),
        )


def _check_about(plan: Plan, signal: SignalDef, about: str | None, everybody: bool) -> None:
    if signal.about is None:
        if about is not None:
            raise UsageError(
                say("`{name}` has no `about:` in signals.yaml: leave --about out.", name=signal.id), reason="about"
            )
        return
    if (about is None) != everybody:
        raise UsageError(
            say(
                "Say what it is about (--about VALUE of `{about}`), or --everybody for every lead that waits.",
                about=signal.about,
            ),
            reason="about",
        )
    definition = plan.policy.fields[signal.about]
    is_choice = definition.type in (FieldType.CHOICE, FieldType.CHOICES)
    if about is not None and is_choice and about not in definition.choices:
        said = ", ".join(definition.choices)
        raise UsageError(
            say("`{field}` has no choice `{about}`; it has: {said}.", field=signal.about, about=about, said=said),
            reason="about",
        )


def waiting_for(tenant: Tenant, conn: Connection, announcement: Announcement) -> Iterator[int]:
    """The leads that still have their turn ahead, the oldest first."""
    tenant = tenant.under(announcement.policy)
    plan = tenant.plan
    reasons = _reasons(plan, announcement.signal)
    stages = [stage.id for stage in plan.policy.stages.values() if stage.side]
    signal = plan.policy.signals.get(announcement.signal)
    field = signal.about if signal is not None else None
    after = _FIRST
    while page := announcements.waiting(conn, announcement, stages=stages, reasons=reasons, after=after, limit=PAGE):
        ids = [one.lead_id for one in page]
        yield from _concerned(tenant, conn, ids, field, announcement.about)
        after = page[-1]


def _concerned(tenant: Tenant, conn: Connection, ids: list[int], field: str | None, about: str | None) -> Iterator[int]:
    """Those of these leads whose field says what the announcement is about."""
    if field is None or about is None:
        yield from ids
        return
    cases = load_cases([tenant.bindings], conn, ids, now=tenant.now(conn))
    for lead_id in ids:
        case = cases.get(lead_id)
        value = case.lead(case.state()).fact(field).value if case is not None else None
        if value is None or not is_known(value):
            continue
        if about in value if isinstance(value, frozenset) else str(value).casefold() == about.casefold():
            yield lead_id


def _reasons(plan: Plan, signal: str) -> list[str]:
    """The reasons whose leads come again by this signal, or by a union that it belongs to."""
    recycle = plan.policy.recycle
    if recycle is None:
        return []
    return [
        reason.id
        for reason in recycle.reasons.values()
        if reason.again is not None
        and reason.again.on is not None
        and signal in plan.members.get(reason.again.on.name or "", ())
    ]


def announce_slice(tenant: Tenant) -> int:
    """Give the next leads of an announcement their turn; returns how many."""
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        announcement = announcements.take(conn, now)
        if announcement is None:
            return 0
        tenant = tenant.under(announcement.policy)
        signal = tenant.plan.policy.signals.get(announcement.signal)
        if signal is None or not signal.announced or tenant.policy.name != announcement.policy:
            announcements.end(conn, announcement.id, now)  # no policy runs any more that knows such a thing
            return 0
        zone = tenant.plan.policy.zone
        _, today = announcements.woken(conn, announcement.id, _midnight(now, zone))
        turn = _next(waiting_for(tenant, conn, announcement), max(0, signal.per_day - today))
        if turn is None:
            announcements.rest(conn, announcement.id, _midnight(now + timedelta(days=1), zone))
            return 0
        if not turn:
            announcements.end(conn, announcement.id, now)
            return 0
        _wake(tenant, conn, announcement, turn, now)
        return len(turn)


def _next(found: Iterator[int], room: int) -> list[int] | None:
    """The leads whose turn it is; None: somebody waits, and the day is full."""
    turn: list[int] = []
    for lead_id in found:
        if room == 0 and not turn:
            return None
        turn.append(lead_id)
        if len(turn) == min(room, PAGE):
            break
    return turn


def _wake(tenant: Tenant, conn: Connection, announcement: Announcement, ids: list[int], now: datetime) -> None:
    leads.lock(conn, sorted(ids))
    new = [
        NewSignal(
            lead_id=lead_id,
            kind=announcement.signal,
            source=announcements.SOURCE,
            source_key=announcements.key_of(announcement.id, lead_id),
            occurred_at=now,
            detail={"announcement": str(announcement.id)},
        )
        for lead_id in ids
    ]
    touched = signals.add(conn, tenant.installation_id, new, learnt_at=now)
    leads.mark_due(conn, tenant.installation_id, sorted(touched), at=now, why="signal", lane="background")
    log.info("announcement_turn", announcement_id=announcement.id, leads=len(touched))


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(moment.astimezone(zone).date(), time(), zone).astimezone(UTC)

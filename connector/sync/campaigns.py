"""What becomes of somebody in a campaign is a signal: learnt by looking, now and then, which members changed.

First sight is a baseline: who was there did nothing. A member means each signal once, however often its status goes
back and forth. Whom we put there ourselves did nothing by that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from connector.errors import RetryableError
from connector.store import connections, leads
from connector.store.database import Connection
from connector.store.signals import NewSignal
from connector.sync.context import Line
from connector.sync.submissions import new_lead, store_signals
from connector.vendors.base import Lane
from connector.vendors.campaigns import Campaigns, Member

_KIND: Final = "campaigns"
OVERLAP: Final = timedelta(minutes=5)
"""A row is stamped when it is saved and seen when its transaction commits: these minutes are told again."""
REFUSED_SECONDS: Final = 60.0
"""A look that fails is not made again before: rights that a user lacks are given by people."""
_DAY_IS_OVER: Final = timedelta(hours=36)
"""So long after its beginning in UTC a day is over everywhere: an org dates answers in a time zone of its own."""


def campaigns_due(line: Line) -> bool:
    """True when the campaigns of the policy are to be looked through."""
    if not line.binding.campaigns:
        return False
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return connections.cursor(conn, line.connection_id, _KIND)[1]


def poll_campaigns(line: Line) -> int:
    """Look through the members that changed since the last look; returns how many leads got a signal.

    Raises RetryableError where the CRM does not show them; the next look is put off then.
    """
    campaigns, tenant = line.vendor.enroller.campaigns, line.tenant
    if campaigns is None or not campaigns_due(line):
        return 0
    with tenant.database.transaction(tenant.installation_id) as conn:
        position, now = connections.cursor(conn, line.connection_id, _KIND)[0], tenant.now(conn)
        if not position:
            _remember(line, conn, {"began": now.isoformat(), "until": now.isoformat()})
            return 0
    try:
        return _look(line, campaigns, position)
    except RetryableError:
        with tenant.database.transaction(tenant.installation_id) as conn:
            seconds = max(tenant.limits.forms_poll_seconds, REFUSED_SECONDS)
            connections.postpone(conn, line.connection_id, _KIND, again_seconds=seconds)
        raise


def _look(line: Line, campaigns: Campaigns, position: Mapping[str, Any]) -> int:
    tenant = line.tenant
    began, until = (datetime.fromisoformat(position[name]) for name in ("began", "until"))
    # moments are cut to the second
    since, found = max(began.replace(microsecond=0), until - OVERLAP), 0
    for page in campaigns.members(since=since, lane=Lane.BACKGROUND):
        until = max([until, *(one.modified_at for one in page)])
        with tenant.database.transaction(tenant.installation_id) as conn:
            found += _take(line, conn, page, began)
            _remember(line, conn, {"began": began.isoformat(), "until": until.isoformat()})
    return found


def _take(line: Line, conn: Connection, page: Sequence[Member], began: datetime) -> int:
    tenant, source = line.tenant, f"{line.dialect.vendor}_campaign"
    told = [(one, signals) for one in page if (signals := line.binding.campaign_signals(one)) and not one.ours]
    moments = {one.id: moment_of(one) for one, _ in told}
    fresh = [(one, signals) for one, signals in told if one.people and moments[one.id] >= began.replace(microsecond=0)]
    lead_of = _leads(line, conn, [one for one, _ in fresh])
    new = [
        NewSignal(
            lead_id=lead_of[one.id],
            kind=signal,
            source=source,
            source_key=f"{source}:{line.connection_id}:{one.id}:{signal}",
            occurred_at=moments[one.id],
            detail={"campaign": one.campaign, "status": one.status},
        )
        for one, signals in fresh
        if one.id in lead_of
        for signal in signals
    ]
    return len(store_signals(tenant, conn, new, now=tenant.now(conn)))


def moment_of(member: Member) -> datetime:
    """When it came to this: at its last change, unless it had answered on a day before, in any time zone."""
    if member.responded_on is None:
        return member.modified_at
    day = datetime.combine(member.responded_on, time(), tzinfo=UTC)
    return day if member.modified_at >= day + _DAY_IS_OVER else member.modified_at


def _leads(line: Line, conn: Connection, members: Sequence[Member]) -> dict[str, int]:
    """Member → lead, by whichever record of theirs is known; whom nobody has met yet becomes one, to be read."""
    people = sorted({person for one in members for person in one.people})
    known = leads.identities(conn, line.connection_id, line.dialect.person_type, people)
    found: dict[str, int] = {}
    for one in members:
        person = next((person for person in one.people if person in known), one.people[0])
        if person not in known:
            known[person] = (new_lead(line.tenant, conn, line.connection_id, person, None), None)
        lead_id, gone = known[person]
        if gone is None:
            found[one.id] = lead_id
    return found


def _remember(line: Line, conn: Connection, position: Mapping[str, Any]) -> None:
    connections.put_cursor(
        conn,
        line.tenant.installation_id,
        line.connection_id,
        kind=_KIND,
        position=position,
        again_seconds=line.tenant.limits.forms_poll_seconds,
    )

"""Events get lost: what was modified since the last look is asked for now and then, and what we have not seen is read.

By the vendor's search, which lags: each look begins a little before the last one ended. What is found is only marked;
reading it is the ordinary way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from connector.domain.codec_work import moment_text
from connector.store import activity_signals, associations, connections, leads, mirrors, wanted
from connector.store.database import Connection
from connector.sync.activities import record_name
from connector.sync.context import Line
from connector.sync.deals import whose_deals
from connector.vendors.base import Lane, Record

OVERLAP = timedelta(minutes=2)
"""Beyond the lag of any vendor's search."""

AT_ONCE = 200
_KIND = "gaps"


def gaps_due(line: Line) -> bool:
    """True when it is time to look for what events missed."""
    if not _types(line):
        return False
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return connections.cursor(conn, line.connection_id, _KIND)[1]


def close_gaps(line: Line) -> int:
    """Mark deals and activities that changed without our hearing of it; returns how many were looked at.

    The first look begins with the policy's activation.
    """
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        position, _ = connections.cursor(conn, line.connection_id, _KIND)
    since = datetime.fromisoformat(position["since"]) if position else tenant.policy.activated_at
    looked = 0
    for object_type in _types(line):
        found = line.vendor.changed(object_type, (), since=since - OVERLAP, until=now, lane=Lane.BACKGROUND)
        while some := list(islice(found, AT_ONCE)):
            looked += len(some)
            _mark(line, object_type, some)
    with tenant.database.transaction(tenant.installation_id) as conn:
        connections.put_cursor(
            conn,
            tenant.installation_id,
            line.connection_id,
            kind=_KIND,
            position={"since": now.isoformat()},
            again_seconds=tenant.plan.policy.check_every.total_seconds(),
        )
    return looked


def _types(line: Line) -> tuple[str, ...]:
    deals = (line.dialect.deal.object_type,) if line.binding.deal_properties else ()
    return (*deals, *line.binding.activity_types)


def _mark(line: Line, object_type: str, records: Sequence[Record]) -> None:
    if object_type == line.dialect.deal.object_type:
        _mark_deals(line, records)
        return
    tenant = line.tenant
    names = {record_name(line.connection_id, object_type, one.id): one for one in records}
    with tenant.database.transaction(tenant.installation_id) as conn:
        known = activity_signals.modified(conn, list(names))
        ids = [one.id for name, one in names.items() if one.modified_at is None or _is_newer(one, known.get(name))]
        wanted.want(conn, tenant.installation_id, line.connection_id, object_type, ids, lane=Lane.BACKGROUND.value)


def _is_newer(record: Record, known: str | None) -> bool:
    assert record.modified_at is not None
    return known is None or moment_text(record.modified_at) > known


def _mark_deals(line: Line, records: Sequence[Record]) -> None:
    """A known deal that changed is read again; whose a new one is, is asked of the vendor."""
    tenant, dialect = line.tenant, line.dialect
    deal_type, lane = dialect.deal.object_type, Lane.BACKGROUND
    with tenant.database.transaction(tenant.installation_id) as conn:
        rows = mirrors.load(conn, line.connection_id, deal_type, [one.id for one in records])
    fresh = [one.id for one in records if one.id not in rows]
    people = line.vendor.associated(deal_type, fresh, dialect.person_type, lane=lane) if fresh else {}
    stale = [
        one.id
        for one in records
        if one.id in rows and (one.modified_at is None or _is_behind(rows[one.id].modified_at, one.modified_at))
    ]
    with tenant.database.transaction(tenant.installation_id) as conn:
        wanted.want(conn, tenant.installation_id, line.connection_id, deal_type, stale, lane=lane.value)
        owners = _unaware(line, conn, people)
        wanted.want(conn, tenant.installation_id, line.connection_id, whose_deals(dialect), owners, lane=lane.value)


def _is_behind(mirrored: datetime | None, modified: datetime) -> bool:
    return mirrored is None or mirrored < modified


def _unaware(line: Line, conn: Connection, people: Mapping[str, Sequence[str]]) -> list[str]:
    """The people, known to us, of whom we do not know that they have these deals."""
    dialect = line.dialect
    ids = sorted({one for found in people.values() for one in found})
    known = leads.identities(conn, line.connection_id, dialect.person_type, ids)
    belongs = associations.of(conn, line.connection_id, dialect.person_type, ids, dialect.deal.object_type)
    return sorted(
        {
            one
            for deal, found in people.items()
            for one in found
            if one in known and known[one][1] is None and deal not in belongs.get(one, ())
        }
    )

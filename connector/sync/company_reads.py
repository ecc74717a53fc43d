"""Companies by which people are found are read by themselves: also those that nobody belongs to yet, or any more.

Elsewhere a company is read with its people, and one without people is of no interest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.store import company_keys, leads, mirrors, wanted
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync.context import Line, Tenant
from connector.sync.found_companies import CompanyRule, keep_companies
from connector.sync.observe import observe_record
from connector.sync.stumbling import read_marked
from connector.vendors.base import Lane, Record

GONE = "archived"


def want_found(tenant: Tenant, conn: Connection, connection_id: int, ids: Sequence[str]) -> None:
    """Mark these companies to be read, if people find companies by what they hold."""
    rule = CompanyRule(tenant.reading[connection_id])
    if rule.fields:
        kind = rule.binding.dialect.company_type
        wanted.want(conn, tenant.installation_id, connection_id, kind, ids, lane=Lane.BACKGROUND.value)


def belonging(line: Line, conn: Connection, people: Sequence[str]) -> set[str]:
    """The companies that these people were found to belong to."""
    if not CompanyRule(line.reading).fields:
        return set()
    return company_keys.companies_of(conn, line.connection_id, line.dialect.person_type, people)


def read_companies(line: Line, lane: Lane) -> int:
    """Read the companies that were marked; whom they concern becomes due. Returns how many were read."""
    tenant, kind = line.tenant, line.dialect.company_type
    with tenant.database.transaction(tenant.installation_id) as conn:
        now, limit = tenant.now(conn), tenant.limits.slice_records
        rows = wanted.wanted(conn, line.connection_id, kind, lanes=[lane.value], limit=limit, now=now)
    return read_marked(
        line,
        rows,
        fetch=lambda part: line.vendor.read(
            kind, [row.vendor_id for row in part], line.reading.company_properties, lane=lane
        ),
        store=lambda conn, part, found: _store(line, conn, [row.vendor_id for row in part], found),
    )


def _store(line: Line, conn: Connection, asked: Sequence[str], found: Mapping[str, Record]) -> None:
    tenant, kind, now = line.tenant, line.dialect.company_type, line.tenant.now(conn)
    rows = mirrors.load(conn, line.connection_id, kind, sorted(asked), lock=True)
    for vendor_id in asked:
        record = found.get(vendor_id)
        if record is not None:
            row = rows.setdefault(vendor_id, MirrorRow(object_type=kind, vendor_id=vendor_id))
            observe_record(line, conn, row, record, now=now)
        elif vendor_id in rows:
            rows[vendor_id].gone, rows[vendor_id].read_at = rows[vendor_id].gone or GONE, now
    mirrors.put(conn, tenant.installation_id, line.connection_id, list(rows.values()))
    due = keep_companies(tenant, conn, line.connection_id, list(rows.values()))
    leads.mark_due(conn, tenant.installation_id, sorted(due), at=now, why="company", lane=Lane.BACKGROUND.value)

"""What people did with our tasks: done, or deleted (then they are settled, and never made again)."""

from __future__ import annotations

from connector.store import leads, managed
from connector.store.database import Connection
from connector.sync.context import Line, conclude
from connector.vendors.base import Lane, Record


def read_tasks(line: Line, lane: Lane) -> int:
    """Read the tasks of ours that events told of; returns how many were looked at.

    What is asked for again while we read is read again.
    """
    tenant, kind = line.tenant, line.dialect.task_type
    with tenant.database.transaction(tenant.installation_id) as conn:
        wanted = managed.wanted_reads(conn, line.connection_id, kind, tenant.limits.slice_records)
    if not wanted:
        return 0
    found = line.vendor.read(kind, sorted(wanted), line.dialect.task_properties, lane=lane)
    conclude(tenant, lambda conn: _store(line, conn, wanted, found), give_back=lambda conn: None)
    return len(wanted)


def _store(line: Line, conn: Connection, wanted: dict[str, str], found: dict[str, Record]) -> None:
    kind = line.dialect.task_type
    touched: list[int] = []
    for vendor_id, version in sorted(wanted.items()):
        record = found.get(vendor_id)
        touched += managed.report(
            conn,
            line.connection_id,
            kind,
            vendor_id,
            reported="deleted" if record is None else line.dialect.task_report(record),
            mirror=dict(record.properties) if record else {},
            version=version,
        )
    now = line.tenant.now(conn)
    leads.mark_due(conn, line.tenant.installation_id, touched, at=now, why="task", lane="hot")

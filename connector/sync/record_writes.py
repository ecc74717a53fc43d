"""What is written to the records that leads hang on, deals and companies: only what nobody changed since we read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from connector.store import leads, mirrors
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import authors
from connector.sync.context import Line
from connector.sync.difference import dropped_name
from connector.sync.facts import same_on
from connector.sync.observe import observe_record
from connector.sync.overtaking import tell_lost, unseen
from connector.sync.parcel import Parcel
from connector.sync.succession import standing
from connector.vendors.base import Lane, WriteResult


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """One lead's changes of a record that it hangs on."""

    parcel: Parcel
    row: MirrorRow
    changes: Mapping[str, str]


def unchanged(
    line: Line,
    object_type: str,
    properties: Sequence[str],
    writes: Sequence[RecordWrite],
    now: datetime,
    lane: Lane,
    *,
    why: str,
) -> list[RecordWrite]:
    """What may be written: the records that were not read just now are read; where one changed, its leads are due."""
    tenant = line.tenant
    oldest = now - timedelta(seconds=tenant.limits.fresh_seconds)
    stale = {one.row.vendor_id for one in writes if one.row.read_at is None or one.row.read_at < oldest}
    if not stale:
        return list(writes)
    records = standing(line.vendor.read(object_type, sorted(stale), properties, lane=lane))
    with tenant.database.transaction(tenant.installation_id) as conn:
        rows = mirrors.load(conn, line.connection_id, object_type, sorted(stale), lock=True)
        moved = {one for one in stale if one not in records or one not in rows}
        for vendor_id, row in rows.items():
            if vendor_id in records and observe_record(line, conn, row, records[vendor_id], now=now):
                moved.add(vendor_id)
        mirrors.put(conn, tenant.installation_id, line.connection_id, list(rows.values()))
        again = sorted({one.parcel.lead.id for one in writes if one.row.vendor_id in moved})
        leads.mark_due(conn, tenant.installation_id, again, at=now, why=why, lane=lane.value)
    for one in writes:
        if one.row.vendor_id in moved:
            one.parcel.wait(tenant.limits.retry_seconds)
    return [one for one in writes if one.row.vendor_id not in moved]


def write_down(line: Line, object_type: str, changes: Mapping[str, Mapping[str, str]]) -> None:
    """What is about to be sent (vendor id → properties) is known before it is: see `unanswered`."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        rows = mirrors.load(conn, line.connection_id, object_type, sorted(changes), lock=True)
        for vendor_id, row in rows.items():
            authors.tries(row, changes[vendor_id], now=line.tenant.now(conn))
        mirrors.put(conn, line.tenant.installation_id, line.connection_id, list(rows.values()))


def keep_unseen(
    line: Line,
    conn: Connection,
    write: RecordWrite,
    sent: Mapping[str, str],
    result: WriteResult,
    now: datetime,
) -> None:
    """What somebody put there after our look, and this write went over, is recorded: on these records it stands."""
    kind = write.row.object_type
    lost = unseen(write.row, sent, result.before, same_on(line.binding, kind))
    named = partial(dropped_name, kind)
    tell_lost(line.tenant, conn, write.parcel.lead.id, sent, lost, now=now, rule="overtaken", named=named)

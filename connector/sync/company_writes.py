"""The owner that a pool gave to a company is written on the company's record.

As with people and deals: what is to be written is the difference, worked out when sending. A record that was not read
just now is read first, and where somebody has named an owner meanwhile the lead is decided again: people win.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from connector.domain import codec
from connector.domain.value import Value
from connector.store import leads, mirrors
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import mirror, overtaking
from connector.sync.binding import COMPANY_OWNER, Binding
from connector.sync.context import Line
from connector.sync.difference import company_difference, dropped_name
from connector.sync.drifting import end
from connector.sync.facts import same_on
from connector.sync.found_companies import keep_companies
from connector.sync.overtaking import tell_lost
from connector.sync.parcel import Parcel
from connector.sync.record_writes import (
    RecordUpdate,
    RecordWrite,
    gathered,
    keep_unseen,
    open_writes,
    refuse,
    sent,
    unchanged,
)
from connector.vendors.base import Lane, Outcome, WriteResult


def write_companies(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Write what differs, a hundred companies a call; of several leads of one company the first speaks for it."""
    if not line.binding.plan.reads_company_owner and not line.binding.shared:
        return
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    kind, properties = line.dialect.company_type, line.reading.company_properties
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        now = line.tenant.now(conn)
        writes = open_writes(line, conn, kind, _writes(line, conn, live, now))
    writes = unchanged(line, kind, properties, writes, now, lane, why="company")
    if not writes:
        return
    updates = [RecordUpdate(one.writes, one.writes[0].changes) for one in gathered(writes)]
    written = sent(line, kind, updates, lane)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for update, result in written.told:
            if result.outcome is Outcome.APPLIED:
                _written(line, conn, update.writes[0], result)
            elif result.outcome is Outcome.REJECTED:
                refuse(kind, update, result)
    written.end()


def _writes(line: Line, conn: Connection, parcels: Sequence[Parcel], now: datetime) -> list[RecordWrite]:
    dialect = line.dialect
    ids = {parcel.lead.id: line.binding.company_of(parcel.person) or "" for parcel in parcels}
    rows = mirrors.load(conn, line.connection_id, dialect.company_type, sorted(set(ids.values()) - {""}))
    found: list[RecordWrite] = []
    for parcel in parcels:
        row = rows.get(ids[parcel.lead.id])
        if row is None or row.gone is not None:
            continue
        desired = codec.decode_values(parcel.lead.desired)
        if parcel.person.belongs_to is not None:
            desired = _of_found(line.binding, desired)
        changes = company_difference(line.binding, row, desired, dropped=parcel.claim.dropped, now=now)
        if changes:
            found.append(RecordWrite(parcel, row, changes))
    return found


def _of_found(binding: Binding, desired: Mapping[str, Value]) -> dict[str, Value]:
    """What of that is written on a company that the lead was only found to belong to: the owner, where this CRM alone
    is connected. Beside another one, nobody has looked at who owns the company here."""
    names = () if binding.partners else (COMPANY_OWNER,)
    return {name: value for name, value in desired.items() if name in names}


def _written(line: Line, conn: Connection, write: RecordWrite, result: WriteResult) -> None:
    kind = line.dialect.company_type
    now, same = line.tenant.now(conn), same_on(line.binding, kind)
    rows = mirrors.load(conn, line.connection_id, kind, [write.row.vendor_id], lock=True)
    for row in rows.values():
        _keep_values(line, conn, write, row, result, now)
        mirror.wrote(row, write.changes, result.record, now=now, same=same)
        end(line, conn, row, list(write.changes), now=now)
    _tell_colleagues(line, conn, write, now)
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, list(rows.values()))
    due = keep_companies(line.tenant, conn, line.connection_id, list(rows.values()))
    leads.mark_due(conn, line.tenant.installation_id, sorted(due), at=now, why="company", lane=Lane.BACKGROUND.value)


def _keep_values(
    line: Line, conn: Connection, write: RecordWrite, row: MirrorRow, result: WriteResult, now: datetime
) -> None:
    """The owner whom a person had named and this write replaces is recorded, as is what it overtook unseen."""
    kind, lead_id = line.dialect.company_type, write.parcel.lead.id
    ours = {name: value for name, value in write.changes.items() if name == line.dialect.owner_property}
    lost = overtaking.persons_values(row, ours, same_on(line.binding, kind))
    tell_lost(line.tenant, conn, lead_id, ours, lost, now=now, named=partial(dropped_name, kind))
    keep_unseen(line, conn, write, write.changes, result, now)


def _tell_colleagues(line: Line, conn: Connection, write: RecordWrite, now: datetime) -> None:
    """What one lead's other CRM showed of the company is news to the company's other leads."""
    if write.changes.keys() <= {line.dialect.owner_property}:
        return
    people = mirrors.contacts_of(conn, line.connection_id, [write.row.vendor_id])
    known = leads.identities(conn, line.connection_id, line.dialect.person_type, people)
    others = [lead_id for lead_id, gone in known.values() if gone is None and lead_id != write.parcel.lead.id]
    leads.mark_due(conn, line.tenant.installation_id, others, at=now, why="company", lane=Lane.BACKGROUND.value)

"""What rules set, blank or assign on a deal is written to the deal that the lead is seen with.

As with people: what is to be written is the difference, worked out when sending; a deal that was not read just now is
read first, and where somebody changed it the lead is decided again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from connector.domain import codec
from connector.store import wanted
from connector.store.database import Connection
from connector.sync import overtaking
from connector.sync.context import Line
from connector.sync.deal_records import landed
from connector.sync.deal_view import deals_shown
from connector.sync.difference import deal_difference, dropped_name
from connector.sync.facts import same_on
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


def write_deals(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Write what differs, a hundred deals a call. Two people may have one deal: it is written once, for both."""
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    if not line.binding.deal_properties or not live:
        return
    deal_type = line.dialect.deal.object_type
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        now = line.tenant.now(conn)
        writes = open_writes(line, conn, deal_type, _writes(line, conn, live, now))
    writes = unchanged(line, deal_type, line.reading.deal_properties, writes, now, lane, why="deal")
    if not writes:
        return
    written = sent(line, deal_type, gathered(writes), lane)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for update, result in written.told:
            _settle(line, conn, update, result)
    written.end()


def _writes(line: Line, conn: Connection, parcels: Sequence[Parcel], now: datetime) -> list[RecordWrite]:
    shown = deals_shown(conn, line.connection_id, line.binding, [parcel.person for parcel in parcels])
    found: list[RecordWrite] = []
    for parcel in parcels:
        view = shown.get(parcel.person.vendor_id)
        if view is None or view.row is None:
            continue
        desired = codec.decode_values(parcel.lead.desired)
        changes = deal_difference(line.binding, view.row, desired, dropped=parcel.claim.dropped, now=now)
        if changes:
            found.append(RecordWrite(parcel, view.row, changes))
    return found


def _settle(line: Line, conn: Connection, update: RecordUpdate, result: WriteResult) -> None:
    deal_type = line.dialect.deal.object_type
    if result.outcome is Outcome.APPLIED and result.record is not None:
        _keep_values(line, conn, update.writes[0], update.changes, result)
        landed(line, conn, update.changes, result.record, None)
    elif result.outcome is Outcome.REJECTED:
        refuse(deal_type, update, result)
    elif result.outcome is Outcome.MISSING:
        tenant = line.tenant
        wanted.want(conn, tenant.installation_id, line.connection_id, deal_type, [result.id], lane=Lane.HOT.value)


def _keep_values(
    line: Line, conn: Connection, write: RecordWrite, sent: Mapping[str, str], result: WriteResult
) -> None:
    """What a person had written on the deal and this write replaces is recorded, as is what it overtook unseen."""
    deal_type, now = line.dialect.deal.object_type, line.tenant.now(conn)
    lost = overtaking.persons_values(write.row, sent, same_on(line.binding, deal_type))
    tell_lost(line.tenant, conn, write.parcel.lead.id, sent, lost, now=now, named=partial(dropped_name, deal_type))
    keep_unseen(line, conn, write, sent, result, now)

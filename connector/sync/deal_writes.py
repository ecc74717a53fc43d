"""What rules set, blank or assign on a deal is written to the deal that the lead is seen with.

As with people: what is to be written is the difference, worked out when sending; a deal that was not read just now is
read first, and where somebody changed it the lead is decided again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from connector.domain import codec
from connector.store.database import Connection
from connector.sync import overtaking
from connector.sync.context import Line, backoff
from connector.sync.deal_records import landed
from connector.sync.deal_view import deals_shown
from connector.sync.difference import deal_difference, dropped_name
from connector.sync.facts import same_on
from connector.sync.overtaking import tell_lost
from connector.sync.parcel import Parcel
from connector.sync.record_writes import RecordWrite, keep_unseen, unchanged, write_down
from connector.vendors.base import Lane, Outcome, Update, WriteResult


def write_deals(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Write what differs, a hundred deals a call."""
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    if not line.binding.deal_properties or not live:
        return
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        now = line.tenant.now(conn)
        writes = _writes(line, conn, live, now)
    writes = unchanged(line, line.dialect.deal.object_type, line.reading.deal_properties, writes, now, lane, why="deal")
    if not writes:
        return
    # Two people may have one deal: it stands once in a batch.
    changes: dict[str, dict[str, str]] = {}
    for write in writes:
        changes.setdefault(write.row.vendor_id, {}).update(write.changes)
    known = {write.row.vendor_id: overtaking.known_at(write.row) for write in writes}
    updates = [Update(id=one, properties=wanted, known_at=known[one]) for one, wanted in changes.items()]
    write_down(line, line.dialect.deal.object_type, changes)
    results = line.vendor.update(line.dialect.deal.object_type, updates, lane=lane)
    answers = {update.id: (update.properties, result) for update, result in zip(updates, results, strict=True)}
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        told: set[str] = set()
        for write in writes:
            sent, result = answers[write.row.vendor_id]
            _settle(line, conn, write, sent, result, first=write.row.vendor_id not in told)
            told.add(write.row.vendor_id)


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


def _settle(
    line: Line, conn: Connection, write: RecordWrite, sent: Mapping[str, str], result: WriteResult, *, first: bool
) -> None:
    if result.outcome is Outcome.APPLIED and result.record is not None:
        if first:
            _keep_values(line, conn, write, sent, result)
            landed(line, conn, sent, result.record, None)
    elif result.outcome is Outcome.REJECTED:
        name = result.property_name
        for one in [name] if name in write.changes else list(write.changes):
            key = dropped_name(line.dialect.deal.object_type, str(one))
            write.parcel.dropped[key] = {"value": write.changes[str(one)], "reason": result.reason or "rejected"}
        write.parcel.wait(0.0)  # the rest goes without it
    elif result.outcome is not Outcome.MISSING:
        write.parcel.wait(result.retry_after_seconds or backoff(line.tenant.limits, write.parcel.claim.attempts))


def _keep_values(
    line: Line, conn: Connection, write: RecordWrite, sent: Mapping[str, str], result: WriteResult
) -> None:
    """What a person had written on the deal and this write replaces is recorded, as is what it overtook unseen."""
    deal_type, now = line.dialect.deal.object_type, line.tenant.now(conn)
    lost = overtaking.persons_values(write.row, sent, same_on(line.binding, deal_type))
    tell_lost(line.tenant, conn, write.parcel.lead.id, sent, lost, now=now, named=partial(dropped_name, deal_type))
    keep_unseen(line, conn, write, sent, result, now)

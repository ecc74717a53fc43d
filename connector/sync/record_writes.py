"""What is written to the records that leads hang on, deals and companies: only what nobody changed since we read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from connector.store import leads, mirrors
from connector.store.clock import machine_now
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import aside, authors, overtaking
from connector.sync.apart import CAME_TO_NOTHING, Written, write_apart
from connector.sync.context import Line
from connector.sync.difference import dropped_name
from connector.sync.facts import same_on
from connector.sync.observe import observe_record
from connector.sync.overtaking import tell_lost, unseen
from connector.sync.parcel import Parcel
from connector.sync.stumbling import Patience, Tried, setbacks
from connector.sync.succession import standing
from connector.vendors.base import Lane, Outcome, Record, Update, WriteResult


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """One lead's changes of a record that it hangs on."""

    parcel: Parcel
    row: MirrorRow
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordUpdate:
    """One record with what is written to it, for all the leads that hang on it: it stands once in a batch."""

    writes: tuple[RecordWrite, ...]
    changes: Mapping[str, str]

    @property
    def row(self) -> MirrorRow:
        """The record as it is known."""
        return self.writes[0].row


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
    """What may be written: the records that were not read just now are read; where one changed, its leads are due. One
    that cannot be read waits by itself."""
    tenant = line.tenant
    oldest = now - timedelta(seconds=tenant.limits.fresh_seconds)
    stale = {one.row.vendor_id for one in writes if one.row.read_at is None or one.row.read_at < oldest}
    if not stale:
        return list(writes)
    records = _look(line, object_type, properties, [one for one in writes if one.row.vendor_id in stale], lane)
    writes = [one for one in writes if one.row.vendor_id not in stale or one.row.vendor_id in records]
    stale &= records.keys()
    with tenant.database.transaction(tenant.installation_id) as conn:
        rows = mirrors.load(conn, line.connection_id, object_type, sorted(stale), lock=True)
        moved = {one for one in stale if records[one] is None or one not in rows}
        for vendor_id, row in rows.items():
            record = records[vendor_id]
            if record is not None and observe_record(line, conn, row, record, now=now):
                moved.add(vendor_id)
        mirrors.put(conn, tenant.installation_id, line.connection_id, list(rows.values()))
        again = sorted({one.parcel.lead.id for one in writes if one.row.vendor_id in moved})
        leads.mark_due(conn, tenant.installation_id, again, at=now, why=why, lane=lane.value)
    for one in writes:
        if one.row.vendor_id in moved:
            one.parcel.wait(tenant.limits.retry_seconds)
    return [one for one in writes if one.row.vendor_id not in moved]


def _look(
    line: Line, object_type: str, properties: Sequence[str], writes: Sequence[RecordWrite], lane: Lane
) -> dict[str, Record | None]:
    """These records as they stand (None: no more); one of which the vendor said nothing is absent, and waits."""
    found: dict[str, Record | None] = {}

    def send(part: Sequence[RecordUpdate]) -> list[WriteResult]:
        ids = sorted(_name(one) for one in part)
        read = standing(line.vendor.read(object_type, ids, properties, lane=lane))
        found.update({one: read.get(one) for one in ids})
        return [WriteResult(id=_name(one), outcome=Outcome.APPLIED) for one in part]

    _apart(line, object_type, gathered(writes), send).end()
    return found


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────
def open_writes(line: Line, conn: Connection, object_type: str, writes: Iterable[RecordWrite]) -> list[RecordWrite]:
    """Those of these that do not wait for another attempt, or for a person."""
    now = machine_now(conn)
    return [one for one in writes if aside.may_go(one.parcel, object_type, one.row.vendor_id, now)]


def gathered(writes: Iterable[RecordWrite]) -> list[RecordUpdate]:
    """Each record once, with all that leads want of it."""
    by_record: dict[str, list[RecordWrite]] = {}
    for write in writes:
        by_record.setdefault(write.row.vendor_id, []).append(write)
    return [
        RecordUpdate(tuple(theirs), {name: value for one in theirs for name, value in one.changes.items()})
        for theirs in by_record.values()
    ]


def sent(line: Line, object_type: str, updates: Sequence[RecordUpdate], lane: Lane) -> Written[RecordUpdate]:
    """Write these; what comes to nothing waits by itself (`aside`). To be ended (`Written.end`) once it is stored."""
    write_down(line, object_type, {_name(one): one.changes for one in updates})

    def send(part: Sequence[RecordUpdate]) -> Sequence[WriteResult]:
        inputs = [Update(id=_name(one), properties=one.changes, known_at=overtaking.known_at(one.row)) for one in part]
        return line.vendor.update(object_type, inputs, lane=lane)

    written = _apart(line, object_type, updates, send)
    for update, result in written.told:
        for write in update.writes if result.outcome not in CAME_TO_NOTHING else ():
            aside.forget(write.parcel, object_type)
    return written


def refuse(object_type: str, update: RecordUpdate, result: WriteResult) -> None:
    """What the vendor refuses is left out until another value is wanted: the property that it names, else all of it."""
    name = result.property_name
    refused = {name: update.changes[name]} if name is not None and name in update.changes else update.changes
    for write in update.writes:
        for one in write.changes.keys() & refused.keys():
            why = {"value": write.changes[one], "reason": result.reason or "rejected"}
            write.parcel.dropped[dropped_name(object_type, one)] = why
        write.parcel.wait(0.0)  # the rest goes without it


def _apart(
    line: Line,
    object_type: str,
    updates: Sequence[RecordUpdate],
    send: Callable[[Sequence[RecordUpdate]], Sequence[WriteResult]],
) -> Written[RecordUpdate]:
    def tried(update: RecordUpdate) -> Tried:
        theirs = [aside.tried(one.parcel, object_type, one.row.vendor_id) for one in update.writes]
        return max(theirs, key=lambda one: (one.stumbles, one.attempts))

    written = write_apart(updates, name=_name, attempts=lambda one: tried(one).attempts, send=send)
    failed = [update for update, result in written.told if result.outcome in CAME_TO_NOTHING]
    if failed:
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            patience = Patience(line, conn)
            found = setbacks(line, patience, written, name=_name, tried=tried)
            for write in (write for update in failed for write in update.writes):
                name = write.row.vendor_id
                aside.note(write.parcel, object_type, name, found[name], patience.now)
    return written


def _name(update: RecordUpdate) -> str:
    return update.row.vendor_id


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

"""What a look at the CRM found to differ is looked into: asked for with its history where we write it, judged, told.

Telling is all: reading it, deciding and writing are the ordinary way, for which these records are marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, partial

import structlog

from connector.domain.drift import DriftClass
from connector.errors import RetryableError
from connector.store import drifts, leads, mirrors, unanswered
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync.authors import ANSWERS_LAG
from connector.sync.comparing import Difference
from connector.sync.context import Line
from connector.sync.drifting import EVENTS_COME_WITHIN, MERGED, Inquiry, new_drift
from connector.sync.observe import observe, seen_until_of, wanted_of
from connector.sync.succession import merged_away, standing
from connector.sync.unanswered import NOTHING_SENT
from connector.vendors.base import Lane, Record

log = structlog.get_logger()

Known = Mapping[str, tuple[int, str | None]]
"""Vendor id → (lead id, how it has gone or None), as `leads.identities` gives it."""

CREATED = "created"
"""The property, as the history of drift has it, of a record whose creation no event told of."""


def confirm(line: Line, differing: Sequence[Difference], known: Known) -> dict[str, Record]:
    """Those that differ in what we want there, read again by id with the history of that: a list may lag.

    When the CRM cannot answer, they are marked all the same, and judged when they differ at the next look.
    """
    ours = _wanted_names(line, differing, known)
    ids = [vendor_id for vendor_id, names in ours.items() if names]
    if not ids:
        return {}
    names = sorted({name for found in ours.values() for name in found})
    properties = line.binding.person_properties
    try:
        return standing(
            line.vendor.read(line.dialect.person_type, ids, properties, lane=Lane.BACKGROUND, history=names)
        )
    except RetryableError as error:
        log.warning("drift_not_judged", connection_id=line.connection_id, count=len(ids), reason=error.reason)
        return {}


def _wanted_names(line: Line, differing: Sequence[Difference], known: Known) -> dict[str, set[str]]:
    """Vendor id → the properties that differ and in which something of ours should stand."""
    written = line.binding.written
    ours = [one for one in differing if one.held and one.record.id in known and not written.isdisjoint(one.names)]
    if not ours:
        return {}
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        found = leads.load(conn, [known[one.record.id][0] for one in ours])
    return {one.record.id: wanted_of(line, found.get(known[one.record.id][0])).keys() & set(one.names) for one in ours}


def look_into(
    line: Line,
    conn: Connection,
    differing: Sequence[Difference],
    known: Known,
    confirmed: Mapping[str, Record],
    *,
    now: datetime,
) -> int:
    """Judge people who differ and tell what is drift; returns of how many."""
    ids = [one.record.id for one in differing if one.held]
    rows = mirrors.load(conn, line.connection_id, line.dialect.person_type, ids, lock=True)
    found = leads.load(conn, [lead_id for lead_id, _ in known.values()])
    sent = unanswered.of(conn, line.connection_id, list(found))
    seen_until = seen_until_of(line, conn)
    changed, drifted = list[MirrorRow](), 0
    for one in differing:
        row = rows.get(one.record.id)
        lead_id, _ = known.get(one.record.id, (0, None))
        record = confirmed.get(one.record.id, one.record)
        if row is None or lead_id not in found or _is_late(row, record, one.names, now, record is not one.record):
            continue
        wanted = cache(partial(wanted_of, line, found[lead_id]))
        inquiry = Inquiry(
            line=line.under(found[lead_id].policy),
            lead=found[lead_id],
            row=row,
            record=record,
            wanted=wanted,
            looked=is_old(record, now),
            unanswered=sent.get(lead_id, NOTHING_SENT),
        )
        if record is one.record:
            for name in (name for name in one.names if name not in wanted()):
                inquiry.judge(name, record.properties.get(name))
            inquiry.tell(conn, now=now)
        else:
            observe(line, conn, found[lead_id], row, record, now=now, inquiry=inquiry, seen_until=seen_until)
        changed += [row] if inquiry.found or record is not one.record else []
        drifted += bool(inquiry.found) or (inquiry.looked and line.dialect.merged_property in one.names)
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, changed)
    return drifted + _tell_new(line, conn, [one.record for one in differing if one.record.id not in known], now)


def tell_missed(
    line: Line, conn: Connection, differing: Sequence[Difference], rows: Mapping[str, MirrorRow], *, now: datetime
) -> int:
    """Companies and deals that changed without an event: told as that; returns how many."""
    told = [
        (rows[one.record.id], one.names)
        for one in differing
        if one.names and one.record.id in rows and is_old(one.record, now)
        and not _is_late(rows[one.record.id], one.record, one.names, now, False)
    ]  # fmt: skip
    merge = {line.dialect.merged_property, line.dialect.deal.merged}
    news = [
        new_drift(line, row, None, MERGED, DriftClass.MERGE, found_at=now, ended=True)
        if name in merge
        else new_drift(line, row, None, name, DriftClass.MISSED_EVENT, found_at=now, ended=True)
        for row, names in told
        for name in names
        if "hint" not in row.meta.get(name, {})
    ]
    drifts.add(conn, line.tenant.installation_id, line.connection_id, news)
    return len({one.vendor_id for one in news})


def _tell_new(line: Line, conn: Connection, records: Sequence[Record], now: datetime) -> int:
    """People whom nobody told us of; a new record into which leads of ours were merged is told as that, once read."""
    old = [record for record in records if is_old(record, now)]
    heirs = set(merged_away(line, conn, old).values())
    rows = [MirrorRow(object_type=one.object_type, vendor_id=one.id) for one in old if one.id not in heirs]
    missed = DriftClass.MISSED_EVENT
    news = [new_drift(line, row, None, CREATED, missed, found_at=now, ended=True) for row in rows]
    drifts.add(conn, line.tenant.installation_id, line.connection_id, news)
    return len(old)


def is_old(record: Record, now: datetime) -> bool:
    """True when an event that told of the record's last change would have come by now."""
    return record.modified_at is None or record.modified_at <= now - EVENTS_COME_WITHIN


def is_outdated(row: MirrorRow, one: Difference, now: datetime) -> bool:
    """True for what a list shows from before our last read or write of it, so soon after that it may lag: the next
    look tells."""
    latest = _latest(row, one.names)
    shown = one.record.modified_at
    return shown is not None and latest is not None and shown < latest and now - latest < ANSWERS_LAG


def _latest(row: MirrorRow, names: Sequence[str]) -> datetime | None:
    """When what we know of these properties was true: our last read of the record, or a later write of ours."""
    sent = [datetime.fromisoformat(meta["sent_at"]) for name in names if "sent_at" in (meta := row.meta.get(name, {}))]
    return max([*sent, *([row.modified_at] if row.modified_at is not None else [])], default=None)


def _is_late(row: MirrorRow, record: Record, names: Sequence[str], now: datetime, by_id: bool) -> bool:
    """True for an answer that shows what stood before something that we know: the next look tells.

    An older state that is still shown by id (`by_id`) long after we read or wrote is the CRM's truth: it was put back.
    """
    if record.modified_at is None:
        return False
    latest = _latest(row, names)
    if latest is None or latest <= record.modified_at:
        return False
    if not by_id or now - latest < ANSWERS_LAG:
        return True
    row.modified_at = record.modified_at
    return False

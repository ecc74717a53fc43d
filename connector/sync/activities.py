"""Calls, mails, messages and meetings become signals: read when events tell of them, each once, as what it now is.

A record that is read again (an outcome was set, a meeting began) is brought in line: it may count as other signals than
before. Nothing is read of a policy that names no activities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from connector.domain.codec_work import moment_text
from connector.store import activity_signals, leads, links, wanted
from connector.store.database import Connection
from connector.store.signals import NewSignal
from connector.sync.binding import Binding
from connector.sync.context import Line, Tenant, conclude
from connector.sync.copying import Logged, copy_activities
from connector.sync.sources import ACTIVITY
from connector.sync.stumbling import read_marked
from connector.sync.submissions import leads_of
from connector.vendors.base import EventKind, InboundEvent, Lane, Record

LATEST = 50
"""Activities of a kind that are looked through for one person."""

_NEVER = datetime.min.replace(tzinfo=UTC)
"""When they were marked that nobody has marked: what was marked meanwhile stays marked."""

_TELLING = (EventKind.CREATED, EventKind.DELETED, EventKind.RESTORED)


def record_name(connection_id: int, object_type: str, vendor_id: str) -> str:
    """How a signal names the record that it was learnt from."""
    return f"{connection_id}:{object_type}:{vendor_id}"


# ── what events tell ─────────────────────────────────────────────────────────────────────────────────────────
def hear_activities(tenant: Tenant, conn: Connection, connection_id: int, events: Sequence[InboundEvent]) -> None:
    """Mark the activities that events tell of: made, changed in what we read, gone, or somebody's now."""
    binding = tenant.reading[connection_id]
    found: dict[str, dict[str, bool]] = {}
    for event in events if binding.activity_types else ():
        for object_type, vendor_id in _told(binding, event):
            marks = found.setdefault(object_type, {})
            marks[vendor_id] = marks.get(vendor_id, True) and event.is_bulk
    for object_type, marks in sorted(found.items()):
        for lane, is_bulk in ((Lane.HOT, False), (Lane.BACKGROUND, True)):
            ids = [one for one, bulk in marks.items() if bulk is is_bulk]
            wanted.want(conn, tenant.installation_id, connection_id, object_type, ids, lane=lane.value)


def _told(binding: Binding, event: InboundEvent) -> Iterator[tuple[str, str]]:
    person_type = binding.dialect.person_type
    if event.object_type in binding.activity_types and event.object_id is not None:
        words = binding.dialect.activities[event.object_type]
        names = (None, *words.properties)  # None: that it changed is all that was told
        changed = event.kind is EventKind.CHANGED and event.property_name in names
        joined = event.kind is EventKind.ASSOCIATED and event.other_type in (person_type, None)
        if changed or joined or event.kind in _TELLING:
            yield event.object_type, event.object_id
    elif event.object_type == person_type and event.other_type in binding.activity_types and event.other_id is not None:
        yield event.other_type, event.other_id


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────
def read_activities(line: Line, object_types: Sequence[str], lane: Lane) -> int:
    """Read the activities of these types that were marked, with whose they are; returns how many."""
    return sum(_read_type(line, object_type, lane) for object_type in object_types)


def read_activities_of(line: Line, people: Sequence[str], lane: Lane) -> int:
    """Look for what these people's records tell of, whether events told of it or not; returns how many were read.

    It is asked for before something is done because nothing has happened: the latest of each kind are enough.
    """
    count = 0
    for object_type in line.binding.activity_types if people else ():
        found = line.vendor.associated(line.dialect.person_type, people, object_type, lane=lane)
        ids = {one for theirs in found.values() for one in sorted(theirs, key=_by_age)[-LATEST:]}
        if ids:
            _read_and_store(line, object_type, dict.fromkeys(ids, _NEVER), lane)
        count += len(ids)
    return count


def _by_age(vendor_id: str) -> tuple[int, str]:
    """Ids that are numbers grow with time."""
    return len(vendor_id), vendor_id


def _read_type(line: Line, object_type: str, lane: Lane) -> int:
    tenant, limits = line.tenant, line.tenant.limits
    with tenant.database.transaction(tenant.installation_id) as conn:
        rows = wanted.wanted(
            conn,
            line.connection_id,
            object_type,
            lanes=[lane.value],
            limit=limits.slice_records,
            now=tenant.now(conn),
        )
    return read_marked(
        line,
        rows,
        fetch=lambda part: _fetch(line, object_type, [row.vendor_id for row in part], lane),
        store=lambda conn, part, found: _store(
            line, conn, object_type, {row.vendor_id: row.wanted_at for row in part}, *found, lane
        ),
    )


def _fetch(
    line: Line, object_type: str, ids: Sequence[str], lane: Lane
) -> tuple[dict[str, Record], dict[str, tuple[str, ...]]]:
    """These activities, and whose they are."""
    properties = line.dialect.activities[object_type].properties
    records = line.vendor.read(object_type, sorted(ids), properties, lane=lane)
    return records, line.vendor.associated(object_type, sorted(records), line.dialect.person_type, lane=lane)


def _read_and_store(line: Line, object_type: str, asked: Mapping[str, datetime], lane: Lane) -> None:
    records, people = _fetch(line, object_type, list(asked), lane)
    conclude(
        line.tenant,
        lambda conn: _store(line, conn, object_type, asked, records, people, lane),
        give_back=lambda conn: None,
    )


def _store(
    line: Line,
    conn: Connection,
    object_type: str,
    asked: Mapping[str, datetime],
    records: Mapping[str, Record],
    people: Mapping[str, Sequence[str]],
    lane: Lane,
) -> None:
    tenant, connection_id = line.tenant, line.connection_id
    now = tenant.now(conn)
    lead_of = leads_of(
        line.tenant, conn, line.connection_id, sorted({one for found in people.values() for one in found})
    )
    found: list[NewSignal] = []
    logged: list[Logged] = []
    again: dict[str, datetime] = {}
    for vendor_id, record in sorted(records.items()):
        activity = line.dialect.activity(record, now=now)
        if activity is None:
            continue
        mine = [lead_of[one] for one in people.get(vendor_id, ()) if one in lead_of]
        found += _signals(line, record, mine, now)
        name = record_name(connection_id, object_type, vendor_id)
        logged.append(Logged(name=name, activity=activity, lead_ids=mine))
        if activity.again_at is not None:
            again[vendor_id] = activity.again_at
    names = [record_name(connection_id, object_type, one) for one in asked]
    ids = sorted({one.lead_id for one in found})
    reading = links.awaiting_read(conn, ids)
    leads.lock(conn, ids)
    touched = activity_signals.reconcile(conn, tenant.installation_id, names, found, learnt_at=now)
    leads.mark_due(conn, tenant.installation_id, sorted(touched - reading), at=now, why="signal", lane=lane.value)
    copy_activities(line, conn, logged, lane=lane)
    wanted.done(conn, connection_id, object_type, asked)
    wanted.later(conn, tenant.installation_id, connection_id, object_type, again)


def _signals(line: Line, record: Record, lead_ids: Sequence[int], now: datetime) -> list[NewSignal]:
    """What one activity means, for each of its people."""
    binding = line.binding
    activity = line.dialect.activity(record, now=now)
    if activity is None:
        return []
    name = record_name(line.connection_id, record.object_type, record.id)
    labels = binding.outcomes.get(activity.kind, {})
    return [
        NewSignal(
            lead_id=lead_id,
            kind=signal_id,
            source=ACTIVITY,
            source_key=f"{ACTIVITY}:{name}:{signal_id}:{lead_id}",
            occurred_at=one.at,
            record=name,
            detail={
                "activity": activity.kind.value,
                "outcome": labels.get(one.outcome, one.outcome) if one.outcome else None,
                "length_seconds": activity.length_seconds,
                "owner": activity.owner,
                "starts_at": moment_text(activity.again_at) if activity.again_at is not None else None,
                "modified": moment_text(record.modified_at) if record.modified_at else None,
            },
        )
        for signal_id, one in binding.activity_signals(activity).items()
        for lead_id in lead_ids
    ]

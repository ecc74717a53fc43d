"""What people did with our tasks: done, or deleted (then they are settled, and never made again).

A call, mail or social task that a person has done counts as that activity, unless a call, mail or message of the same
kind was logged within a few minutes of it (`activity_signals.NEAR`): then the two are one.
"""

from __future__ import annotations

from datetime import datetime

from connector.domain.effects import WorkState
from connector.store import activity_signals, leads, links, managed
from connector.store.database import Connection
from connector.store.managed import Reported
from connector.store.signals import NewSignal
from connector.sync.context import Line, conclude
from connector.vendors.base import ActivityKind, Lane, Record

_ATTEMPTS = (ActivityKind.CALL, ActivityKind.MAIL, ActivityKind.SOCIAL)


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
    kind, now = line.dialect.task_type, line.tenant.now(conn)
    touched: list[int] = []
    told: list[NewSignal] = []
    ids = managed.leads_of(conn, line.connection_id, kind, wanted)
    links.lock(conn, ids)
    leads.lock(conn, ids)
    for vendor_id, version in sorted(wanted.items()):
        record = found.get(vendor_id)
        reported = "deleted" if record is None else line.dialect.task_report(record)
        for one in managed.report(
            conn,
            line.connection_id,
            kind,
            vendor_id,
            reported=reported,
            mirror=dict(record.properties) if record else {},
            version=version,
        ):
            touched.append(one.lead_id)
            if record is not None and reported == "done" and one.desired_state == WorkState.OPEN.value:
                told += _signals(line, one, record, now)
    _tell(line, conn, told, now)
    leads.mark_due(conn, line.tenant.installation_id, touched, at=now, why="task", lane="hot")


def _signals(line: Line, task: Reported, record: Record, now: datetime) -> list[NewSignal]:
    """A person has done a task: the activity that it was."""
    activity = next((one for one in _ATTEMPTS if one.value == task.desired.get("kind")), None)
    if activity is None:
        return []
    done_at = line.dialect.moment(record.properties.get(line.dialect.task_done_property))
    return [
        NewSignal(
            lead_id=task.lead_id,
            kind=signal_id,
            source="task",
            source_key=f"task:{line.connection_id}:{task.key}:{signal_id}",
            occurred_at=min(done_at or record.modified_at or now, now),
            record=f"{line.connection_id}:{record.object_type}:{record.id}",
            detail={"activity": activity.value, "owner": record.properties.get(line.dialect.owner_property)},
        )
        for signal_id in line.binding.plain_signals(activity)
    ]


def _tell(line: Line, conn: Connection, told: list[NewSignal], now: datetime) -> None:
    if told:
        activity_signals.add_of_tasks(conn, line.tenant.installation_id, told, learnt_at=now)

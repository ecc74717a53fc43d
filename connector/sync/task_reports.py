"""What people did with our tasks: done, or deleted (then they are settled, and never made again).

A call, mail or social task that a person has done counts as that activity, unless a call, mail or message of the same
kind was logged within a few minutes of it (`activity_signals.NEAR`): then the two are one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from connector.domain.effects import WorkState
from connector.store import activity_signals, leads, links, managed, wanted
from connector.store.database import Connection
from connector.store.managed import Reported, Shown
from connector.store.signals import NewSignal
from connector.sync.context import Line
from connector.sync.record_kinds import says_same
from connector.sync.stumbling import read_marked
from connector.vendors.base import ActivityKind, Lane, Record
from connector.vendors.dialect import Dialect

_ATTEMPTS = (ActivityKind.CALL, ActivityKind.MAIL, ActivityKind.SOCIAL)


def our_tasks(dialect: Dialect) -> str:
    """The mark on a task of ours that is to be read: other tasks may be read as activities."""
    return f"ours>{dialect.task_type}"


def hear_tasks(
    conn: Connection,
    installation_id: int,
    connection_id: int,
    dialect: Dialect,
    told: Iterable[tuple[str, str | None, str | None]],
) -> int:
    """Mark those of these tasks that are ours to be read, unless what is told is what we know; returns how many.

    `told` is (vendor id, property, its value); no property: something else has happened to the task.
    """
    by_task: dict[str, list[tuple[str | None, str | None]]] = {}
    for vendor_id, name, value in told:
        by_task.setdefault(vendor_id, []).append((name, value))
    news = {
        vendor_id
        for vendor_id, mirror in managed.mirrors_of(conn, connection_id, dialect.task_type, list(by_task))
        for name, value in by_task[vendor_id]
        if name is None or not says_same(dialect, name, mirror.get(name), value)
    }
    want_tasks(conn, installation_id, connection_id, dialect, news)
    return len(news)


def want_tasks(
    conn: Connection, installation_id: int, connection_id: int, dialect: Dialect, ids: Collection[str]
) -> None:
    """Mark these tasks of ours to be read."""
    wanted.want(conn, installation_id, connection_id, our_tasks(dialect), ids, lane=Lane.HOT.value)


def read_tasks(line: Line, lane: Lane) -> int:
    """Read the tasks of ours that events told of; returns how many were looked at."""
    tenant, kind, limit = line.tenant, line.dialect.task_type, line.tenant.limits.slice_records
    with tenant.database.transaction(tenant.installation_id) as conn:
        now, mark = tenant.now(conn), our_tasks(line.dialect)
        rows = wanted.wanted(conn, line.connection_id, mark, lanes=[lane.value], limit=limit, now=now)
    properties = line.dialect.task_properties
    return read_marked(
        line,
        rows,
        fetch=lambda part: line.vendor.read(kind, sorted(row.vendor_id for row in part), properties, lane=lane),
        store=lambda conn, part, found: _store(line, conn, [row.vendor_id for row in part], found),
    )


def _store(line: Line, conn: Connection, asked: Sequence[str], found: Mapping[str, Record]) -> None:
    kind, now = line.dialect.task_type, line.tenant.now(conn)
    shown = {vendor_id: _shown(line, vendor_id, found.get(vendor_id)) for vendor_id in asked}
    told: list[NewSignal] = []
    ids = managed.leads_of(conn, line.connection_id, kind, asked)
    links.lock(conn, ids)
    leads.lock(conn, ids)
    ours = managed.report(conn, line.connection_id, kind, list(shown.values()))
    for one in ours:
        is_done = shown[one.vendor_id].reported == "done"
        if is_done and one.desired_state == WorkState.OPEN.value:
            told += _signals(line, one, found[one.vendor_id], now)
    _tell(line, conn, told, now)
    touched = [one.lead_id for one in ours]
    leads.mark_due(conn, line.tenant.installation_id, touched, at=now, why="task", lane="hot")


def _shown(line: Line, vendor_id: str, record: Record | None) -> Shown:
    reported = "deleted" if record is None else line.dialect.task_report(record)
    mirror = dict(record.properties) if record is not None else {}
    return Shown(vendor_id=vendor_id, reported=reported, mirror=mirror)


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

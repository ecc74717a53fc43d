"""Signals that are learnt from records which may still change: calls, mails, meetings; and from tasks of ours.

Each (record, lead, kind) is one signal for ever: its row stays when the record is read again, so that what it caused is
caused once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from connector.policy.united import split_kind
from connector.store.database import Connection
from connector.store.signals import NewSignal

NEAR = timedelta(minutes=10)
"""A task that is ticked off so soon before or after a logged activity of its kind tells of the same one."""

# A task of ours is no activity where a CRM keeps both as one kind of record: what it told when it was done stands.
_STANDING = """
SELECT id, record, lead_id, coalesce(policy || ':', '') || kind AS kind, occurred_at, detail FROM signal
WHERE record = ANY(%s) AND source <> 'task' ORDER BY id
"""

_INSERT = """
INSERT INTO signal (installation_id, lead_id, kind, source, source_key, occurred_at, learnt_at, detail, record, policy)
SELECT %(installation_id)s, %(lead_id)s, %(kind)s, %(source)s, %(source_key)s, %(occurred_at)s, %(learnt_at)s,
       %(detail)s, %(record)s, %(policy)s
WHERE NOT EXISTS (SELECT FROM lead WHERE lead.id = %(lead_id)s AND gone = 'erased')
ON CONFLICT (installation_id, source_key) DO NOTHING
RETURNING id
"""

_UPDATE = """
UPDATE signal SET occurred_at = %(occurred_at)s, detail = %(detail)s, source = %(source)s, record = %(record)s
WHERE id = %(id)s
"""

# `length` counts: a task is ticked off when the call is over.
_OF_TASK_NEAR = """
SELECT id FROM signal
WHERE lead_id = %(lead_id)s AND kind = %(kind)s AND policy IS NOT DISTINCT FROM %(policy)s
  AND source = 'task' AND detail ->> 'activity' = %(activity)s
  AND occurred_at BETWEEN %(occurred_at)s - %(near)s AND %(occurred_at)s + %(length)s + %(near)s
ORDER BY id LIMIT 1
"""

_LOGGED_NEAR = """
SELECT 1 FROM signal
WHERE lead_id = %(lead_id)s AND kind = %(kind)s AND policy IS NOT DISTINCT FROM %(policy)s
  AND source = 'activity' AND detail ->> 'activity' = %(activity)s
  AND %(occurred_at)s BETWEEN occurred_at - %(near)s
      AND occurred_at + make_interval(secs => coalesce((detail ->> 'length_seconds')::float8, 0)) + %(near)s
LIMIT 1
"""


def reconcile(
    conn: Connection,
    installation_id: int,
    records: Collection[str],
    wanted: Sequence[NewSignal],
    *,
    learnt_at: datetime,
) -> set[int]:
    """Make the signals of these records exactly those that are wanted; returns the leads for which something changed.

    An outcome that was set later moves a record from some signals to others. The leads must be locked by the caller.
    """
    standing: dict[tuple[str, int, str], dict[str, Any]] = {}
    surplus: list[dict[str, Any]] = []
    for row in conn.execute(_STANDING, [sorted(records)]):
        key = (row["record"], int(row["lead_id"]), row["kind"])
        if key in standing:
            surplus.append(row)
        standing.setdefault(key, row)
    touched: set[int] = set()
    for one in wanted:
        known = standing.pop((str(one.record), one.lead_id, one.kind), None)
        if known is None:
            touched |= {one.lead_id} if _learn(conn, installation_id, one, learnt_at) else set()
        elif known["occurred_at"] != one.occurred_at or known["detail"] != one.detail:
            _update(conn, known["id"], one)
            touched |= {one.lead_id}
    gone = [*standing.values(), *surplus]
    conn.execute("DELETE FROM signal WHERE id = ANY(%s)", [[row["id"] for row in gone]])
    return touched | {int(row["lead_id"]) for row in gone}


def add_of_tasks(conn: Connection, installation_id: int, new: Sequence[NewSignal], *, learnt_at: datetime) -> set[int]:
    """Store what completed tasks tell of, unless the same was logged; returns the leads that got a signal."""
    touched: set[int] = set()
    for one in new:
        logged = conn.execute(_LOGGED_NEAR, _near(one)).fetchone()
        if logged is None and _insert(conn, installation_id, one, learnt_at):
            touched.add(one.lead_id)
    return touched


def modified(conn: Connection, records: Collection[str]) -> dict[str, str]:
    """Record → its modification time (text) as last read, of those that gave a signal."""
    rows = conn.execute(
        "SELECT record, max(detail ->> 'modified') AS modified FROM signal WHERE record = ANY(%s) GROUP BY record",
        [sorted(records)],
    )
    return {row["record"]: row["modified"] for row in rows if row["modified"]}


def _learn(conn: Connection, installation_id: int, one: NewSignal, learnt_at: datetime) -> bool:
    """A task that told of it before becomes it: what that caused is not caused again."""
    told = conn.execute(_OF_TASK_NEAR, _near(one)).fetchone()
    if told is None:
        return _insert(conn, installation_id, one, learnt_at)
    _update(conn, told["id"], one)
    return True


def _insert(conn: Connection, installation_id: int, one: NewSignal, learnt_at: datetime) -> bool:
    policy, kind = split_kind(one.kind)
    values = {
        "installation_id": installation_id,
        "lead_id": one.lead_id,
        "kind": kind,
        "policy": policy,
        "source": one.source,
        "source_key": one.source_key,
        "occurred_at": one.occurred_at,
        "learnt_at": learnt_at,
        "detail": Jsonb(one.detail),
        "record": one.record,
    }
    return conn.execute(_INSERT, values).fetchone() is not None


def _update(conn: Connection, signal_id: int, one: NewSignal) -> None:
    values = {
        "id": signal_id,
        "occurred_at": one.occurred_at,
        "detail": Jsonb(one.detail),
        "source": one.source,
        "record": one.record,
    }
    conn.execute(_UPDATE, values)


def _near(one: NewSignal) -> dict[str, Any]:
    policy, kind = split_kind(one.kind)
    return {
        "lead_id": one.lead_id,
        "kind": kind,
        "policy": policy,
        "activity": one.detail["activity"],
        "occurred_at": one.occurred_at,
        "near": NEAR,
        "length": timedelta(seconds=float(one.detail.get("length_seconds") or 0)),
    }

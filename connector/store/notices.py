"""Notices that wait to be sent: one row a receiver, so that a dead channel holds up no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.store.database import Connection

_KEEP = """
INSERT INTO notice (installation_id, key, receiver, lead_id, sealed, created_at)
VALUES (%(installation_id)s, %(key)s, %(receiver)s, %(lead_id)s, %(sealed)s, %(created_at)s)
ON CONFLICT DO NOTHING
"""

_CLAIM = """
UPDATE notice SET not_before = now() + make_interval(secs => %(lease)s), attempts = attempts + 1
WHERE (installation_id, key, receiver) IN (
    SELECT installation_id, key, receiver FROM notice
    WHERE state = 'new' AND not_before <= now() ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING key, receiver, lead_id, sealed, attempts,
          (SELECT data_key FROM lead WHERE lead.id = notice.lead_id) AS data_key
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """A notice that was claimed. `sealed` is its text under the lead's own key (`data_key`, None: it was erased).

    Without a lead it is about a connection, and sealed with the master key.
    """

    key: str
    receiver: str
    lead_id: int | None
    sealed: bytes
    attempts: int
    data_key: bytes | None


def keep(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put notices (installation_id, key, receiver, lead_id, sealed, created_at) into the queue, each once."""
    if rows:
        conn.cursor().executemany(_KEEP, rows)


def waiting(conn: Connection) -> bool:
    """True when a notice can be sent now."""
    query = "SELECT 1 FROM notice WHERE state = 'new' AND not_before <= now() LIMIT 1"
    return conn.execute(query).fetchone() is not None


def claim(conn: Connection, *, limit: int, lease_seconds: float) -> list[NoticeRow]:
    """The next notices, held for a while: who dies with them leaves them to be sent again."""
    return [NoticeRow(**row) for row in conn.execute(_CLAIM, {"limit": limit, "lease": lease_seconds})]


def sent(conn: Connection, row: NoticeRow) -> None:
    """It has gone out."""
    _settle(conn, row, "sent", None)


def park(conn: Connection, row: NoticeRow, reason: str) -> None:
    """It needs a person: an address that is not set or not answered."""
    _settle(conn, row, "parked", reason)


def later(conn: Connection, row: NoticeRow, seconds: float) -> None:
    """Try it again then."""
    conn.execute(
        "UPDATE notice SET not_before = now() + make_interval(secs => %s) WHERE key = %s AND receiver = %s",
        [seconds, row.key, row.receiver],
    )


def _settle(conn: Connection, row: NoticeRow, state: str, reason: str | None) -> None:
    conn.execute(
        "UPDATE notice SET state = %s, parked_reason = %s WHERE key = %s AND receiver = %s",
        [state, reason, row.key, row.receiver],
    )


def listed(conn: Connection, *, state: str | None, limit: int) -> list[dict[str, Any]]:
    """Notices, the latest first: receiver, state, reason; never their texts."""
    rows = conn.execute(
        "SELECT key, receiver, lead_id, state, attempts, parked_reason, created_at FROM notice"
        " WHERE %(state)s::text IS NULL OR state = %(state)s ORDER BY created_at DESC, key LIMIT %(limit)s",
        {"state": state, "limit": limit},
    )
    return list(rows)


def retry(conn: Connection) -> int:
    """Send everything parked again; returns how many."""
    return conn.execute(
        "UPDATE notice SET state = 'new', attempts = 0, not_before = now(), parked_reason = NULL WHERE state = 'parked'"
    ).rowcount

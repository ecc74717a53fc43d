"""What the company has announced, and which of the leads that wait for it have had their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.store.database import Connection

SOURCE = "announcement"
"""The source of the signals that announcements bring; their keys are `announcement:<id>:<lead id>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One announcement, to leads that are under `policy`. `about` is a canonical value (None: it concerns every lead
    that waits)."""

    id: int
    policy: str
    signal: str
    about: str | None
    note: str
    announced_at: datetime
    next_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A lead that stands aside until something is announced: by when it went aside, then by id."""

    lead_id: int
    since: datetime


_COLUMNS = "id, policy, signal, about, note, announced_at, next_at, ended_at"

_ADD = f"""
INSERT INTO announcement (installation_id, policy, signal, about, note, announced_at, next_at)
VALUES (%(installation_id)s, %(policy)s, %(signal)s, %(about)s, %(note)s, %(now)s, %(now)s)
RETURNING {_COLUMNS}
"""

_WAITING = """
SELECT id AS lead_id, (state -> 'entry' ->> 'entered_at')::timestamptz AS since FROM lead
WHERE gone IS NULL AND policy = %(policy)s AND stage = ANY(%(stages)s)
  AND state -> 'entry' ->> 'reason' = ANY(%(reasons)s)
  AND (state -> 'entry' ->> 'entered_at')::timestamptz < %(before)s
  AND ((state -> 'entry' ->> 'entered_at')::timestamptz, id) > (%(since)s, %(after)s)
  AND NOT EXISTS (
      SELECT FROM signal WHERE signal.lead_id = lead.id AND source_key = %(prefix)s || lead.id)
ORDER BY since, id LIMIT %(limit)s
"""

_WOKEN = """
SELECT count(*) AS woken, count(*) FILTER (WHERE learnt_at >= %(since)s) AS lately FROM signal
WHERE source = 'announcement' AND detail ->> 'announcement' = %(id)s
"""


def add(
    conn: Connection,
    installation_id: int,
    *,
    policy: str,
    signal: str,
    about: str | None,
    note: str,
    now: datetime,
) -> Announcement:
    """Keep an announcement; its first leads have their turn at once."""
    values = {
        "installation_id": installation_id,
        "policy": policy,
        "signal": signal,
        "about": about,
        "note": note,
        "now": now,
    }
    row = conn.execute(_ADD, values).fetchone()
    assert row is not None
    return Announcement(**row)


def due(conn: Connection, now: datetime) -> bool:
    """True when leads of some announcement may have their turn now."""
    query = "SELECT 1 FROM announcement WHERE ended_at IS NULL AND next_at <= %s LIMIT 1"
    return conn.execute(query, [now]).fetchone() is not None


def take(conn: Connection, now: datetime) -> Announcement | None:
    """The oldest announcement whose turn it is, locked until the transaction ends."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM announcement WHERE ended_at IS NULL AND next_at <= %s"
        " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
        [now],
    ).fetchone()
    return Announcement(**row) if row else None


def listed(conn: Connection) -> list[Announcement]:
    """Every announcement, the latest first."""
    return [Announcement(**row) for row in conn.execute(f"SELECT {_COLUMNS} FROM announcement ORDER BY id DESC")]


def rest(conn: Connection, announcement_id: int, until: datetime) -> None:
    """Its day is full: it goes on then."""
    conn.execute("UPDATE announcement SET next_at = %s WHERE id = %s", [until, announcement_id])


def end(conn: Connection, announcement_id: int, now: datetime) -> bool:
    """It wakes nobody any more. False: there is no such announcement, or it had ended."""
    query = "UPDATE announcement SET ended_at = %s WHERE id = %s AND ended_at IS NULL RETURNING id"
    return conn.execute(query, [now, announcement_id]).fetchone() is not None


def woken(conn: Connection, announcement_id: int, since: datetime) -> tuple[int, int]:
    """How many leads have had their turn: in all, and since this moment."""
    row = conn.execute(_WOKEN, {"id": str(announcement_id), "since": since}).fetchone()
    assert row is not None
    return int(row["woken"]), int(row["lately"])


def waiting(
    conn: Connection,
    announcement: Announcement,
    *,
    stages: Sequence[str],
    reasons: Sequence[str],
    after: Waiting,
    limit: int,
) -> list[Waiting]:
    """The next leads that went aside before it was announced and have not had their turn, the oldest first."""
    values = {
        "policy": announcement.policy,
        "stages": list(stages),
        "reasons": list(reasons),
        "before": announcement.announced_at,
        "since": after.since,
        "after": after.lead_id,
        "prefix": key_of(announcement.id, ""),
        "limit": limit,
    }
    return [Waiting(**row) for row in conn.execute(_WAITING, values)]


def key_of(announcement_id: int, lead_id: int | str) -> str:
    """The source key of the signal that gives a lead its turn: it has one turn, whatever crashes."""
    return f"{SOURCE}:{announcement_id}:{lead_id}"

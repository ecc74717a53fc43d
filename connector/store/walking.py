"""The walk after an activation: leads that an older policy evaluated last are made due, slice by slice."""

from __future__ import annotations

from datetime import datetime

from connector.store.database import Connection

# Who is due anyway is decided under the newest policy by itself.
_LEFT_BEHIND = """
SELECT id FROM lead
WHERE generation < %(generation)s AND generation >= 0 AND gone IS NULL AND id > %(after)s
  AND NOT EXISTS (SELECT FROM lead_due
                  WHERE lead_id = lead.id AND (parked_reason IS NOT NULL OR due_at <= %(now)s))
"""

_WALK = f"""
WITH next AS ({_LEFT_BEHIND} ORDER BY id LIMIT %(limit)s)
INSERT INTO lead_due (installation_id, lead_id, due_at, why, lane)
SELECT %(installation_id)s, id, %(now)s, 'policy', 'background' FROM next ORDER BY id
ON CONFLICT (installation_id, lead_id) DO UPDATE SET due_at = least(lead_due.due_at, excluded.due_at)
RETURNING lead_id
"""

# Who waits for a read was given names when it was put off, and the read may be long in coming: its CRM may be paused.
_BEHIND = """
SELECT 1 FROM lead_due JOIN lead ON lead.id = lead_due.lead_id
WHERE due_at <= %(now)s AND parked_reason IS NULL AND generation < %(generation)s AND gone IS NULL
  AND lead.id <= %(upto)s AND claimed_until <> 'infinity'
LIMIT 1
"""


def walk(
    conn: Connection, installation_id: int, *, generation: int, after: int, limit: int, now: datetime
) -> list[int]:
    """Make due the next leads that an older policy evaluated last; empty: all have caught up."""
    values = {
        "installation_id": installation_id,
        "generation": generation,
        "after": after,
        "limit": limit,
        "now": now,
    }
    return sorted(int(row["lead_id"]) for row in conn.execute(_WALK, values))


def look_again(conn: Connection) -> None:
    """Who waits for a read is looked at once more under what runs now, and waits on."""
    conn.execute("SELECT 1 FROM lead_due WHERE claimed_until = 'infinity' ORDER BY lead_id FOR UPDATE")
    conn.execute("UPDATE lead_due SET claimed_until = '-infinity' WHERE claimed_until = 'infinity'")


def are_left_behind(conn: Connection, *, generation: int, now: datetime) -> bool:
    """True while an older policy evaluated some lead last that is not due."""
    values = {"generation": generation, "after": 0, "now": now}
    return conn.execute(f"{_LEFT_BEHIND} LIMIT 1", values).fetchone() is not None


def newest(conn: Connection) -> int:
    """The id of the newest lead; 0 without any."""
    row = conn.execute("SELECT coalesce(max(id), 0) AS id FROM lead").fetchone()
    assert row is not None, "an aggregate always has a row"
    return int(row["id"])


def are_behind(conn: Connection, *, generation: int, upto: int, now: datetime) -> bool:
    """True while a lead up to this id is due that an older policy evaluated last, or none yet; not who waits for a
    read."""
    row = conn.execute(_BEHIND, {"generation": generation, "upto": upto, "now": now}).fetchone()
    return row is not None

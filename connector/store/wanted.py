"""Records besides people and companies that are to be read: deals, activities, our own tasks, and who has which.

Marking twice is marking once; what is marked again while it is read is read again. Reading is idempotent, so that a
mark is not claimed: the job's lock keeps two workers from the same work, and nothing breaks when they do it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.store.database import Connection
from connector.store.outstanding import WANTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A record to be read: since when, how often and since when that has failed, `stumbles` alone while others
    passed."""

    object_type: str
    vendor_id: str
    wanted_at: datetime
    attempts: int
    stumbles: int
    failing_since: datetime | None


_WANT = """
INSERT INTO wanted_read (installation_id, connection_id, object_type, vendor_id, lane, wanted_at)
SELECT %(installation_id)s, %(connection_id)s, %(object_type)s, vendor_id, %(lane)s, clock_timestamp()
FROM unnest(%(ids)s::text[]) AS wanted (vendor_id) ORDER BY vendor_id
ON CONFLICT (installation_id, connection_id, object_type, vendor_id) DO UPDATE
SET wanted_at = excluded.wanted_at, attempts = least(wanted_read.attempts, 1), stumbles = 0, parked_at = NULL,
    failing_since = CASE WHEN wanted_read.parked_at IS NULL THEN wanted_read.failing_since END,
    not_before = '-infinity', due_at = '-infinity',
    lane = CASE WHEN excluded.lane = 'hot' THEN 'hot' ELSE wanted_read.lane END
"""

_LATER = """
INSERT INTO wanted_read (installation_id, connection_id, object_type, vendor_id, due_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (installation_id, connection_id, object_type, vendor_id) DO UPDATE
SET due_at = CASE WHEN wanted_read.due_at = '-infinity' THEN wanted_read.due_at ELSE excluded.due_at END
"""

_WANTED = f"""
SELECT object_type, vendor_id, wanted_at, attempts, stumbles, failing_since FROM wanted_read
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND lane = ANY(%(lanes)s)
  AND {WANTED}
ORDER BY wanted_at LIMIT %(limit)s
"""

_HELD = """
WITH held AS MATERIALIZED (
    SELECT vendor_id FROM wanted_read
    WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND vendor_id = ANY(%(ids)s)
    ORDER BY vendor_id FOR UPDATE
)
"""

_DONE = f"""{_HELD}
DELETE FROM wanted_read
USING held JOIN unnest(%(ids)s::text[], %(wanted_ats)s::timestamptz[]) AS done (vendor_id, wanted_at) USING (vendor_id)
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s
  AND wanted_read.vendor_id = done.vendor_id AND wanted_read.wanted_at <= done.wanted_at
"""

_POSTPONE = f"""{_HELD}
UPDATE wanted_read
SET attempts = attempts + 1, stumbles = stumbles + (wanted_read.vendor_id = ANY(%(stumbled)s))::int,
    failing_since = coalesce(failing_since, now()),
    parked_at = CASE WHEN wanted_read.vendor_id = ANY(%(parked)s) THEN now() END,
    not_before = now() + make_interval(secs => least(%(most)s, %(seconds)s * power(2, least(attempts, 20))))
FROM held WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s
  AND wanted_read.vendor_id = held.vendor_id
"""


def want(
    conn: Connection, installation_id: int, connection_id: int, object_type: str, ids: Collection[str], *, lane: str
) -> None:
    """Mark these records to be read."""
    if not ids:
        return
    values = {
        "installation_id": installation_id,
        "connection_id": connection_id,
        "object_type": object_type,
        "ids": sorted(ids),
        "lane": lane,
    }
    conn.execute(_WANT, values)


def later(
    conn: Connection, installation_id: int, connection_id: int, object_type: str, due: Mapping[str, datetime]
) -> None:
    """Mark these records to be read at these moments (business time); one that is wanted sooner stays so."""
    rows = [(installation_id, connection_id, object_type, vendor_id, at) for vendor_id, at in sorted(due.items())]
    conn.cursor().executemany(_LATER, rows)


def wanted(
    conn: Connection, connection_id: int, object_type: str, *, lanes: Sequence[str], limit: int, now: datetime
) -> list[Wanted]:
    """Records of this type to be read by `now` (business time), longest waiting first."""
    values = {
        "connection_id": connection_id,
        "object_type": object_type,
        "lanes": list(lanes),
        "limit": limit,
        "now": now,
    }
    return [Wanted(**row) for row in conn.execute(_WANTED, values)]


def failing(conn: Connection, connection_id: int, object_type: str, ids: Collection[str]) -> set[str]:
    """Those of these records whose read has failed, and that are read by themselves, or wait for a person."""
    query = (
        "SELECT vendor_id FROM wanted_read WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)"
        " AND attempts > 0"
    )
    return {row["vendor_id"] for row in conn.execute(query, [connection_id, object_type, list(ids)])} if ids else set()


def done(conn: Connection, connection_id: int, object_type: str, read: Mapping[str, datetime]) -> None:
    """These were read, as `wanted` gave them; what was asked for again meanwhile stays."""
    values = {
        "connection_id": connection_id,
        "object_type": object_type,
        "ids": list(read),
        "wanted_ats": list(read.values()),
    }
    conn.execute(_DONE, values)


def postpone(
    conn: Connection,
    connection_id: int,
    object_type: str,
    ids: Collection[str],
    *,
    seconds: float,
    most: float,
    stumbled: Collection[str] = (),
    parked: Collection[str] = (),
) -> None:
    """The vendor could not answer: not before so long, doubling with every time up to `most`. Those `parked` wait for a
    person, or for being marked again."""
    values = {
        "connection_id": connection_id,
        "object_type": object_type,
        "ids": sorted(ids),
        "seconds": seconds,
        "most": most,
        "stumbled": list(stumbled),
        "parked": list(parked),
    }
    conn.execute(_POSTPONE, values)


def forget(conn: Connection, connection_id: int, *, but: Collection[str]) -> None:
    """Marks of all other types are void: an earlier policy asked for them."""
    conn.execute(
        "DELETE FROM wanted_read WHERE connection_id = %s AND object_type <> ALL(%s)", [connection_id, sorted(but)]
    )

"""What is outstanding now: records to be read and leads to be written, by connection and lane. Nothing is claimed."""

from __future__ import annotations

from datetime import datetime

from connector.store.database import Connection

#: Conditions on `link`: its record may be read, its lead may be written. A record whose read is outstanding is not
#: written: what we are about to read may change what we want.
READABLE = "read_wanted_at IS NOT NULL AND read_claimed_until < now() AND read_not_before <= now()"
WRITABLE = """desired_revision > confirmed_revision AND parked_reason IS NULL AND not_before <= now()
  AND claimed_until < now() AND read_wanted_at IS NULL"""
#: Condition on `wanted_read`.
WANTED = "not_before <= now() AND due_at <= %(now)s"

_READS = f"""
SELECT EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND read_lane = %(lane)s AND {READABLE})
    OR EXISTS (SELECT FROM managed_record
               WHERE connection_id = %(connection_id)s AND read_wanted AND %(lane)s = 'hot')
    OR EXISTS (SELECT FROM wanted_read WHERE connection_id = %(connection_id)s AND lane = %(lane)s AND {WANTED})
    AS some
"""

_WRITES = f"""
SELECT EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND lane = %(lane)s AND {WRITABLE}) AS some
"""

_LATE = """
SELECT EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND read_lane = 'hot'
               AND read_wanted_at < clock_timestamp() - make_interval(secs => %(seconds)s)
               AND read_not_before <= now())
    OR EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND lane = 'hot'
               AND desired_revision > confirmed_revision AND parked_reason IS NULL AND not_before <= now()
               AND read_wanted_at IS NULL AND event_at < clock_timestamp() - make_interval(secs => %(seconds)s))
    AS some
"""

#: Who is being decided, waits for a read or after a failure, is nobody's to decide.
_UNDECIDED = """
SELECT EXISTS (SELECT FROM lead_due WHERE lane = 'hot' AND due_at < %(before)s AND parked_reason IS NULL
               AND claimed_until < now()) AS some
"""


def has_reads(conn: Connection, connection_id: int, lane: str, now: datetime) -> bool:
    """True when some record of this lane may be read now."""
    row = conn.execute(_READS, {"connection_id": connection_id, "lane": lane, "now": now}).fetchone()
    return bool(row and row["some"])


def has_writes(conn: Connection, connection_id: int, lane: str) -> bool:
    """True when something of this lane may be written now."""
    row = conn.execute(_WRITES, {"connection_id": connection_id, "lane": lane}).fetchone()
    return bool(row and row["some"])


def is_hot_late(conn: Connection, connection_id: int, seconds: float) -> bool:
    """True when somebody has waited for longer than this for what could be read or written.

    A write that waits for a read is not late by itself: the read may be the background's.
    """
    row = conn.execute(_LATE, {"connection_id": connection_id, "seconds": seconds}).fetchone()
    return bool(row and row["some"])


def is_decision_late(conn: Connection, before: datetime) -> bool:
    """True when a hot lead that could be decided has been due since before this moment (business time)."""
    row = conn.execute(_UNDECIDED, {"before": before}).fetchone()
    return bool(row and row["some"])

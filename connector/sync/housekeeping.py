"""Retention: what is kept only for a while goes on schedule, and the ledger's next months are made ready."""

from __future__ import annotations

from pathlib import Path

from connector.store import connections, erasing, history
from connector.store.clock import BusinessClock
from connector.store.database import Database
from connector.sync.erasures import agree

EVERY_SECONDS = 3600.0
EVENT_KEY_DAYS = 8
"""Beyond any vendor's retries: the same event delivered later than this would be taken again, and change nothing."""
BODY_HOURS = 72
"""A delivery's body is kept so long after its events are facts."""
PARKED_DAYS = 30
"""What nobody can read, or holds events that we do not understand, waits so long for a person, and then goes too."""
NOTICE_DAYS = 30
"""The text of a notice that was sent is kept so long; that it was sent, for ever."""

_FORGET_BODIES = """
DELETE FROM inbox
WHERE state = 'done' AND settled_at < now() - make_interval(hours => %s)
   OR state IN ('parked', 'unknown') AND settled_at < now() - make_interval(days => %s)
"""
_FORGET_NOTICES = """
UPDATE notice SET sealed = '' WHERE state = 'sent' AND created_at < %s - make_interval(days => %s) AND sealed <> ''
"""
_NEXT_MONTHS = "SELECT tasuki_ledger_partition(now() + make_interval(months => n)) FROM generate_series(0, 2) AS n"


def housekeeping_due(database: Database, installation_id: int) -> bool:
    """True once an hour."""
    with database.transaction(installation_id) as conn:
        return connections.cursor(conn, 0, connections.HOUSEKEEPING)[1]


def keep_house(database: Database, installation_id: int, *, tombstones: Path | None = None) -> None:
    """Forget what has had its time; doing it twice changes nothing. `tombstones` is the file beside the database."""
    with database.transaction(installation_id) as conn:
        history.forget_old(conn, event_days=EVENT_KEY_DAYS)
        conn.execute(_FORGET_BODIES, [BODY_HOURS, PARKED_DAYS])
        conn.execute(_FORGET_NOTICES, [BusinessClock.now(conn), NOTICE_DAYS])
        erasing.sweep(conn)
        conn.execute(_NEXT_MONTHS)
        kind = connections.HOUSEKEEPING
        connections.put_cursor(conn, installation_id, 0, kind=kind, position={}, again_seconds=EVERY_SECONDS)
    agree(database, installation_id, tombstones)

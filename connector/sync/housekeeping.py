"""Retention: what is kept only for a while goes on schedule, and the ledger's next months are made ready."""

from __future__ import annotations

from connector.store import connections, history
from connector.store.database import Database

EVERY_SECONDS = 3600.0
EVENT_KEY_DAYS = 8
"""Beyond any vendor's retries: the same event delivered later than this would be taken again, and change nothing."""
BODY_HOURS = 72
"""A delivery's body is kept so long after its events are facts; parked and unknown ones stay for a person."""

_KIND = "housekeeping"
_FORGET_BODIES = """
DELETE FROM inbox WHERE state = 'done' AND settled_at < now() - make_interval(hours => %s)
"""
_NEXT_MONTHS = "SELECT tasuki_ledger_partition(now() + make_interval(months => n)) FROM generate_series(0, 2) AS n"


def housekeeping_due(database: Database, installation_id: int) -> bool:
    """True once an hour."""
    with database.transaction(installation_id) as conn:
        return connections.cursor(conn, 0, _KIND)[1]


def keep_house(database: Database, installation_id: int) -> None:
    """Forget what has had its time; doing it twice changes nothing."""
    with database.transaction(installation_id) as conn:
        history.forget_old(conn, event_days=EVENT_KEY_DAYS)
        conn.execute(_FORGET_BODIES, [BODY_HOURS])
        conn.execute(_NEXT_MONTHS)
        connections.put_cursor(conn, installation_id, 0, kind=_KIND, position={}, again_seconds=EVERY_SECONDS)

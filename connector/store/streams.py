"""How the streams of changes do that connections follow: when each was heard last, how often it broke off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.store import connections, history
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database

KIND: Final = "changes"
"""The cursor of a stream among those of the connection."""

BEGUN, BROKEN, GAPS = "begun", "broken", "gaps"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """One stream. Ages are in seconds of business time; None: never, or not since its place was lost."""

    connection_id: int
    vendor: str
    account_id: str
    heard_seconds: float | None  #: That it says it lives, every few minutes, counts.
    event_seconds: float | None  #: Since it told of a change.
    counts: Mapping[str, int]  #: `BEGUN`, `BROKEN`, `GAPS`: how often.


_STREAMS = """
SELECT connection.id, vendor, account_id,
       extract(epoch FROM %(now)s - (position ->> 'heard_at')::timestamptz)::float8 AS heard_seconds,
       extract(epoch FROM %(now)s - (position ->> 'told_at')::timestamptz)::float8 AS event_seconds,
       (SELECT jsonb_object_agg(split_part(label, ':', 2), count) FROM tally
        WHERE name = 'stream' AND split_part(label, ':', 1) = connection.id::text) AS counts
FROM connection LEFT JOIN poll_cursor ON poll_cursor.connection_id = connection.id AND poll_cursor.kind = %(kind)s
ORDER BY connection.id
"""


def counted(conn: Connection, installation_id: int, connection_id: int, counts: Mapping[str, int]) -> None:
    """This happened to a connection's stream: `BEGUN`, `BROKEN` or `GAPS`, so often."""
    rows = {("stream", f"{connection_id}:{what}"): count for what, count in counts.items() if count}
    history.add_tallies(conn, installation_id, rows)


def health(conn: Connection) -> list[StreamHealth]:
    """The streams of this installation that were ever followed."""
    rows = conn.execute(_STREAMS, {"now": BusinessClock.now(conn), "kind": KIND}).fetchall()
    return [
        StreamHealth(
            connection_id=row["id"],
            vendor=row["vendor"],
            account_id=row["account_id"],
            heard_seconds=row["heard_seconds"],
            event_seconds=row["event_seconds"],
            counts=row["counts"] or {},
        )
        for row in rows
        if row["counts"] or row["heard_seconds"] is not None
    ]


def health_of_all(database: Database) -> list[StreamHealth]:
    """The streams of every installation."""
    found: list[StreamHealth] = []
    for installation_id in connections.installations(database):
        with database.transaction(installation_id) as conn:
            found += health(conn)
    return found

"""Leads at rest, as far as another version of their policy has to see them: a part of what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import tuple_row

from connector.store.database import Connection
from connector.store.rows import as_named
from connector.store.shown import Stretch

UNSETTLED = ("requests", "waiting", "holds", "settings", "stuck", "refused")
"""What of a state is there only while somebody has to answer, or a person's word stands against the rules."""

_READ = ("firsts", "assigned", "tasks", "clocks", "cadences")
"""What of the rest conditions may read beside the stage entry; most leads have none of it."""

# Table by table, each in the order of its index: a join looks up every lead by itself, and where the planner guesses
# badly (before the tables are analysed) it compares all with all. Added to nothing, a state is unpacked once, for all
# that is asked of it.
_WAITING = """
SELECT lead_id FROM lead_due
WHERE lead_id BETWEEN %(first)s AND %(last)s AND due_at > %(now)s AND claim IS NULL AND parked_reason IS NULL
"""
_RESTING = """
SELECT id, created_at, stage, entry ->> 'seq', entry ->> 'entered_at', entry ->> 'mover', entry ->> 'transition',
       entry ->> 'passed', entry ->> 'initial', its.state ->> 'published_at', its.state #>> '{employer,1}',
       CASE WHEN its.state ?| %(read)s::text[]
            THEN its.state - '{entry,edges,trail,basis,published,ratings}'::text[] END
FROM lead,
     LATERAL (SELECT state || '{}' AS state OFFSET 0) AS its,
     LATERAL (SELECT its.state -> 'entry' AS entry OFFSET 0) AS stands
WHERE id BETWEEN %(first)s AND %(last)s AND policy_hash = %(under)s AND gone IS NULL
  AND entry ->> 'stage' = stage AND entry ->> 'reason' IS NULL AND entry ->> 'came_back_at' IS NULL
  AND NOT its.state ?| %(unsettled)s::text[]
ORDER BY id
"""


class RestingRow(NamedTuple):
    """A lead that rests, as far as another version of its policy has to see it.

    Times of its state are written as they are stored. `job_since`: when it came to its present employer. `rest`, as
    JSON: what else of its state conditions may read, if anything.
    """

    id: int
    created_at: datetime
    stage: str
    seq: str
    entered_at: str
    mover: str
    transition: str | None
    passed: str
    initial: str
    published_at: str | None = None
    job_since: str | None = None
    rest: Mapping[str, Any] | None = None


def load(conn: Connection, leads: Stretch, *, under: str, now: datetime) -> list[RestingRow]:
    """Those of these leads that a policy version has decided and that are not due yet; that have no reason to be where
    they are, and with whom nothing is unsettled. In the order of their ids.
    """
    values = {**leads._asdict(), "under": under, "read": list(_READ), "unsettled": list(UNSETTLED)}
    with conn.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(_WAITING, {**leads._asdict(), "now": now}, prepare=True, binary=True)
        waiting = {lead_id for (lead_id,) in cursor}
    with conn.cursor(row_factory=as_named(RestingRow)) as named:
        rows = named.execute(_RESTING, values, prepare=True, binary=True).fetchall()
    return [row for row in rows if row.id in waiting]

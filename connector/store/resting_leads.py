"""Leads at rest, as far as another version of their policy has to see them: a part of what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import args_row

from connector.store.database import Connection

UNSETTLED = ("requests", "waiting", "holds", "settings", "stuck", "refused")
"""What of a state is there only while somebody has to answer, or a person's word stands against the rules."""

_READ = ("firsts", "assigned", "tasks", "clocks", "cadences")
"""What of the rest conditions may read beside the stage entry; most leads have none of it."""

# Each by its index: before its tables are analysed the planner guesses badly at such a join. Added to nothing, a state
# is unpacked once, for all that is asked of it.
_RESTING = """
WITH waiting AS MATERIALIZED (
    SELECT lead_id FROM lead_due
    WHERE lead_id = ANY(%(ids)s) AND due_at > %(now)s AND claim IS NULL AND parked_reason IS NULL
), written AS MATERIALIZED (
    SELECT lead_id, vendor_id FROM link
    WHERE lead_id = ANY(%(ids)s) AND connection_id = %(connection_id)s
      AND desired_revision <= confirmed_revision AND journal IS NULL AND parked_reason IS NULL
)
SELECT id, created_at, vendor_id, entry ->> 'seq', entry ->> 'stage', entry ->> 'entered_at', entry ->> 'mover',
       entry ->> 'transition', entry ->> 'passed', entry ->> 'initial', its.state ->> 'published_at',
       its.state #>> '{employer,1}',
       CASE WHEN its.state ?| %(read)s::text[]
            THEN its.state - '{entry,edges,trail,basis,published,ratings}'::text[] END
FROM lead JOIN waiting ON waiting.lead_id = id JOIN written ON written.lead_id = id,
     LATERAL (SELECT state || '{}' AS state OFFSET 0) AS its,
     LATERAL (SELECT its.state -> 'entry' AS entry OFFSET 0) AS stands
WHERE id = ANY(%(ids)s) AND policy_hash = %(under)s AND gone IS NULL
  AND jsonb_typeof(entry) = 'object' AND entry ->> 'reason' IS NULL AND entry ->> 'came_back_at' IS NULL
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
    vendor_id: str
    seq: str
    stage: str
    entered_at: str
    mover: str
    transition: str | None
    passed: str
    initial: str
    published_at: str | None = None
    job_since: str | None = None
    rest: Mapping[str, Any] | None = None


def load(conn: Connection, connection_id: int, ids: Sequence[int], *, under: str, now: datetime) -> list[RestingRow]:
    """Those of these leads that a policy version has decided, that are not due yet, and whose record shows it all;
    that have no reason to be where they are, and with whom nothing is unsettled.
    """
    values = {"connection_id": connection_id, "ids": list(ids), "under": under, "now": now}
    values |= {"read": list(_READ), "unsettled": list(UNSETTLED)}
    with conn.cursor(row_factory=args_row(RestingRow)) as cursor:
        return cursor.execute(_RESTING, values, binary=True).fetchall()

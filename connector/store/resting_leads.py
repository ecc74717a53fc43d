"""Leads at rest, as far as another version of their policy has to see them: a part of what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import args_row

from connector.store.database import Connection

UNSETTLED = ("requests", "waiting", "holds", "settings", "stuck", "refused")
"""What of a state is there only while somebody has to answer, or a person's word stands against the rules."""

# Each by its index: before its tables are analysed the planner guesses badly at such a join. A state is unpacked once.
_RESTING = f"""
WITH waiting AS MATERIALIZED (
    SELECT lead_id FROM lead_due
    WHERE lead_id = ANY(%(ids)s) AND due_at > %(now)s AND claim IS NULL AND parked_reason IS NULL
), written AS MATERIALIZED (
    SELECT lead_id, vendor_id FROM link
    WHERE lead_id = ANY(%(ids)s) AND connection_id = %(connection_id)s
      AND desired_revision <= confirmed_revision AND journal IS NULL AND parked_reason IS NULL
)
SELECT id, created_at, vendor_id, its.entry, its.published_at, (its.employer ->> 1)::timestamptz,
       its.firsts, its.assigned, its.tasks, its.clocks, its.cadences
FROM lead JOIN waiting ON waiting.lead_id = id JOIN written ON written.lead_id = id,
     jsonb_to_record(state) AS its (entry jsonb, published_at timestamptz, employer jsonb, firsts jsonb,
                                    assigned jsonb, tasks jsonb, clocks jsonb, cadences jsonb,
                                    {", ".join(f"{one} jsonb" for one in UNSETTLED)})
WHERE id = ANY(%(ids)s) AND policy_hash = %(under)s AND gone IS NULL
  AND jsonb_typeof(its.entry) = 'object' AND its.entry ->> 'reason' IS NULL AND its.entry ->> 'came_back_at' IS NULL
  AND {" AND ".join(f"its.{one} IS NULL" for one in UNSETTLED)}
ORDER BY id
"""


class RestingRow(NamedTuple):
    """A lead that rests, as far as another version of its policy has to see it: from its state, as JSON, what
    conditions may read. `job_since`: when it came to its present employer.
    """

    id: int
    created_at: datetime
    vendor_id: str
    entry: Mapping[str, Any]
    published_at: datetime | None = None
    job_since: datetime | None = None
    firsts: Mapping[str, Any] | None = None
    assigned: Mapping[str, Any] | None = None
    tasks: Sequence[Mapping[str, Any]] | None = None
    clocks: Mapping[str, Any] | None = None
    cadences: Mapping[str, Any] | None = None


def load(conn: Connection, connection_id: int, ids: Sequence[int], *, under: str, now: datetime) -> list[RestingRow]:
    """Those of these leads that a policy version has decided, that are not due yet, and whose record shows it all;
    that have no reason to be where they are, and with whom nothing is unsettled.
    """
    values = {"connection_id": connection_id, "ids": list(ids), "under": under, "now": now}
    with conn.cursor(row_factory=args_row(RestingRow)) as cursor:
        return cursor.execute(_RESTING, values, binary=True).fetchall()

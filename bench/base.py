"""A large base for benchmarks: leads as the product itself left them on the sandbox, copied many times over.

A copy is a lead of its own (ids, record, signals, tasks), in a company of its own: that has as many people as before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from connector.errors import RetryableError
from connector.store import leads
from connector.store.clock import BusinessClock
from connector.store.database import Database

_MARKED = 100
_AT_ONCE = 50_000
_NO_LIMIT = "SET LOCAL statement_timeout = 0"
STEP = 10_000_000
"""What a copy's ids stand apart from its original's."""

_COPIES = (
    """
INSERT INTO lead (installation_id, id, created_at, revision, stage, state, desired, desired_stage, scores,
                  policy_hash, generation, evaluated_at)
OVERRIDING SYSTEM VALUE
SELECT installation_id, id + n * %(step)s, created_at, revision, stage, state, desired, desired_stage, scores,
       policy_hash, generation, evaluated_at
FROM lead CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS n WHERE gone IS NULL AND id < %(step)s
""",
    """
INSERT INTO link (installation_id, lead_id, connection_id, vendor_id, lane, desired_revision, confirmed_revision)
SELECT installation_id, lead_id + n * %(step)s, connection_id, vendor_id || '-' || n, lane, desired_revision,
       confirmed_revision
FROM link CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS n WHERE lead_id < %(step)s
""",
    """
INSERT INTO lead_due (installation_id, lead_id, due_at, why, lane)
SELECT installation_id, lead_id + n * %(step)s, due_at, why, lane
FROM lead_due CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS n WHERE lead_id < %(step)s
""",
    """
INSERT INTO mirror (installation_id, connection_id, object_type, vendor_id, properties, meta, modified_at, read_at)
SELECT installation_id, connection_id, object_type, vendor_id || '-' || n,
       properties || CASE WHEN properties ->> 'associatedcompanyid' <> '' THEN
           jsonb_build_object('associatedcompanyid', properties ->> 'associatedcompanyid' || '-' || n) ELSE '{}' END,
       meta, modified_at, read_at
FROM mirror CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS n
WHERE object_type IN ('contact', 'company') AND vendor_id NOT LIKE '%%-%%'
""",
    """
INSERT INTO signal (installation_id, lead_id, kind, source, source_key, occurred_at, learnt_at, seen)
SELECT installation_id, lead_id + n * %(step)s, kind, source, source_key || '-' || n, occurred_at, learnt_at, seen
FROM signal CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS n WHERE lead_id < %(step)s
""",
    """
INSERT INTO managed_record (installation_id, key, lead_id, connection_id, kind, desired, desired_state, mirror,
                            vendor_id, step, reported, dirty)
SELECT installation_id, key || '-' || n, lead_id + n * %(step)s, connection_id, kind, desired, desired_state, mirror,
       vendor_id || '-' || n, step, reported, false
FROM managed_record CROSS JOIN generate_series(%(first)s::bigint, %(last)s::bigint) AS n WHERE lead_id < %(step)s
""",
)


_BEHAVIOUR = """
INSERT INTO signal (installation_id, lead_id, kind, source, source_key, occurred_at, learnt_at, seen)
SELECT installation_id, id, (%(kinds)s::text[])[1 + (id * 7 + n * 3) %% cardinality(%(kinds)s::text[])], 'bench',
       'bench-' || id || '-' || n, at, at, true
FROM lead,
     generate_series(1, (%(counts)s::int[])[1 + id %% cardinality(%(counts)s::int[])]) AS n,
     LATERAL (SELECT %(now)s - make_interval(hours => ((id * 31 + n * 271) %% 3600)::int + 20) AS at) AS past
WHERE gone IS NULL
"""


def behave(database: Database, installation_id: int, kinds: Sequence[str], counts: Sequence[int]) -> int:
    """Give the leads a past, as many signals to each as `counts` says in turn, and have them decided again."""
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
        given = conn.execute(_BEHAVIOUR, {"kinds": list(kinds), "counts": list(counts), "now": now}).rowcount
        ids = [int(row["id"]) for row in conn.execute("SELECT id FROM lead WHERE gone IS NULL ORDER BY id")]
    while ids:  # the worker is at work on them too: what it holds is tried again
        try:
            with database.transaction(installation_id) as conn:
                leads.mark_due(conn, installation_id, ids[:_MARKED], at=now, why="dirty", lane="background")
            ids = ids[_MARKED:]
        except RetryableError:
            time.sleep(0.5)
    return given


def rests(database: Database, installation_id: int) -> bool:
    """True when no lead is due."""
    with database.transaction(installation_id) as conn:
        return not leads.due_lanes(conn, BusinessClock.now(conn))


def multiply(database: Database, installation_id: int, wanted: int) -> int:
    """Copy the leads until there are about so many; returns how many there are."""
    with database.transaction(installation_id) as conn:
        there = _count(conn.execute("SELECT count(*) AS n FROM lead WHERE gone IS NULL").fetchone())
    copies, at_once = max(0, wanted // there - 1), max(1, _AT_ONCE // there)
    for first in range(1, copies + 1, at_once):
        with database.transaction(installation_id) as conn:
            conn.execute(_NO_LIMIT)
            for query in _COPIES:
                conn.execute(query, {"first": first, "last": min(first + at_once - 1, copies), "step": STEP})
    with database.autocommit() as conn:  # as a base that has stood for a while
        conn.execute(_NO_LIMIT.replace("LOCAL ", ""))
        conn.execute("VACUUM ANALYZE lead, lead_due, link, mirror, signal, managed_record")
    with database.transaction(installation_id) as conn:
        return _count(conn.execute("SELECT count(*) AS n FROM lead WHERE gone IS NULL").fetchone())


def _count(row: dict[str, int] | None) -> int:
    assert row is not None
    return int(row["n"])

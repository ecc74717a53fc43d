"""Who owns how much: counted from indexes, and exact while several workers give at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.effects import Grant
from connector.store import people
from connector.store.database import Database

NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)
LEADS, PEOPLE = 6_000, 60

_BASE = """
INSERT INTO lead (installation_id, created_at, stage, owner, evaluated_at, gone)
SELECT 1, %(now)s, CASE WHEN n %% 10 = 0 THEN 'mql' ELSE 'customer' END, 'p' || n %% %(people)s, %(now)s,
       CASE WHEN n %% 1000 = 0 THEN 'archived' END
FROM generate_series(1, %(leads)s) AS n
"""


@pytest.fixture
def base(database: Database) -> Database:
    """Sixty people with a hundred leads each, every tenth of them open."""
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        conn.execute(_BASE, {"now": NOW, "people": PEOPLE, "leads": LEADS})
    with database.autocommit() as conn:
        conn.execute("VACUUM ANALYZE lead")
    return database


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a query plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def test_a_load_is_counted_from_the_index_of_owners(base: Database) -> None:
    values = {"people": ["p0", "p10", "p3"], "open": ["mql", "sql"], "lately": NOW}
    with base.transaction(1) as conn:
        row = conn.execute(f"EXPLAIN (FORMAT JSON) {people.LOAD}", values).fetchone()
        assert row is not None
        (found,) = row["QUERY PLAN"] if isinstance(row["QUERY PLAN"], list) else json.loads(row["QUERY PLAN"])
        loads = people.loads(conn, ["p0", "p10", "p3"], stages=["mql", "sql"], now=NOW)
    used = list(nodes(found["Plan"]))
    assert "lead_owner" in {one.get("Index Name") for one in used}
    assert not any(one["Node Type"] == "Seq Scan" and one["Relation Name"] in ("lead", "mirror") for one in used)
    assert loads == {"p0": 98, "p10": 100}


def test_what_another_worker_gave_a_moment_ago_counts_until_its_lead_is_stored(base: Database) -> None:
    def load() -> int:
        with base.transaction(1) as conn:
            return people.loads(conn, ["p3"], stages=["mql"], now=NOW + timedelta(seconds=2)).get("p3", 0)

    assert load() == 0
    with base.transaction(1) as conn:
        grant = Grant(request="r", pool="sdr", owner_of="lead", person="p3", granted_at=NOW + timedelta(seconds=1))
        people.keep_grants(conn, 1, [people.Given(lead_id=4, grant=grant, asked_pool="sdr", why="turn", skipped={})])
    assert load() == 1
    with base.transaction(1) as conn:
        conn.execute("UPDATE lead SET owner = 'p3', stage = 'mql', evaluated_at = %s WHERE id = 4", [grant.granted_at])
    assert load() == 1, "and not twice"

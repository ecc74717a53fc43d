"""A base with nothing due costs one index look-up a look: what a tick asks does not grow with the leads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from connector.store import leads, walking
from connector.store.database import Connection, Database

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
INSTALLATION, GENERATION, LEADS = 1, 3, 30_000
LOOK_UP = 8
"""Pages that the descent of an index touches, with room for its meta page and a row or two."""


@pytest.fixture(autouse=True)
def _quiet_base(database: Database, database_dsn: str) -> None:
    """Every lead is decided under the present policy, and is looked at again some time later."""
    with database.transaction(INSTALLATION) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        conn.execute(
            "INSERT INTO lead (installation_id, created_at, generation) SELECT 1, %s, %s FROM generate_series(1, %s)",
            [NOW, GENERATION, LEADS],
        )
        conn.execute(
            "INSERT INTO lead_due (installation_id, lead_id, due_at, why)"
            " SELECT 1, id, %s + id * interval '1 minute', 'window' FROM lead",
            [NOW],
        )
    with psycopg.connect(database_dsn, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE lead, lead_due")


class Asked:
    """A connection that remembers what was asked of it."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.statements: list[tuple[Any, Any]] = []

    def execute(self, query: Any, values: Any = None) -> Any:
        self.statements.append((query, values))
        return self._conn.execute(query, values)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _cost(conn: Connection, statement: tuple[Any, Any]) -> tuple[int, set[str]]:
    """Pages touched, and how tables were looked through."""
    query, values = statement
    row = conn.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", values).fetchone()
    assert row is not None
    plan = row["QUERY PLAN"][0]["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return pages, {node["Node Type"] for node in _nodes(plan) if "Scan" in node["Node Type"]}


def test_whether_anything_is_due_is_one_look_up_in_an_index(database: Database) -> None:
    with database.transaction(INSTALLATION) as conn:
        asked = Asked(conn)
        assert leads.due_lanes(asked, NOW) == []  # type: ignore[arg-type]
        (statement,) = asked.statements
        pages, scans = _cost(conn, statement)
    assert scans <= {"Index Scan", "Index Only Scan", "Values Scan"}
    assert pages <= LOOK_UP


def test_that_all_have_caught_up_with_the_policy_is_one_look_up_too(database: Database) -> None:
    with database.transaction(INSTALLATION) as conn:
        asked = Asked(conn)
        assert not walking.are_left_behind(asked, generation=GENERATION, now=NOW)  # type: ignore[arg-type]
        (statement,) = asked.statements
        pages, scans = _cost(conn, statement)
    assert "Seq Scan" not in scans
    assert pages <= LOOK_UP


def test_what_becomes_due_is_seen_at_its_moment(database: Database) -> None:
    with database.transaction(INSTALLATION) as conn:
        first = conn.execute("SELECT min(due_at) AS at FROM lead_due").fetchone()
        assert first is not None
        assert leads.due_lanes(conn, first["at"] - timedelta(microseconds=1)) == []
        assert leads.due_lanes(conn, first["at"]) == ["background"]

"""What is outstanding is exactly what can be claimed, and who waits is told by what waits for them alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.store import leads, links, outstanding
from connector.store.database import Connection, Database

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
CONNECTION = 7

LINKS = {
    "to read": "read_wanted_at = now() - interval '2 s'",
    "to read, in the background": "read_wanted_at = now() - interval '2 s', read_lane = 'background'",
    "being read": "read_wanted_at = now(), read_claimed_until = now() + interval '1 minute'",
    "to read later": "read_wanted_at = now(), read_not_before = now() + interval '1 minute'",
    "its read parked": "read_wanted_at = now() - interval '2 s', read_parked_at = now(), desired_revision = 2",
    "to write": "desired_revision = 2, event_at = now() - interval '2 s'",
    "to write, in the background": "desired_revision = 2, lane = 'background', event_at = now() - interval '2 s'",
    "being written": "desired_revision = 2, claimed_until = now() + interval '1 minute'",
    "to write later": (
        "desired_revision = 2, not_before = now() + interval '1 minute', event_at = now() - interval '2 s'"
    ),
    "parked": "desired_revision = 2, parked_reason = 'rejected', event_at = now() - interval '2 s'",
    "to write once it is read in the background": (
        "desired_revision = 2, event_at = now() - interval '2 s', read_wanted_at = now(), read_lane = 'background'"
    ),
    "at rest": "confirmed_revision = desired_revision",
}


def _one(conn: Connection, state: str) -> None:
    conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
    conn.execute(
        "INSERT INTO link (installation_id, lead_id, connection_id, vendor_id, read_lane, lane)"
        " VALUES (1, 1, %s, '1', 'hot', 'hot')",
        [CONNECTION],
    )
    conn.execute(f"UPDATE link SET {LINKS[state]}")


@pytest.mark.parametrize("state", LINKS)
def test_what_is_found_can_be_claimed_and_what_can_be_claimed_is_found(database: Database, state: str) -> None:
    with database.transaction(1) as conn:
        _one(conn, state)
        asked = [(task, lane) for task in ("read", "deliver") for lane in ("hot", "background")]
        found = {(lane, task) for task, lane in outstanding.some(conn, CONNECTION, asked, NOW)}
        claimed = set()
        for lane in ("hot", "background"):
            if links.claim_reads(conn, CONNECTION, lane=lane, limit=10, lease_seconds=60.0)[1]:
                claimed.add((lane, "read"))
            if links.claim_writes(conn, CONNECTION, lane=lane, limit=10, lease_seconds=60.0)[1]:
                claimed.add((lane, "deliver"))
    assert found == claimed


@pytest.mark.parametrize("state", LINKS)
def test_the_hot_lane_is_late_where_somebody_waits_for_what_could_be_done(database: Database, state: str) -> None:
    with database.transaction(1) as conn:
        _one(conn, state)
        assert outstanding.is_hot_late(conn, CONNECTION, 1.0) is (state in ("to read", "to write"))
        assert not outstanding.is_hot_late(conn, CONNECTION, 60.0)
        assert not outstanding.is_hot_late(conn, CONNECTION + 1, 1.0)


UNDECIDED = {
    "due": "lane = 'hot'",
    "in the background": "lane = 'background'",
    "due later": "due_at = due_at + interval '1 minute'",
    "being decided": "claimed_until = now() + interval '1 minute'",
    "waits for a read": "claimed_until = 'infinity'",
    "parked": "parked_reason = 'evaluation_failed'",
}


@pytest.mark.parametrize("state", UNDECIDED)
def test_a_decision_is_late_where_a_hot_lead_could_be_decided(database: Database, state: str) -> None:
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        leads.mark_due(conn, 1, [1], at=NOW, why="dirty", lane="hot")
        conn.execute(f"UPDATE lead_due SET {UNDECIDED[state]}")
        assert outstanding.is_decision_late(conn, NOW + timedelta(seconds=1)) is (state == "due")
        assert not outstanding.is_decision_late(conn, NOW)

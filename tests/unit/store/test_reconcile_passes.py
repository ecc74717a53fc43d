"""A pass that is to look again: from an earlier moment, at once, and after the one that is under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connector.store import connections, reconcile_passes
from connector.store.database import Database
from connector.store.reconcile_passes import Pass, Scope, Step

BEGAN = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def test_looking_again_moves_changes_back_and_asks_for_everything_only_when_told(database: Database) -> None:
    installation_id = connections.ensure_installation(database, "one")
    with database.transaction(installation_id) as conn:
        there = connections.ensure(
            conn, installation_id, vendor="salesforce", account_id="00D", base_url="https://x", settings={}
        )
        row = conn.execute("SELECT now() AS now").fetchone()  # of this transaction
        assert row is not None
        now = row["now"]
        later = now + timedelta(hours=1)
        done = Pass(
            object_type="Lead",
            scope=Scope.CHANGES,
            since=BEGAN - timedelta(hours=1),
            until=BEGAN,
            step=Step.DONE,
            started_at=now,
            ended_at=now,
            due_at=later,
        )
        under_way = replace(done, object_type="Contact", step=Step.LIVE, ended_at=None)
        every = replace(done, scope=Scope.EVERYTHING)
        for one in (done, under_way, every, replace(done, object_type="Account")):
            reconcile_passes.begin(conn, installation_id, there, one)

        early, late = BEGAN - timedelta(days=3), BEGAN + timedelta(days=3)
        reconcile_passes.look_again(conn, there, "Lead", since=early, everything=False)
        reconcile_passes.look_again(conn, there, "Contact", since=late, everything=True)
        found = reconcile_passes.listed(conn, there)
        assert found["Lead", Scope.CHANGES] == replace(done, until=early, due_at=now)
        assert found["Lead", Scope.EVERYTHING] == every
        assert found["Contact", Scope.CHANGES] == replace(under_way, due_at=now), "never later than it would have begun"
        assert found["Account", Scope.CHANGES] == replace(done, object_type="Account")

        # The pass under way ends; what it was told meanwhile stands: it is due again.
        ended = replace(found["Contact", Scope.CHANGES], step=Step.DONE, pages=1, ended_at=now)
        assert reconcile_passes.move(conn, there, found["Contact", Scope.CHANGES], ended)
        assert reconcile_passes.listed(conn, there)["Contact", Scope.CHANGES].due_at == now
        reconcile_passes.look_again(conn, there, "Lead", since=late, everything=True)
        assert reconcile_passes.listed(conn, there)["Lead", Scope.EVERYTHING] == replace(every, due_at=now)

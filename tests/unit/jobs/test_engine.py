"""Deferring: once, inside the caller's transaction, never aborting it, never losing a wake-up."""

from __future__ import annotations

import threading

import psycopg
import pytest

from connector.jobs.engine import defer_once
from connector.store.database import Connection, Database

FETCH = "SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)"


def _waiting(database: Database) -> list[int]:
    with database.autocommit() as conn:
        rows = conn.execute("SELECT id FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id").fetchall()
    return [row["id"] for row in rows]


def _worker(conn: Connection) -> int:
    row = conn.execute("SELECT worker_id AS id FROM procrastinate_register_worker_v1()").fetchone()
    assert row is not None
    return int(row["id"])


def _fetch(database: Database) -> int | None:
    with database.autocommit() as conn:
        row = conn.execute(FETCH, [_worker(conn)]).fetchone()
    assert row is not None
    found: int | None = row["id"]
    return found


def test_second_deferral_is_the_first_job_and_leaves_the_transaction_whole(database: Database) -> None:
    with database.transaction(None) as conn:
        first = defer_once(conn, "look", lock="a", queueing_lock="a")
        second = defer_once(conn, "look", lock="a", queueing_lock="a")
        conn.execute("CREATE TABLE survives (id int)")
    assert first == second
    assert _waiting(database) == [first]
    with database.autocommit() as conn:
        assert conn.execute("SELECT * FROM survives").fetchall() == []


def test_deferral_is_undone_with_its_transaction(database: Database) -> None:
    with pytest.raises(LookupError), database.transaction(None) as conn:  # noqa: PT012
        defer_once(conn, "look", lock="a", queueing_lock="a")
        raise LookupError
    assert _waiting(database) == []


def test_running_job_does_not_stand_for_a_new_one(database: Database) -> None:
    with database.transaction(None) as conn:
        first = defer_once(conn, "look", lock="a", queueing_lock="a")
    assert _fetch(database) == first
    with database.transaction(None) as conn:
        second = defer_once(conn, "look", lock="a", queueing_lock="a")
    assert second != first
    assert _fetch(database) is None, "the lock is taken"


def test_waiting_job_does_not_start_before_the_transaction_that_counts_on_it(database: Database) -> None:
    """It would look before the commit, see nothing and end; what was committed would wait for the poll."""
    with database.transaction(None) as conn:
        job = defer_once(conn, "look", lock="a", queueing_lock="a")
    with database.transaction(None) as conn:
        assert defer_once(conn, "look", lock="a", queueing_lock="a") == job
        assert _fetch(database) is None
    assert _fetch(database) == job


@pytest.mark.fault("F25")
def test_two_hundred_callers_at_once_leave_one_job(database_dsn: str) -> None:
    """Not even those that find it fetched in between fail."""
    errors: list[Exception] = []
    with Database.open(database_dsn, max_size=10) as database:

        def call() -> None:
            try:
                for _ in range(20):
                    with database.transaction(None) as conn:
                        defer_once(conn, "look", lock=None, queueing_lock="a")
            except (psycopg.Error, RuntimeError) as error:
                errors.append(error)

        threads = [threading.Thread(target=call) for _ in range(10)]
        for thread in threads:
            thread.start()
        fetched = 0
        while any(thread.is_alive() for thread in threads):
            fetched += _fetch(database) is not None
        assert errors == []
        assert len(_waiting(database)) <= 1
        assert fetched + len(_waiting(database)) >= 1


def test_no_queueing_lock_means_every_call_is_a_job(database: Database) -> None:
    with database.transaction(None) as conn:
        first = defer_once(conn, "look", lock=None, queueing_lock=None)
        second = defer_once(conn, "look", lock=None, queueing_lock=None)
    assert _waiting(database) == [first, second]


def test_fetching_asks_the_index_for_the_lock(database: Database) -> None:
    with database.transaction(None) as conn:
        conn.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock)"
            " SELECT 'default', 'look', 'lock ' || n FROM generate_series(1, 5000) n"
        )
    with database.autocommit() as conn:
        conn.execute("ANALYZE procrastinate_jobs")
        plan = conn.execute(
            "EXPLAIN SELECT 1 FROM procrastinate_jobs WHERE lock = 'lock 7' AND status IN ('todo', 'doing')"
        ).fetchall()
    assert any("tasuki_jobs_lock_idx" in row["QUERY PLAN"] for row in plan)

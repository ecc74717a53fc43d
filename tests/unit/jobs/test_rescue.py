"""Lost jobs: what is taken from whom, and what is not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connector.jobs.engine import defer_once
from connector.jobs.rescue import Rescuer, Roster, hand_back, rescue_stalled, sweep
from connector.store.database import Database

STALE_SECONDS = 0.5


@pytest.fixture(autouse=True)
def _server_has_been_up_for_a_while(database: Database) -> None:
    """Just after its start nobody is judged; the shared server may be younger than that."""
    with database.autocommit() as conn:
        conn.execute(
            "SELECT pg_sleep(greatest(0, %s - extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())))",
            [STALE_SECONDS + 0.1],
        )


def _defer(database: Database, key: str = "a") -> int:
    with database.transaction(None) as conn:
        return defer_once(conn, "look", lock=key, queueing_lock=key)


def _fetch(database: Database, *, silent: bool) -> tuple[int, int]:
    """A worker takes a job; silent: it has not been heard of for an hour. Returns worker and job."""
    with database.autocommit() as conn:
        worker = conn.execute("SELECT worker_id AS id FROM procrastinate_register_worker_v1()").fetchone()
        assert worker is not None
        job = conn.execute("SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)", [worker["id"]]).fetchone()
        assert job is not None
        if silent:
            conn.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    return worker["id"], job["id"]


def _jobs(database: Database) -> dict[int, str]:
    with database.autocommit() as conn:
        return {row["id"]: row["status"] for row in conn.execute("SELECT id, status FROM procrastinate_jobs")}


def test_stalled_job_is_failed_and_deferred_anew(database: Database) -> None:
    job = _defer(database)
    _fetch(database, silent=True)
    (rescued,) = rescue_stalled(database, STALE_SECONDS)
    assert (rescued.job_id, rescued.task, rescued.deaths) == (job, "look", 1)
    assert _jobs(database) == {job: "failed", rescued.new_job_id: "todo"}


def test_stalled_job_with_a_waiter_frees_the_lock_for_it(database: Database) -> None:
    """procrastinate's retry would violate the queueing lock here and leave the lock taken for ever."""
    job = _defer(database)
    _fetch(database, silent=True)
    waiter = _defer(database)
    (rescued,) = rescue_stalled(database, STALE_SECONDS)
    assert rescued.new_job_id == waiter
    assert _jobs(database) == {job: "failed", waiter: "todo"}
    assert _fetch(database, silent=False)[1] == waiter


@pytest.mark.fault("T5")
def test_living_worker_keeps_its_job(database: Database) -> None:
    job = _defer(database)
    _fetch(database, silent=False)
    with database.autocommit() as conn:  # however long we take to look: it was heard of a moment ago
        conn.execute("UPDATE procrastinate_workers SET last_heartbeat = now() + interval '1 hour'")
    assert rescue_stalled(database, STALE_SECONDS) == []
    assert _jobs(database) == {job: "doing"}


def test_job_of_a_worker_that_signed_off_is_rescued_at_once(database: Database) -> None:
    _defer(database)
    worker, job = _fetch(database, silent=False)
    with database.autocommit() as conn:
        conn.execute("SELECT procrastinate_unregister_worker_v1(%s)", [worker])
    assert [rescued.job_id for rescued in rescue_stalled(database, 3600)] == [job]


def test_many_rescuers_restart_each_job_once(database_dsn: str) -> None:
    with Database.open(database_dsn, max_size=8) as database:
        for number in range(40):
            _defer(database, f"lock {number}")
            _fetch(database, silent=True)
        rescued: list[int] = []
        barrier = threading.Barrier(8)

        def rescue() -> None:
            barrier.wait()
            rescued.extend(job.job_id for job in rescue_stalled(database, STALE_SECONDS))

        threads = [threading.Thread(target=rescue) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(rescued) == len(set(rescued)) == 40
        assert sorted(_jobs(database).values()) == ["failed"] * 40 + ["todo"] * 40


@pytest.mark.fault("F21")
def test_job_that_kills_every_worker_rests_from_the_third_death_on(database: Database) -> None:
    _defer(database)
    for death in (1, 2, 3):
        _fetch(database, silent=True)
        (rescued,) = rescue_stalled(database, STALE_SECONDS)
        assert rescued.deaths == death
    with database.autocommit() as conn:
        row = conn.execute(
            "SELECT scheduled_at > now() + interval '10 s' AS rests FROM procrastinate_jobs WHERE id = %s",
            [rescued.new_job_id],
        ).fetchone()
    assert row == {"rests": True}
    other = _defer(database, "another lock")
    assert _fetch(database, silent=False)[1] == other


def test_worker_that_ended_hands_everything_back(database: Database) -> None:
    _defer(database)
    worker, job = _fetch(database, silent=False)
    assert hand_back(database, worker) == 1
    assert sorted(_jobs(database).values()) == ["failed", "todo"]
    with database.autocommit() as conn:
        assert conn.execute("SELECT id FROM procrastinate_workers").fetchall() == []
        row = conn.execute("SELECT attempts FROM procrastinate_jobs WHERE id = %s", [job]).fetchone()
    assert row == {"attempts": 0}, "an orderly end is not a death"


def test_job_that_its_living_worker_does_not_know_is_handed_back_at_the_second_look(database: Database) -> None:
    _defer(database)
    worker, job = _fetch(database, silent=False)
    roster = Roster()
    roster.enlist(worker)
    rescuer = Rescuer(database, roster, stale_seconds=60, interval_seconds=60)
    rescuer.look()
    assert _jobs(database) == {job: "doing"}, "it may just have been fetched"
    rescuer.look()
    assert _jobs(database)[job] == "failed"


def test_job_that_is_worked_on_is_not_handed_back(database: Database) -> None:
    _defer(database)
    worker, job = _fetch(database, silent=False)
    roster = Roster()
    roster.enlist(worker)
    roster.begin(job)
    rescuer = Rescuer(database, roster, stale_seconds=60, interval_seconds=60)
    for _ in range(3):
        rescuer.look()
    assert _jobs(database) == {job: "doing"}


def test_rescuer_that_was_frozen_itself_lets_the_others_speak_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _defer(database)
    start = datetime(2026, 4, 1, tzinfo=UTC)
    # it looks every 0.1 s; after the second look it cannot for 0.5 s: frozen, or the database was away
    clock = iter(start + timedelta(seconds=seconds) for seconds in (0, 0.1, 0.6, 0.7, 0.8, 0.9, 1.0, 1.05, 1.11))
    rescuer = Rescuer(database, Roster(), stale_seconds=STALE_SECONDS, interval_seconds=0.1)
    monkeypatch.setattr(rescuer, "_database_time", lambda: next(clock))
    assert rescuer.look() == rescuer.look() == []
    _fetch(database, silent=True)
    assert [len(rescuer.look()) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 1]


def test_sweep_keeps_the_newest_failure_of_each_lock(database: Database) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(_defer(database))
        _fetch(database, silent=False)
        with database.autocommit() as conn:
            conn.execute("SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [jobs[-1]])
    waiting = _defer(database)
    sweep(database)
    assert _jobs(database) == {jobs[-1]: "failed", waiting: "todo"}

"""A worker in this process: threads, failures, and the ways to stop it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from connector.errors import RetryableError
from connector.jobs.engine import JobTask, defer_once
from connector.jobs.worker import WorkerSettings, run_worker
from connector.store.database import Database

Work = Callable[..., "Running"]


class Running:
    """A worker in a thread of this process."""

    def __init__(self, dsn: str, tasks: dict[str, Callable[..., None]], settings: WorkerSettings | None) -> None:
        made = [JobTask(name=name, run=run) for name, run in tasks.items()]
        self._stop = threading.Event()
        named = {"settings": settings, "stop": self._stop}
        self._thread = threading.Thread(target=run_worker, args=[dsn, made], kwargs=named)
        self._thread.start()

    def end(self) -> None:
        """Stop it and wait for its end."""
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def work(database: Database) -> Iterator[Work]:
    """Start workers; they end with the test."""
    started: list[Running] = []

    def start(tasks: dict[str, Callable[..., None]], settings: WorkerSettings | None = None) -> Running:
        started.append(Running(database.dsn, tasks, settings))
        return started[-1]

    yield start
    for running in started:
        running.end()


def _defer(database: Database, task: str, lock: str | None = None, priority: int = 0, **args: int) -> int:
    with database.transaction(None) as conn:
        return defer_once(conn, task, lock=lock, queueing_lock=None, priority=priority, args=args)


def _statuses(database: Database) -> list[str]:
    with database.autocommit() as conn:
        rows = conn.execute("SELECT status::text AS status FROM procrastinate_jobs ORDER BY id").fetchall()
    return [row["status"] for row in rows]


def test_as_many_jobs_run_at_once_as_were_asked_for(database: Database, work: Work) -> None:
    """asyncio's own pool has a thread or so a core: twelve jobs would never meet."""
    barrier = threading.Barrier(12)
    met = threading.Event()

    def meet() -> None:
        barrier.wait(20)
        met.set()

    for _ in range(12):
        _defer(database, "meet")
    worker = work({"meet": meet}, WorkerSettings(concurrency=12))
    assert met.wait(20)
    worker.end()
    assert _statuses(database) == [], "finished jobs are deleted"


def test_failures_end_the_job_and_not_the_worker(
    database: Database, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()

    def postpone() -> None:
        raise RetryableError("later", reason="database_away")

    def fail() -> None:
        raise LookupError("kana@example.jp is not there")

    for name in ("postpone", "fail", "go"):
        _defer(database, name, lock="lane")
    with caplog.at_level(logging.INFO):
        worker = work({"postpone": postpone, "fail": fail, "go": done.set})
        assert done.wait(20), "a failed job lets go of its lock"
        worker.end()
    assert _statuses(database) == ["failed"], "a postponed one leaves nothing: its rows are still due"
    assert not [record for record in caplog.records if record.name.startswith("procrastinate")]


def test_jobs_of_one_lock_run_one_after_another_by_priority(database: Database, work: Work) -> None:
    order: list[int] = []
    running = threading.Lock()
    done = threading.Event()

    def note(key: int) -> None:
        assert running.acquire(blocking=False), "two of one lock run at once"
        order.append(key)
        time.sleep(0.01)
        running.release()
        if len(order) == 6:
            done.set()

    for key in range(6):
        _defer(database, "note", lock="lane", priority=key % 2, key=key)
    worker = work({"note": note})
    assert done.wait(20)
    worker.end()
    assert order == [1, 3, 5, 0, 2, 4]


def test_worker_takes_only_its_queues(database: Database, work: Work) -> None:
    done = threading.Event()
    with database.transaction(None) as conn:
        defer_once(conn, "go", lock=None, queueing_lock=None, queue="elsewhere")
        defer_once(conn, "go", lock=None, queueing_lock=None, queue="here")
    worker = work({"go": done.set}, WorkerSettings(queues=("here",)))
    assert done.wait(20)
    worker.end()
    assert _statuses(database) == ["todo"]


def test_a_listener_lives_as_long_as_its_worker(database: Database) -> None:
    listened, ended, stop = threading.Event(), threading.Event(), threading.Event()

    def listen(until: threading.Event) -> None:
        listened.set()
        until.wait(20)
        ended.set()

    worker = threading.Thread(target=run_worker, args=[database.dsn, []], kwargs={"listen": listen, "stop": stop})
    worker.start()
    assert listened.wait(20)
    stop.set()
    worker.join(20)
    assert (worker.is_alive(), ended.is_set()) == (False, True)


def test_stopped_worker_signs_off(database: Database, work: Work) -> None:
    up = threading.Event()
    _defer(database, "go")
    worker = work({"go": up.set})
    assert up.wait(20)
    worker.end()
    with database.autocommit() as conn:
        assert conn.execute("SELECT id FROM procrastinate_workers").fetchall() == []

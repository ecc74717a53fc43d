"""Worker processes that a test may start, freeze and kill."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from connector.errors import RetryableError
from connector.jobs.engine import defer_once
from connector.store.database import Database
from tests.faults.children import context
from tests.faults.jobs import worker_process
from tests.patience import until

#: Seconds, small, so that the tests are quick: the proportions are the product's.
QUICK = {"heartbeat_seconds": 0.5, "stale_seconds": 2.0, "rescue_seconds": 0.3, "grace_seconds": 1.0}


class Worker:
    """A worker's process, forked from one that has everything loaded: a thousand starts are no matter of hours."""

    def __init__(self, dsn: str, given: dict[str, float]) -> None:
        self._process = context.Process(target=worker_process.main, args=(dsn, given))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()

    def wait(self, seconds: float = 20.0) -> int | None:
        """Its exit code once it has ended; an error when it does not."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "it did not end in time"
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit code, None while it lives."""
        return self._process.exitcode


class Bench:
    """The tables that the worker script uses, its processes, and ways to wait for what they do."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.database = Database.open(dsn, max_size=4)
        self.processes: list[Worker] = []
        with self.database.autocommit() as conn:
            conn.execute("CREATE TABLE did (what text, key int, pid int, at timestamptz DEFAULT clock_timestamp())")
            conn.execute("CREATE TABLE hold (key int)")
            conn.execute("CREATE TABLE due (key int)")

    def start_worker(self, dsn: str | None = None, **settings: float) -> Worker:
        """Start one worker process."""
        process = Worker(dsn or self.dsn, QUICK | settings)
        self.processes.append(process)
        return process

    def defer(self, task: str, key: int, *, lock: str | None = None) -> int:
        """Defer a job of the script's; of those with a lock one of each kind waits."""
        waits = lock and f"{task} {lock}"
        with self.database.transaction(None) as conn:
            return defer_once(conn, task, lock=lock, queueing_lock=waits, args={"key": key})

    def add(self, table: str, key: int) -> None:
        """A row of `hold` or `due`."""
        with self.database.autocommit() as conn:
            conn.execute(f"INSERT INTO {table} VALUES (%s)", [key])

    def let_go(self, key: int) -> None:
        """End the `hold` job of this key."""
        with self.database.autocommit() as conn:
            conn.execute("DELETE FROM hold WHERE key = %s", [key])

    def did(self, what: str, key: int | None = None) -> list[int]:
        """The process ids of those that did it, in order."""
        with self.database.autocommit() as conn:
            rows = conn.execute(
                "SELECT pid FROM did WHERE what = %s AND (%s::int IS NULL OR key = %s) ORDER BY at", [what, key, key]
            ).fetchall()
        return [row["pid"] for row in rows]

    def statuses(self) -> list[str]:
        """The states of all jobs, sorted."""
        with self.database.autocommit() as conn:
            rows = conn.execute("SELECT status::text FROM procrastinate_jobs ORDER BY 1").fetchall()
        return [row["status"] for row in rows]

    def who(self, what: str, keys: Sequence[int]) -> dict[int, list[int]]:
        """The process ids of those that did it to each of these keys, in order, in one question."""
        found: dict[int, list[int]] = {key: [] for key in keys}
        query = "SELECT key, pid FROM did WHERE what = %s AND key = ANY(%s) ORDER BY at"
        with self.database.autocommit() as conn:
            for row in conn.execute(query, [what, list(keys)]):
                found[row["key"]].append(row["pid"])
        return found

    def busy(self) -> bool:
        """Whether any job is left; asked often, this costs less than all their states."""
        with self.database.autocommit() as conn:
            return conn.execute("SELECT 1 FROM procrastinate_jobs LIMIT 1").fetchone() is not None

    def close(self) -> None:
        """End every process."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.database.close()


await_ = partial(until, but=(RetryableError,))
"""A database that is away is no answer."""


@pytest.fixture
def bench(database_dsn: str) -> Iterator[Bench]:
    """A bench on a fresh database."""
    made = Bench(database_dsn)
    yield made
    made.close()

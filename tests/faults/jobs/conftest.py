"""Worker processes that a test may start, freeze and kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.errors import RetryableError
from connector.jobs.engine import defer_once
from connector.store.database import Database

SCRIPT = Path(__file__).with_name("worker_process.py")
#: Seconds, small, so that the tests are quick: the proportions are the product's.
QUICK = {"heartbeat_seconds": 0.5, "stale_seconds": 2.0, "rescue_seconds": 0.3, "grace_seconds": 1.0}


class Bench:
    """The tables that the worker script uses, its processes, and ways to wait for what they do."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.database = Database.open(dsn, max_size=4)
        self.processes: list[subprocess.Popen[bytes]] = []
        with self.database.autocommit() as conn:
            conn.execute("CREATE TABLE did (what text, key int, pid int, at timestamptz DEFAULT clock_timestamp())")
            conn.execute("CREATE TABLE hold (key int)")
            conn.execute("CREATE TABLE due (key int)")

    def start_worker(self, dsn: str | None = None, **settings: float) -> subprocess.Popen[bytes]:
        """Start one worker process."""
        command = [sys.executable, str(SCRIPT), dsn or self.dsn, json.dumps(QUICK | settings)]
        root = str(Path(__file__).parents[3])
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": root})
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

    def seconds_between(self, first: tuple[str, int], second: tuple[str, int]) -> float:
        """How long after `first` (what, key) `second` happened, by the database's clock."""
        query = "SELECT min(at) FROM did WHERE what = %s AND key = %s"
        with self.database.autocommit() as conn:
            row = conn.execute(f"SELECT extract(epoch FROM ({query}) - ({query})) AS s", [*second, *first]).fetchone()
        assert row is not None
        return float(row["s"])

    def close(self) -> None:
        """End every process."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.database.close()


def await_(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until `condition` holds; a database that is away is no answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except RetryableError:
            pass
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def bench(database_dsn: str) -> Iterator[Bench]:
    """A bench on a fresh database."""
    made = Bench(database_dsn)
    yield made
    made.close()

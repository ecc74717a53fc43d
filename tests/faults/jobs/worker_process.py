"""A worker process for the fault tests; `main` is what it does.

Its tasks write what they did to the table `did` of the test's database.
"""

from __future__ import annotations

import os
import threading

from connector.jobs.engine import JobTask, defer_once
from connector.jobs.worker import WorkerSettings, run_worker
from connector.store.database import Database


def main(dsn: str, given: dict[str, float]) -> None:
    """Work until told to stop."""
    settings = WorkerSettings(**given)
    stop = threading.Event()
    with Database.open(dsn, max_size=min(10, settings.concurrency), wait_seconds=30) as database:

        def note(what: str, key: int) -> None:
            with database.transaction(None) as conn:
                conn.execute("INSERT INTO did (what, key, pid) VALUES (%s, %s, %s)", [what, key, os.getpid()])

        def hold(key: int) -> None:
            """Runs until the test takes the row away, or for ever."""
            note("begin", key)
            while not stop.is_set():
                with database.autocommit() as conn:
                    if conn.execute("SELECT 1 FROM hold WHERE key = %s", [key]).fetchone() is None:
                        break
                stop.wait(0.1)
            note("end", key)

        def cling(key: int) -> None:
            """Does not care about being told to stop."""
            note("begin", key)
            threading.Event().wait()

        def count(key: int) -> None:
            note("count", key)

        def look(payloads: set[str]) -> None:
            with database.transaction(None) as conn:
                for row in conn.execute("SELECT key FROM due").fetchall():
                    defer_once(
                        conn, "serve", lock=f"serve {row['key']}", queueing_lock=f"serve {row['key']}",
                        args={"key": row["key"]},
                    )  # fmt: skip

        def serve(key: int) -> None:
            with database.transaction(None) as conn:
                done = conn.execute("DELETE FROM due WHERE key = %s RETURNING key", [key]).fetchone()
                if done is not None:
                    conn.execute("INSERT INTO did (what, key, pid) VALUES ('serve', %s, %s)", [key, os.getpid()])

        tasks = [JobTask(name=run.__name__, run=run) for run in (hold, cling, count, serve)]
        run_worker(dsn, tasks, settings=settings, on_wake=look, stop=stop)

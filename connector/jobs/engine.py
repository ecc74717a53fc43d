"""Jobs as rows of PostgreSQL (procrastinate), deferred from plain synchronous code.

A job says "look at this" (a connection's lane, a shard), never what to do: what there is to do is in the
tables, so a job that runs twice, late or not at all changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from connector.store.database import Connection, has_something_to_read, session_dsn

DEFAULT_QUEUE = "default"


@dataclass(frozen=True, kw_only=True)
class JobTask:
    """A kind of job. `run` is an ordinary function that is called in a thread with the job's arguments.

    A RetryableError ends the job quietly: the rows that it would have handled are still due, and are found
    again. Any other exception marks the job failed; it is never retried by itself.
    """

    name: str
    run: Callable[..., None]


def defer_once(
    connection: Connection,
    task: str,
    *,
    lock: str | None,
    queueing_lock: str | None,
    queue: str = DEFAULT_QUEUE,
    priority: int = 0,
    args: Mapping[str, int | str | bool | None] | None = None,
) -> int:
    """Make sure that a job `task` starts after this transaction commits; returns the waiting job's id.

    Of one `queueing_lock` at most one job waits; of one `lock` at most one runs, in order of `priority` (high
    first) and deferral. Never aborts the transaction. Call it last: until the commit, an already waiting
    job of this `queueing_lock` cannot start.
    """
    row = connection.execute(
        "SELECT tasuki_defer_once(%s, %s, %s, %s, %s, %s) AS id",
        [queue, task, lock, queueing_lock, Jsonb(dict(args or {})), priority],
    ).fetchone()
    assert row is not None
    return int(row["id"])


def _pool(**given: Any) -> AsyncConnectionPool:
    """procrastinate's pool with our look at an idle connection instead of its round trip at each use."""
    return AsyncConnectionPool(**(given | {"check": _check}))


async def _check(connection: psycopg.AsyncConnection) -> None:
    if has_something_to_read(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


def build_app(dsn: str, tasks: Iterable[JobTask], *, pool_size: int) -> procrastinate.App:
    """procrastinate's App for these tasks, not yet open. No task has a retry strategy: retrying a job whose
    successor waits violates a unique index and takes its lock out of service."""
    connector = procrastinate.PsycopgConnector(
        conninfo=session_dsn(dsn, application_name="tasuki-worker"),
        min_size=1,
        max_size=pool_size,
        # When the database is gone the worker is to notice soon and begin anew, which it does at once when the
        # database is back; the pool's own back-off would keep it waiting.
        timeout=1.5,
        reconnect_timeout=0.0,
        pool_factory=_pool,
    )
    app = procrastinate.App(connector=connector)
    for task in tasks:
        app.task(name=task.name, queue=DEFAULT_QUEUE)(task.run)
    return app

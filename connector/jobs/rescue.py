"""Jobs whose worker is gone are ended as failed and deferred anew; every worker looks every few seconds.

Three ways to lose a job, three ways back:

- its worker died (no heartbeat for `stale_seconds`): `rescue_stalled`;
- its worker ended in order and could not say so, because the database was away: `hand_back`;
- its worker lives and does not know of it, because an answer was lost on the way: `hand_back` of what
  stayed unknown over two looks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connector.errors import RetryableError
from connector.store.database import Database

SWEEP_SECONDS = 60.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rescued:
    """One job that was taken from a dead worker. `deaths`: how many workers died on it in a row."""

    job_id: int
    new_job_id: int
    task: str
    deaths: int


class Roster:
    """What this process's worker is and does at the moment; shared between its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._worker_id: int | None = None

    def enlist(self, worker_id: int | None) -> None:
        """The worker has this id in the database from now on (None: it has none)."""
        with self._lock:
            self._worker_id = worker_id

    def begin(self, job_id: int) -> None:
        """A job is being worked on."""
        with self._lock:
            self._running.add(job_id)

    def end(self, job_id: int) -> None:
        """A job is no longer worked on."""
        with self._lock:
            self._running.discard(job_id)

    def look(self) -> tuple[int | None, frozenset[int]]:
        """The worker's id and the jobs that it works on."""
        with self._lock:
            return self._worker_id, frozenset(self._running)


def rescue_stalled(database: Database, stale_seconds: float) -> list[Rescued]:
    """Restart the jobs of workers without a heartbeat for `stale_seconds`. Safe to call from many at once."""
    with database.transaction(None) as connection:
        rows = connection.execute("SELECT * FROM tasuki_rescue_stalled(%s)", [stale_seconds]).fetchall()
    return [Rescued(**row) for row in rows]


def hand_back(database: Database, worker_id: int, job_ids: Iterable[int] | None = None) -> int:
    """Restart what worker `worker_id` holds and nobody works on; all of it, and the worker is
    struck off, when `job_ids` is None. Returns how many jobs that were."""
    ids = None if job_ids is None else list(job_ids)
    with database.transaction(None) as connection:
        row = connection.execute("SELECT tasuki_hand_back(%s, %s::bigint[]) AS count", [worker_id, ids]).fetchone()
    assert row is not None
    return int(row["count"])


def sweep(database: Database) -> None:
    """Delete failed jobs (but the newest of each task and lock) and workers long silent."""
    with database.transaction(None) as connection:
        connection.execute("SELECT tasuki_sweep_jobs()")


class Rescuer:
    """Looks after lost jobs every `interval_seconds`, in one thread of each worker process.

    After a time in which it was cut off or frozen itself, it gives the others `stale_seconds` to be heard
    again before it judges them.
    """

    def __init__(self, database: Database, roster: Roster, *, stale_seconds: float, interval_seconds: float) -> None:
        self._database = database
        self._roster = roster
        self._stale_seconds = stale_seconds
        self._interval_seconds = interval_seconds
        self._last_look: datetime | None = None
        self._judges_from: datetime | None = None
        self._last_sweep: datetime | None = None
        self._unknown: frozenset[int] = frozenset()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            try:
                self.look()
            except RetryableError as error:
                _log.warning("rescue_postponed", reason=error.reason)
            stop.wait(self._interval_seconds)

    def look(self) -> list[Rescued]:
        """One look; returns what was rescued. Times are the database's. Raises RetryableError."""
        now = self._database_time()
        cut_off = self._last_look is not None and now - self._last_look > timedelta(
            seconds=self._interval_seconds + self._stale_seconds / 2
        )
        self._last_look = now
        if cut_off:
            self._judges_from = now + timedelta(seconds=self._stale_seconds)
        self._return_unknown()
        if self._last_sweep is None or now - self._last_sweep > timedelta(seconds=SWEEP_SECONDS):
            self._last_sweep = now
            sweep(self._database)
        if self._judges_from is not None and now < self._judges_from:
            return []
        rescued = rescue_stalled(self._database, self._stale_seconds)
        for job in rescued:
            _log.warning("job_rescued", job_id=job.job_id, new_job_id=job.new_job_id, task=job.task, deaths=job.deaths)
        return rescued

    def _return_unknown(self) -> None:
        """Hand back jobs that are ours by name but that we do not work on, when seen so twice running."""
        worker_id, _ = self._roster.look()
        if worker_id is None:
            self._unknown = frozenset()
            return
        with self._database.autocommit() as connection:
            rows = connection.execute(
                "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %s", [worker_id]
            ).fetchall()
        still_ours, running = self._roster.look()
        unknown = frozenset(row["id"] for row in rows) - running
        lost = unknown & self._unknown
        self._unknown = unknown
        if lost and still_ours == worker_id:
            count = hand_back(self._database, worker_id, lost)
            _log.warning("jobs_forgotten", worker_id=worker_id, count=count)

    def _database_time(self) -> datetime:
        with self._database.autocommit() as connection:
            row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
        assert row is not None
        now: datetime = row["now"]
        return now

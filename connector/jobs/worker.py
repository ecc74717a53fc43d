"""The worker process: runs jobs in threads, comes back when the database does, leaves in order.

procrastinate's worker ends (and exits 0) when it loses the database; here it is started again, with a
back-off, for as long as nobody asks us to stop. On SIGTERM no new job is taken, running slices get
`grace_seconds`, and what is still running then is handed back for others before the process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from procrastinate import exceptions as procrastinate_errors
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from connector.errors import RetryableError
from connector.failpoints import Place, reach
from connector.jobs.engine import JobTask, build_app
from connector.jobs.rescue import Rescuer, Roster, hand_back
from connector.jobs.wake import Clerk
from connector.store.database import Database

_log = structlog.get_logger(__name__)
_STOP_CHECK_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
#: procrastinate strikes off silent workers when one starts; we judge them ourselves, later and with more care.
_NEVER_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How a worker works. `stale_seconds` must be well above `heartbeat_seconds`."""

    concurrency: int = 8
    queues: tuple[str, ...] | None = None
    heartbeat_seconds: float = 4.0
    stale_seconds: float = 12.0
    rescue_seconds: float = 2.0
    #: the net below notifications: how often waiting jobs are looked for
    fetch_poll_seconds: float = 0.5
    wake_poll_seconds: float = 1.0
    #: what a running slice gets after SIGTERM
    grace_seconds: float = 5.0


def run_worker(
    dsn: str,
    tasks: Iterable[JobTask],
    *,
    settings: WorkerSettings | None = None,
    on_wake: Callable[[set[str]], None] | None = None,
    listen: Callable[[threading.Event], None] | None = None,
    stop: threading.Event | None = None,
    end_process: Callable[[int], Any] = os._exit,
) -> None:
    """Work until SIGTERM, SIGINT or `stop`; returns when every job has ended.

    `on_wake` is the clerk's (see `connector.jobs.wake`), `listen` the listener's (`connector.jobs.listening`).
    `stop` is also set by the signals, so that a long slice may look at it. A slice that outlives the grace time is
    handed back and `end_process(0)` called, because a thread cannot be ended. Signals are only handled when called
    from the main thread.
    A database that is away is waited for, at the start as later. Raises UsageError when it is unfit.
    """
    settings = settings or WorkerSettings()
    stop = stop or threading.Event()
    _quieten_procrastinate()
    with _signals(stop), _database(dsn, stop) as database:
        if database is None:
            return
        roster = Roster()
        rescuer = Rescuer(
            database, roster, stale_seconds=settings.stale_seconds, interval_seconds=settings.rescue_seconds
        )
        supervisor = _Supervisor(dsn, tuple(tasks), settings, database, roster, stop, end_process)
        with _thread("rescuer", rescuer.run, stop), contextlib.ExitStack() as stack:
            if on_wake is not None:
                clerk = Clerk(dsn, on_wake, poll_seconds=settings.wake_poll_seconds)
                stack.enter_context(_thread("clerk", clerk.run, stop))
            if listen is not None:
                stack.enter_context(_thread("listener", listen, stop))
            asyncio.run(supervisor.run())


@contextlib.contextmanager
def _database(dsn: str, stop: threading.Event) -> Iterator[Database | None]:
    """The pool for rescues, opened when the server is there; None when we are stopped before that."""
    while not stop.is_set():
        try:
            database = Database.open(dsn, max_size=3, application_name="tasuki-rescue")
        except RetryableError as error:
            _log.warning("worker_awaits_database", reason=error.reason)
            stop.wait(1.0)
            continue
        with database:
            yield database
            return
    yield None


class _Worker(Worker):
    """procrastinate's worker, whose monitor of its own side tasks ends when any of them does."""

    async def _periodic_deferrer(self) -> None:
        # Without periodic tasks (we have none: timers are rows) this would return at once, and nobody
        # would notice when the heartbeat or the listener fails afterwards.
        await asyncio.Event().wait()


class _Supervisor:
    """Keeps a procrastinate worker running until told to stop."""

    def __init__(
        self,
        dsn: str,
        tasks: tuple[JobTask, ...],
        settings: WorkerSettings,
        database: Database,
        roster: Roster,
        stop: threading.Event,
        end_process: Callable[[int], Any],
    ) -> None:
        self._dsn = dsn
        self._tasks = tuple(JobTask(name=task.name, run=_guarded(task)) for task in tasks)
        self._settings = settings
        self._database = database
        self._roster = roster
        self._stop = stop
        self._end_process = end_process
        #: a worker of ours that ended without being able to say so
        self._left_over: int | None = None

    async def run(self) -> None:
        """Run workers, one after another, until stopped."""
        threads = ThreadPoolExecutor(self._settings.concurrency + 2, thread_name_prefix="job")
        # asyncio's own default has about one thread a core: fewer than the jobs we take
        asyncio.get_running_loop().set_default_executor(threads)
        pause_seconds = 0.1
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                await asyncio.to_thread(self._database.wait_until_up, 1.0)
                await self._work()
            except (RetryableError, psycopg.OperationalError, procrastinate_errors.ConnectorException) as error:
                _log.warning("worker_lost_database", error=type(error).__name__, again_in_seconds=pause_seconds)
            if time.monotonic() - started > 10 * _LONGEST_PAUSE_SECONDS:
                pause_seconds = 0.1
            await self._sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    async def _work(self) -> None:
        if self._left_over is not None:
            await asyncio.to_thread(hand_back, self._database, self._left_over)
            self._left_over = None
        settings = self._settings
        app = build_app(self._dsn, self._tasks, pool_size=settings.concurrency + 2)
        async with app.open_async():
            worker = _Worker(
                app,
                queues=None if settings.queues is None else list(settings.queues),  # a tuple is a row to psycopg
                concurrency=settings.concurrency,
                fetch_job_polling_interval=settings.fetch_poll_seconds,
                abort_job_polling_interval=60.0,  # nothing of ours requests aborts
                shutdown_graceful_timeout=settings.grace_seconds,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=settings.heartbeat_seconds,
                stalled_worker_timeout=_NEVER_SECONDS,
                worker_middleware=[self._track],
            )
            try:
                await self._attend(worker, asyncio.create_task(worker.run()))  # type: ignore[no-untyped-call]
            finally:
                self._roster.enlist(None)
                self._left_over = worker.worker_id

    async def _attend(self, worker: Worker, running: asyncio.Task[None]) -> None:
        while not running.done():
            self._roster.enlist(worker.worker_id)
            await asyncio.wait({running}, timeout=_STOP_CHECK_SECONDS)
            if self._stop.is_set() and not running.done():
                worker.stop()  # type: ignore[no-untyped-call]
                await asyncio.wait({running}, timeout=self._settings.grace_seconds + 1.0)
                if not running.done():
                    await self._abandon(worker.worker_id)
                    return
        await running

    async def _abandon(self, worker_id: int | None) -> None:
        """Hand running jobs back and end the process: their leases and ours are fenced, threads are not."""
        if worker_id is not None:
            with contextlib.suppress(RetryableError):
                count = await asyncio.to_thread(hand_back, self._database, worker_id)
                _log.warning("jobs_handed_back", worker_id=worker_id, count=count)
        self._end_process(0)

    async def _track(self, call_next: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
        job_id = context.job.id
        assert job_id is not None
        self._roster.begin(job_id)
        try:
            return await call_next()
        finally:
            self._roster.end(job_id)

    async def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stop.is_set() and time.monotonic() < deadline:
            await asyncio.sleep(min(_STOP_CHECK_SECONDS, seconds))


def _guarded(task: JobTask) -> Callable[..., None]:
    """The worker's edge: the one place that takes any exception, says what it was, and goes on."""

    @functools.wraps(task.run)
    def run(**args: object) -> None:
        try:
            task.run(**args)
            reach(Place.PRE_ACK)
        except RetryableError as error:
            # nothing is lost: the rows are still due, and the clerk defers again
            _log.warning("job_postponed", task=task.name, reason=error.reason)
        except Exception:
            _log.exception("job_failed", task=task.name)
            raise

    return run


def _quieten_procrastinate() -> None:
    """Its records hold a sentence where ours hold names; what matters of them we say ourselves."""
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    logger = logging.getLogger("procrastinate.worker")
    if _is_news not in logger.filters:
        logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return getattr(record, "action", None) != "job_error"


@contextlib.contextmanager
def _thread(name: str, run: Callable[[threading.Event], None], stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=run, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5.0)


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Tells the worker that something came in: at most so many times a second, and never inside an insert.

A NOTIFY in each delivery's transaction would serialise commits (the notification queue has one lock, held until
the commit is on disk). The ticker is a hint: a worker that misses it polls once a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from connector.errors import RetryableError
from connector.store.database import Database

_log = structlog.get_logger(__name__)

NOTIFY = "NOTIFY tasuki_wake, 'inbox'"


class Waker:
    """One daemon thread. `wake` costs the caller a flag; the first one after a pause is passed on at once."""

    def __init__(self, notify: Callable[[], None], *, interval_seconds: float = 0.05) -> None:
        self._notify = notify
        self._interval_seconds = interval_seconds
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)

    def start(self) -> Waker:
        """Start the thread; call this in the process that serves (threads do not survive a fork)."""
        self._thread.start()
        return self

    def wake(self) -> None:
        """Something was stored."""
        self._due.set()

    def stop(self) -> None:
        """Stop after the notification under way."""
        self._stopped.set()
        self._due.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._due.wait()
            self._due.clear()
            if self._stopped.is_set():
                return
            try:
                self._notify()
            except RetryableError as error:
                _log.warning("worker_not_woken", reason=error.reason)
            self._stopped.wait(self._interval_seconds)


def notifier(database: Database) -> Callable[[], None]:
    """Wakes the workers of this database, in a transaction of its own."""

    def notify() -> None:
        with database.autocommit() as connection:
            connection.execute(NOTIFY)

    return notify

"""The clerk: learns that there may be something to do, and says so at most twenty times a second.

It listens on a channel, so that work starts at once, and looks every second by itself, so that nothing
depends on a notification. Of all workers' clerks one looks each second. An empty set of payloads means
"look at everything".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import structlog

from connector.store.database import session_dsn

CHANNEL = "tasuki_wake"
_STOP_CHECK_SECONDS = 0.25
_EARLY = 0.9
"""A look so much of its time after the last one is not too early: clerks are not on the dot."""
_log = structlog.get_logger(__name__)


class Clerk:
    """Calls `on_wake(payloads)` from one thread until stopped; survives the database's absence.

    `on_wake` should be quick (defer jobs). What it raises is logged, and the next look makes up for it.
    """

    def __init__(
        self,
        dsn: str,
        on_wake: Callable[[set[str]], None],
        *,
        poll_seconds: float = 1.0,
        least_gap_seconds: float = 0.05,
    ) -> None:
        self._dsn = session_dsn(dsn, application_name="tasuki-clerk")
        self._on_wake = on_wake
        self._poll_seconds = poll_seconds
        self._least_gap_seconds = least_gap_seconds

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._serve(connection, stop)
            except psycopg.OperationalError as error:
                _log.warning("clerk_lost_database", error=type(error).__name__)
                stop.wait(self._poll_seconds)

    def _serve(self, connection: psycopg.Connection, stop: threading.Event) -> None:
        self._wake(set())  # what was announced while nobody listened
        looked = time.monotonic()
        while not stop.is_set():
            idle_seconds = looked + self._poll_seconds - time.monotonic()
            payloads = self._first(connection, max(0.0, min(idle_seconds, _STOP_CHECK_SECONDS)))
            if payloads:
                self._wake(payloads)
                stop.wait(self._least_gap_seconds)  # what comes meanwhile is one wake
            if time.monotonic() >= looked + self._poll_seconds:
                if self._may_look(connection):
                    self._wake(set())
                looked = time.monotonic()

    def _may_look(self, connection: psycopg.Connection) -> bool:
        """False where another worker's clerk has looked already."""
        row = connection.execute("SELECT tasuki_may_look(%s)", [_EARLY * self._poll_seconds]).fetchone()
        return row is not None and bool(row[0])

    @staticmethod
    def _first(connection: psycopg.Connection, timeout_seconds: float) -> set[str]:
        """Everything that has been announced; waits for the first. `stop_after` takes the whole batch read."""
        return {notice.payload for notice in connection.notifies(timeout=timeout_seconds, stop_after=1)}

    def _wake(self, payloads: set[str]) -> None:
        try:
            self._on_wake(payloads)
        except Exception:  # noqa: BLE001  the worker's edge: a mistake in one look must not end all later ones
            _log.exception("wake_failed")

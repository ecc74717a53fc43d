"""The listener: follows a connection's stream of changes, in one process at a time, and comes back when it breaks off.

Every worker that may has one; who holds the connection's lock in the database listens, and when that process or its
database session dies, another one does. Correctness does not rest on it: two who listen store some deliveries twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import psycopg
import structlog

from connector.errors import RejectedError, RetryableError, UsageError
from connector.store.database import has_something_to_read, session_dsn
from connector.sync.following import Followed

LOOK_SECONDS = 5.0
"""How often it is looked whether there is a connection to follow, and whether somebody else has stopped."""

LONGEST_PAUSE_SECONDS = 120.0
_MOST_DOUBLINGS = 20
"""Of the first pause: far past the longest, and far from what a float holds."""
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS mine"

log = structlog.get_logger()


class Listener:
    """Follows what `find` gives (None: nothing to follow yet), until stopped."""

    def __init__(
        self,
        dsn: str,
        find: Callable[[], Followed | None],
        *,
        look_seconds: float = LOOK_SECONDS,
        first_pause_seconds: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dsn = session_dsn(dsn, application_name="tasuki-listener")
        self._find = find
        self._look_seconds = look_seconds
        self._first_pause_seconds = first_pause_seconds
        self._monotonic = monotonic

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Every stream ends some time: ends in quick succession lengthen the pause."""
        failures = 0
        while not stop.is_set():
            began = self._monotonic()
            try:
                if not self._listen(stop):
                    stop.wait(self._look_seconds)
                failures = 0
                continue
            except RetryableError as error:
                log.info("stream_broke_off", reason=error.reason)
            except (RejectedError, UsageError) as error:
                log.error("stream_refused", reason=error.reason, remedy=str(error))
            except psycopg.Error as error:
                log.warning("listener_lost_database", error=type(error).__name__)
            failures = 1 if self._monotonic() - began > LONGEST_PAUSE_SECONDS else failures + 1
            stop.wait(self._pause_seconds(failures))

    def _listen(self, stop: threading.Event) -> bool:
        """Follow until stopped; False: there is nothing to follow, or somebody else follows it."""
        followed = self._find()
        if followed is None:
            return False
        with psycopg.connect(self._dsn, autocommit=True) as session:
            name = f"stream:{followed.installation_id}:{followed.connection_id}"
            held = session.execute(_LOCK, [name]).fetchone()
            if held is None or not held[0]:
                return False
            log.info("stream_followed", connection_id=followed.connection_id)
            # a session that has something to read has come to its end, and the lock with it
            followed.follow(lambda: not stop.is_set() and not has_something_to_read(session.fileno()))
        return True

    def _pause_seconds(self, failures: int) -> float:
        doublings = min(failures - 1, _MOST_DOUBLINGS)
        most = min(self._first_pause_seconds * 2.0**doublings, LONGEST_PAUSE_SECONDS)
        return most * random.uniform(0.5, 1.0)  # noqa: S311 - workers should not come back all at once

"""What the Flask application is given: settings, the inbox, the clock, the waker."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import psycopg
import structlog

from connector.errors import RetryableError
from connector.store import inbox, streams
from connector.store.database import Database
from connector.store.inbox import Delivery
from connector.store.streams import StreamHealth
from webhooks.metrics import Metrics
from webhooks.settings import ReceiverSettings
from webhooks.waker import Waker, notifier

_log = structlog.get_logger(__name__)

#: HubSpot gives up after five seconds; a database that cannot store within these is answered for with 503.
CHECKOUT_SECONDS = 0.4
LOCK_SECONDS = 0.8
STATEMENT_SECONDS = 1.2
REOPEN_SECONDS = 0.5

WAKES_A_SECOND = 20


class Storage(Protocol):
    """Where deliveries go. Every method raises `RetryableError` when it cannot."""

    def add(self, delivery: Delivery) -> None:
        """Store and commit one delivery."""

    def try_out(self) -> None:
        """Return if a delivery could be stored now; none is."""

    def depth(self) -> int:
        """How many deliveries nobody has read yet."""

    def streams(self) -> Sequence[StreamHealth]:
        """How the streams of changes do that workers follow."""

    def close(self) -> None:
        """Let go of the connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a request handler may use. `clock` is machine time (signature freshness)."""

    settings: ReceiverSettings
    storage: Storage
    clock: Callable[[], datetime]
    wake: Callable[[], None]
    metrics: Metrics = field(default_factory=Metrics)


class Postgres:
    """The inbox in PostgreSQL, opened when first needed: the service starts, and says 503, while it is away."""

    def __init__(self, dsn: str, *, connections: int = 8) -> None:
        self._dsn = dsn
        self._connections = connections
        self._lock = threading.Lock()
        self._opened: Database | None = None
        self._try_after = 0.0

    def open(self) -> None:
        """Connect before the first delivery comes, if the database is there."""
        with contextlib.suppress(RetryableError):
            self._database()

    def add(self, delivery: Delivery) -> None:
        """Store and commit one delivery. Whatever the database says against it, the sender is to try again."""
        with self._asked("delivery_refused", source=delivery.source) as database:
            inbox.add(database, delivery)

    def try_out(self) -> None:
        """See `Storage.try_out`."""
        with self._asked("not_ready") as database:
            inbox.try_out(database)

    def depth(self) -> int:
        """How many deliveries nobody has read yet."""
        with self._asked("not_counted") as database:
            return inbox.depth(database)

    def streams(self) -> Sequence[StreamHealth]:
        """How the streams of changes do that workers follow."""
        with self._asked("not_counted") as database:
            return streams.health_of_all(database)

    def notify(self) -> None:
        """Wake the workers."""
        notifier(self._database())()

    def close(self) -> None:
        """Close the connections, if any."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @contextlib.contextmanager
    def _asked(self, event: str, **facts: str) -> Iterator[Database]:
        try:
            yield self._database()
        except psycopg.Error as error:
            _log.error(event, sqlstate=error.sqlstate, **facts)
            raise RetryableError("The database refuses this.", reason="database_refused") from error

    def _database(self) -> Database:
        opened = self._opened
        return opened if opened is not None else self._open()

    def _open(self) -> Database:
        away = RetryableError("The database is away; deliveries are refused until it is back.", reason="database_away")
        # One thread opens; the others wait for it a little, and no longer than for a connection.
        if not self._lock.acquire(timeout=CHECKOUT_SECONDS):
            raise away
        try:
            if self._opened is None:
                if time.monotonic() < self._try_after:
                    raise away
                self._try_after = time.monotonic() + REOPEN_SECONDS
                self._opened = Database.open(
                    self._dsn,
                    min_size=self._connections,
                    max_size=self._connections,
                    checkout_seconds=CHECKOUT_SECONDS,
                    lock_timeout_seconds=LOCK_SECONDS,
                    statement_timeout_seconds=STATEMENT_SECONDS,
                    application_name="tasuki-serve",
                )
            return self._opened
        finally:
            self._lock.release()


def build(
    settings: ReceiverSettings, dsn: str, *, clock: Callable[[], datetime], connections: int = 8
) -> tuple[Services, Waker]:
    """Services on a real database, and their waker (started; stop it on shutdown)."""
    storage = Postgres(dsn, connections=connections)
    storage.open()
    waker = Waker(storage.notify, interval_seconds=settings.processes / WAKES_A_SECOND).start()
    return Services(settings=settings, storage=storage, clock=clock, wake=waker.wake), waker


def machine_clock() -> datetime:
    """Machine time, for the freshness of signatures."""
    return datetime.now(UTC)

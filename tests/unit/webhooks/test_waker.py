"""The ticker: at once for the first delivery, seldom for a flood, silent without."""

from __future__ import annotations

import threading

import psycopg

from connector.errors import RetryableError
from connector.store.database import Database
from webhooks.waker import Waker, notifier


def test_a_flood_becomes_few_notifications() -> None:
    told: list[int] = []
    first = threading.Event()

    def notify() -> None:
        told.append(1)
        first.set()

    waker = Waker(notify, interval_seconds=30).start()
    for _ in range(1_000):
        waker.wake()
    assert first.wait(5)
    for _ in range(1_000):
        waker.wake()
    waker.stop()
    assert told == [1]


def test_a_failed_notification_does_not_end_the_thread() -> None:
    second = threading.Event()
    calls: list[int] = []

    def notify() -> None:
        calls.append(1)
        if len(calls) == 1:
            waker.wake()
            raise RetryableError("away", reason="database_away")
        second.set()

    waker = Waker(notify, interval_seconds=0.001).start()
    waker.wake()
    assert second.wait(5)
    waker.stop()


def test_a_listening_worker_hears_it(database: Database, database_dsn: str) -> None:
    with psycopg.connect(database_dsn, autocommit=True) as worker:
        worker.execute("LISTEN tasuki_wake")
        waker = Waker(notifier(database)).start()
        waker.wake()
        [heard] = list(worker.notifies(timeout=5, stop_after=1))
        waker.stop()
    assert heard.payload == "inbox"

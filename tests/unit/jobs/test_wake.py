"""The clerk: at once, not too often, never dependent on a notification."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue

import psycopg
import pytest
from psycopg import sql

from connector.jobs.wake import Clerk


class Wakes:
    """What a clerk said; `next` waits for it."""

    def __init__(self) -> None:
        self.queue: Queue[set[str]] = Queue()
        self.fails = False

    def __call__(self, payloads: set[str]) -> None:
        self.queue.put(payloads)
        if self.fails:
            self.fails = False
            raise LookupError("a mistake in one look")

    def next(self, seconds: float = 20.0) -> set[str]:
        """The next wake's payloads."""
        return self.queue.get(timeout=seconds)


Start = Callable[..., Wakes]


@pytest.fixture
def start(database_dsn: str) -> Iterator[Start]:
    """Start clerks; they end with the test."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def begin(**named: float) -> Wakes:
        wakes = Wakes()
        clerk = Clerk(database_dsn, wakes, **named)
        threads.append(threading.Thread(target=clerk.run, args=[stop]))
        threads[-1].start()
        assert wakes.next() == set(), "it looks at everything when it starts to listen"
        return wakes

    yield begin
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def sender(database_dsn: str) -> Iterator[psycopg.Connection]:
    """A connection that notifies."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        yield connection


def test_notification_wakes_at_once_and_says_what(start: Start, sender: psycopg.Connection) -> None:
    wakes = start(poll_seconds=60)
    started = time.monotonic()
    sender.execute("NOTIFY tasuki_wake, 'inbox'")
    assert wakes.next() == {"inbox"}
    assert time.monotonic() - started < 30, "long before it would have looked by itself"


def test_it_looks_without_being_told(start: Start) -> None:
    wakes = start(poll_seconds=0.1)
    assert [wakes.next() for _ in range(3)] == [set()] * 3


_KEEP_LOOKS = """
CREATE TABLE looked (at timestamptz);
CREATE FUNCTION keep_look() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN INSERT INTO looked VALUES (NEW.at); RETURN NULL; END$$;
CREATE TRIGGER keep_look AFTER INSERT OR UPDATE ON tasuki_look FOR EACH ROW EXECUTE FUNCTION keep_look();
"""
_BETWEEN_LOOKS = """
SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at))::float8 AS seconds FROM looked ORDER BY at OFFSET 1
"""


def test_of_many_clerks_one_looks_each_time(start: Start, sender: psycopg.Connection) -> None:
    sender.execute(_KEEP_LOOKS)
    both = [start(poll_seconds=0.2), start(poll_seconds=0.2)]
    both[1].queue = both[0].queue
    assert [both[0].next() for _ in range(10)] == [set()] * 10
    between = [seconds for (seconds,) in sender.execute(_BETWEEN_LOOKS).fetchall()]
    assert len(between) >= 8
    assert min(between) >= 0.9 * 0.2, "no more looks than one of them alone would have had"
    sender.execute("DROP TRIGGER keep_look ON tasuki_look")
    sender.execute("UPDATE tasuki_look SET at = now() + interval '1 day'")
    both[0].queue.queue.clear()
    assert both[0].next() == set(), "a clock that was set back keeps nobody waiting"


def test_many_notifications_are_few_wakes_and_none_is_lost(start: Start, sender: psycopg.Connection) -> None:
    wakes = start(poll_seconds=60)
    started = time.monotonic()
    for number in range(1000):
        sender.execute(f"NOTIFY tasuki_wake, '{number}'")
    seen: set[str] = set()
    count = 0
    while len(seen) < 1000:
        seen |= wakes.next()
        count += 1
    assert count <= 20 * (time.monotonic() - started) + 2


def test_mistake_in_one_look_does_not_end_all_later_ones(start: Start, sender: psycopg.Connection) -> None:
    wakes = start(poll_seconds=60)
    wakes.fails = True
    for payload in ("first", "second"):
        sender.execute(f"NOTIFY tasuki_wake, '{payload}'")
        assert wakes.next() == {payload}


def test_it_listens_again_after_losing_its_connection(
    start: Start, sender: psycopg.Connection, postgres_dsn: str
) -> None:
    wakes = start(poll_seconds=0.5)
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = sql.Identifier(sender.info.dbname)
    with psycopg.connect(postgres_dsn, autocommit=True) as door:
        door.execute(allow.format(name, sql.SQL("false")))  # it stays away until all is said
        sender.execute(
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            " WHERE application_name = 'tasuki-clerk' AND datname = current_database()"
        )
        while wakes.queue.qsize():  # it may have looked by itself before
            assert wakes.next() == set()
        sender.execute("NOTIFY tasuki_wake, 'while it was away'")
        door.execute(allow.format(name, sql.SQL("true")))
    assert wakes.next() == set(), "nobody heard it, and it is looked for all the same"
    sender.execute("NOTIFY tasuki_wake, 'later'")
    while (heard := wakes.next()) != {"later"}:
        assert heard == set()

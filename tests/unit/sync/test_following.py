"""Following a stream: what was told and the place behind it are stored together, wherever a listener dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.cli.doctor_checks import State, of_stream
from connector.errors import RejectedError, RetryableError
from connector.jobs.listening import Listener
from connector.store import connections, inbox, streams
from connector.store.database import Database
from connector.store.inbox import InboxState
from connector.store.streams import BEGUN, BROKEN, GAPS, KIND
from connector.sync import following
from connector.sync.following import OVERLAP, Followed
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.stream import PositionLostError, Told
from tests.patience import until
from webhooks.metrics import Metrics

ORG = "00D5g000004abcdEAA"
LOST = {"key": b"", "account_id": ORG, "object_id": None, "source": "CHANGE_EVENT"}


@dataclass
class Tape:
    """A stream of numbers: told one by one, from behind the one that is named; `lost`: places that are forgotten."""

    numbers: int
    source: str = "salesforce_changes:org"
    topic: str = "/data/ChangeEvents"
    lost: bool = False
    followed: list[bytes | None] = field(default_factory=list)

    def follow(self, after: bytes | None) -> Generator[Told | None]:
        self.followed.append(after)
        if self.lost and after is not None:
            raise PositionLostError(reason="replay_id")
        for number in range(0 if after is None else int(after) + 1, self.numbers):
            yield None
            yield Told(position=b"%d" % number, body=b"%d" % number, is_bulk=number % 2 == 1)

    def missed(self, since: str) -> bytes:
        return f"missed {since}".encode()


class DiedError(Exception):
    """The process was killed here."""


@pytest.fixture
def follow(database: Database) -> Callable[[Tape], Followed]:
    """Makes what follows a tape, of one connection."""
    installation_id = connections.ensure_installation(database, "one")
    with database.transaction(installation_id) as conn:
        connection_id = connections.ensure(
            conn, installation_id, vendor="salesforce", account_id=ORG, base_url="https://x", settings={}
        )
    return lambda tape: Followed(
        database=database,
        installation_id=installation_id,
        connection_id=connection_id,
        account_id=ORG,
        stream=tape,
    )


def stored(database: Database) -> list[bytes]:
    rows = inbox.listing(database, states=[InboxState.NEW], limit=1_000)
    return [inbox.body_of(database, row.id) or b"" for row in rows]


def place(one: Followed) -> dict[str, str] | None:
    with one.database.transaction(one.installation_id) as conn:
        found = connections.cursor(conn, one.connection_id, KIND)[0]
    return dict(found) if found is not None else None


def dying(at: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are killed whose turn is among these."""
    turns, deadly = count(), set(at)

    def reach(where: object) -> None:
        if next(turns) in deadly:
            raise DiedError

    monkeypatch.setattr(following, "reach", reach)


def test_what_is_told_is_stored_as_the_orgs_delivery_with_the_place_behind_it(
    database: Database, follow: Callable[[Tape], Followed]
) -> None:
    one = follow(Tape(numbers=3))
    one.follow(lambda: True)
    assert stored(database) == [b"0", b"1", b"2"]
    rows = inbox.claim(database, limit=10, lease_seconds=60)[1]
    assert [(row.source, row.connection_hint) for row in rows] == [("salesforce_changes:org", ORG)] * 2
    found = place(one)
    assert found is not None
    assert (bytes.fromhex(found["position"]), found["topic"]) == (b"2", "/data/ChangeEvents")


def test_a_listener_that_dies_before_the_commit_has_stored_neither(
    database: Database, follow: Callable[[Tape], Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying(iter([1]), monkeypatch)
    one = follow(Tape(numbers=3))
    with pytest.raises(DiedError):
        one.follow(lambda: True)
    found = place(one)
    assert found is not None
    assert (stored(database), bytes.fromhex(found["position"])) == ([b"0"], b"0")


@given(numbers=st.integers(0, 6), deaths=st.lists(st.integers(0, 8), max_size=4), stops=st.integers(1, 9))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_passed_over_however_often_it_dies_or_is_stopped(
    database: Database, follow: Callable[[Tape], Followed], numbers: int, deaths: list[int], stops: int
) -> None:
    with database.autocommit() as conn:
        conn.execute("DELETE FROM inbox")
        conn.execute("TRUNCATE poll_cursor")
    one = follow(Tape(numbers=numbers))
    with pytest.MonkeyPatch.context() as patched:
        dying(iter(deaths), patched)
        asked = count(1)
        for _ in range(2 * numbers + len(deaths) + 3):
            try:
                one.follow(lambda: next(asked) % (stops + 1) != 0)
            except DiedError:
                continue
    one.follow(lambda: True)
    assert stored(database) == [b"%d" % number for number in range(numbers)]


def test_a_place_that_is_lost_is_given_up_and_what_came_since_is_to_be_looked_for(
    database: Database, follow: Callable[[Tape], Followed]
) -> None:
    tape = Tape(numbers=1)
    one = follow(tape)
    one.follow(lambda: True)
    held = place(one)
    assert held is not None
    tape.lost = True
    one.follow(lambda: True)
    since = (datetime.fromisoformat(held["heard_at"]) - OVERLAP).isoformat()
    assert stored(database) == [b"0", f"missed {since}".encode()]
    assert place(one) is None
    one.follow(lambda: True)
    assert tape.followed == [None, b"0", None]


def test_a_place_that_is_lost_before_there_was_one_is_tried_again_later(follow: Callable[[Tape], Followed]) -> None:
    class Broken(Tape):
        def follow(self, after: bytes | None) -> Generator[Told | None]:
            raise PositionLostError(reason="replay_id")
            yield

    with pytest.raises(RetryableError):
        follow(Broken(numbers=0)).follow(lambda: True)


def test_another_topic_begins_anew_and_what_came_between_is_looked_for(
    database: Database, follow: Callable[[Tape], Followed]
) -> None:
    follow(Tape(numbers=1)).follow(lambda: True)
    other = Tape(numbers=1, topic="/data/Tasuki__chn")
    follow(other).follow(lambda: True)
    assert other.followed == [None]
    first, missed, anew = stored(database)
    assert (first, missed[:6], anew) == (b"0", b"missed", b"0")


def test_how_a_stream_does_is_known(database: Database, follow: Callable[[Tape], Followed]) -> None:
    """When it was heard, when it told of something, how often it was begun, broke off and had gaps."""

    class Broken(Tape):
        def follow(self, after: bytes | None) -> Generator[Told | None]:
            yield Told(position=b"9")
            raise RetryableError("gone", reason="stream_broke_off")

    one = follow(Tape(numbers=1))
    one.follow(lambda: True)
    told_at = place(one)["told_at"]  # type: ignore[index]
    with pytest.raises(RetryableError):
        follow(Broken(numbers=0)).follow(lambda: True)
    assert place(one)["told_at"] == told_at, "that it lives is no event"  # type: ignore[index]
    at = datetime.fromisoformat(told_at)
    lost = [InboundEvent(kind=EventKind.MISSED, occurred_at=at, object_type=kind, **LOST) for kind in ("Lead", "Task")]
    with database.transaction(one.installation_id) as conn:
        following.hear_of_losses(conn, one.installation_id, one.connection_id, lost)
        (row,) = connections.listed(conn)
        shown = of_stream(conn, row, "salesforce")
        assert (shown.state, "broken off 1 times, 1 gaps" in shown.says) == (State.OK, True)
        conn.execute('UPDATE poll_cursor SET position = position || \'{"heard_at": "2026-01-01T00:00:00+00:00"}\'')
        assert of_stream(conn, row, "salesforce").state is State.WARNING
        conn.execute("UPDATE poll_cursor SET position = jsonb_set(position, '{heard_at}', position -> 'told_at')")
    (found,) = streams.health_of_all(database)
    assert (found.vendor, found.account_id) == ("salesforce", ORG)
    assert found.counts == {BEGUN: 2, BROKEN: 1, GAPS: 1}
    assert found.heard_seconds is not None
    assert found.event_seconds is not None
    assert found.heard_seconds >= 0
    text = Metrics().text(lambda: None, lambda: [found]).decode()
    account = f'{{account="{ORG}",vendor="salesforce"}}'
    assert f"tasuki_stream_heard_seconds{account} {found.heard_seconds}\n" in text
    assert f"tasuki_stream_broken_total{account} 1.0\n" in text


# ── who listens ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Endless(Tape):
    """A stream that has nothing to tell, and raises what it is given first."""

    raises: list[Exception] = field(default_factory=list)

    def follow(self, after: bytes | None) -> Generator[Told | None]:
        self.followed.append(after)
        if self.raises:
            raise self.raises.pop(0)
        while True:
            yield None
            time.sleep(0.005)


def listening(one: Followed, found: list[Followed | None] | None = None) -> tuple[threading.Event, threading.Thread]:
    stop = threading.Event()
    listener = Listener(
        one.database.dsn, lambda: found.pop(0) if found else one, look_seconds=0.02, first_pause_seconds=0.01
    )
    thread = threading.Thread(target=listener.run, args=(stop,), daemon=True)
    thread.start()
    return stop, thread


def test_one_listens_at_a_time_and_another_one_when_it_has_stopped(follow: Callable[[Tape], Followed]) -> None:
    first, second = Endless(numbers=0), Endless(numbers=0)
    stop_first, thread = listening(follow(first))
    until(lambda: len(first.followed) == 1)
    stop_second, other = listening(follow(second))
    with pytest.raises(AssertionError):
        until(lambda: second.followed, 0.2, every=0.01)
    stop_first.set()
    thread.join(5.0)
    assert not thread.is_alive()
    until(lambda: len(second.followed) == 1)
    stop_second.set()
    other.join(5.0)
    assert not other.is_alive()


def test_it_comes_back_whatever_ends_a_stream(follow: Callable[[Tape], Followed]) -> None:
    tape = Endless(
        numbers=0,
        raises=[RetryableError("gone", reason="stream_ended"), RejectedError("no", reason="changes_refused")],
    )
    one = follow(tape)
    stop, thread = listening(one, [None, one])
    until(lambda: len(tape.followed) == 3)
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()


def test_who_loses_the_session_with_the_lock_stops_and_comes_back(follow: Callable[[Tape], Followed]) -> None:
    tape = Endless(numbers=0)
    one = follow(tape)
    stop, thread = listening(one)
    until(lambda: len(tape.followed) == 1)
    with one.database.autocommit() as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tasuki-listener' AND datname = current_database()"
        )
    until(lambda: len(tape.followed) == 2)
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()

"""Buckets: never above the vendor's limit in any window, hot before background, everyone waits after a 429."""

from __future__ import annotations

import threading
import time
from datetime import date
from typing import Any

import pytest

from connector.errors import QuotaError, UsageError
from connector.store import quota
from connector.store.database import Connection, Database
from connector.store.quota import Lane, Lease, TokenSource
from tests.patience import until

TODAY = date(2026, 4, 1)
INSTALLATION, CONNECTION = 1, 1


@pytest.fixture(autouse=True)
def _installation(database: Database) -> None:
    with database.transaction(INSTALLATION) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")


def _configure(database: Database, kind: str, capacity: float, window_seconds: float) -> None:
    with database.transaction(INSTALLATION) as conn:
        quota.configure(conn, CONNECTION, kind, capacity=capacity, window_seconds=window_seconds)


def _fill(database: Database, kind: str, tokens: float) -> None:
    """Set a bucket to an exact level (its depth is the limit)."""
    with database.transaction(INSTALLATION) as conn:
        conn.execute("UPDATE quota SET tokens = %s, refilled_at = clock_timestamp() WHERE kind = %s", [tokens, kind])


def _lease(database: Database, kind: str, want: int, lane: Lane = "background", day: date = TODAY) -> Lease:
    with database.transaction(INSTALLATION) as conn:
        return quota.lease(conn, CONNECTION, kind, want=want, lane=lane, day=day)


def test_lease_takes_tokens_and_says_when_the_next_one_comes(database: Database) -> None:
    _configure(database, "burst", capacity=200, window_seconds=20_000)  # 4 deep, about one in a hundred seconds
    _fill(database, "burst", 4)
    assert _lease(database, "burst", 1).granted == 1
    for _ in range(3):
        assert _lease(database, "burst", 1).granted == 1
    empty = _lease(database, "burst", 1)
    assert empty.granted == 0
    assert 50 < empty.wait_seconds <= 20_000 / 196


def test_lease_covers_half_a_second_at_most(database: Database) -> None:
    _configure(database, "burst", capacity=1000, window_seconds=100)  # 20 deep, 9.8 a second
    _fill(database, "burst", 20)
    assert _lease(database, "burst", 20).granted == 4


def test_hot_takes_ahead_up_to_its_share_and_background_waits_meanwhile(database: Database) -> None:
    _configure(database, "burst", capacity=1000, window_seconds=100_000)  # one in a hundred seconds
    _fill(database, "burst", 0)
    assert _lease(database, "burst", 5).granted == 0
    hot = _lease(database, "burst", 1, "hot")
    assert hot.granted == 1
    assert 50 < hot.wait_seconds <= 100_000 / 980
    _fill(database, "burst", -199.5)
    assert _lease(database, "burst", 1, "hot").granted == 0, "a fifth of the window is taken already"
    behind = _lease(database, "burst", 1)
    assert behind.granted == 0
    assert behind.wait_seconds > 19_000, "the background comes after everything that hot has taken"


def test_no_window_holds_more_than_the_limit_whoever_asks(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six threads in both lanes, by the moments at which the calls granted to them come due, on the database's clock:
    when a thread gets to its call says something of the machine alone. It is never before."""
    due: list[float] = []
    early: list[float] = []
    mine = threading.local()
    original = quota.lease

    def told(conn: Connection, *given: Any, **named: Any) -> Lease:
        found = original(conn, *given, **named)
        row = conn.execute("SELECT extract(epoch FROM refilled_at)::float8 AS at FROM quota").fetchone()
        assert row is not None  # while we hold the row, it is the moment of this lease
        mine.ready = time.monotonic() + found.wait_seconds
        due.extend([row["at"] + found.wait_seconds] * found.granted)
        return found

    monkeypatch.setattr(quota, "lease", told)
    with Database.open(database_dsn, max_size=6) as database:
        _configure(database, "burst", capacity=40, window_seconds=0.5)  # 78 a second

        def call(lane: Lane) -> None:
            source = TokenSource(database, INSTALLATION, CONNECTION, lane=lane, today=lambda: TODAY)
            while len(due) < 150:
                source.take("burst")
                early.extend([mine.ready] if time.monotonic() < mine.ready else [])

        threads = [threading.Thread(target=call, args=[lane]) for lane in ("hot", "background", "background") * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    due.sort()
    assert max(sum(start <= at < start + 0.5 for at in due) for start in due) <= 40
    assert early == []


def test_background_uses_the_whole_limit_when_nothing_is_hot(database: Database) -> None:
    _configure(database, "burst", capacity=1000, window_seconds=1000)  # 0.98 a second
    _fill(database, "burst", 0)
    assert _lease(database, "burst", 1).wait_seconds <= 1000 / 980, "the next token is its own: nothing is held back"


def test_block_stops_everyone_and_the_longer_block_stands(database: Database) -> None:
    _configure(database, "burst", capacity=100, window_seconds=1)
    with database.transaction(INSTALLATION) as conn:
        quota.block(conn, CONNECTION, "burst", seconds=30)
        quota.block(conn, CONNECTION, "burst", seconds=1)
    for lane in ("hot", "background"):
        blocked = _lease(database, "burst", 1, lane)  # type: ignore[arg-type]
        assert blocked.granted == 0
        assert 25 < blocked.wait_seconds <= 30


def test_vendors_remaining_lowers_and_never_raises(database: Database) -> None:
    _configure(database, "burst", capacity=1000, window_seconds=100_000)
    _fill(database, "burst", 10)
    with database.transaction(INSTALLATION) as conn:
        quota.observe(conn, CONNECTION, "burst", remaining=500)
    with database.transaction(INSTALLATION) as conn:
        assert conn.execute("SELECT tokens FROM quota").fetchone() == {"tokens": 10}
        quota.observe(conn, CONNECTION, "burst", remaining=0)
    assert _lease(database, "burst", 1).granted == 0


@pytest.mark.fault("F41")
def test_day_counts_every_kind_keeps_a_fifth_for_hot_and_starts_anew(database: Database) -> None:
    _configure(database, "day", capacity=10, window_seconds=86_400)
    for kind in ("burst", "search"):
        _configure(database, kind, capacity=100_000, window_seconds=1)
        _fill(database, kind, 2000)
    assert _lease(database, "burst", 5).granted == 5
    assert _lease(database, "search", 5).granted == 3
    over = _lease(database, "burst", 1)
    assert (over.granted, over.day_over) == (0, True)
    assert over.wait_seconds == quota.DAY_RETRY_SECONDS
    assert _lease(database, "burst", 5, "hot").granted == 2
    assert _lease(database, "burst", 1, "hot").day_over
    assert _lease(database, "burst", 1, day=date(2026, 4, 2)).granted == 1


@pytest.mark.fault("F41")
def test_the_days_calls_are_ours_up_to_our_share_and_the_limits_that_were_decided(database: Database) -> None:
    with database.transaction(INSTALLATION) as conn:
        quota.configure(conn, CONNECTION, "day", capacity=1000, window_seconds=86_400, share=0.5)
    _configure(database, "burst", capacity=100_000, window_seconds=1)
    _fill(database, "burst", 2000)
    with database.transaction(INSTALLATION) as conn:
        quota.observe_day(conn, CONNECTION, total=20, used=8, day=TODAY)
    assert _lease(database, "burst", 9).granted == 8, "half of twenty, and a fifth of that is the hot lane's"
    with database.transaction(INSTALLATION) as conn:
        found = quota.day_of(conn, CONNECTION, day=TODAY)
        assert found is not None
        assert (found.total, found.told, found.ours, found.everybody, found.share) == (20, True, 8, 8, 0.5)
        quota.limit_day(conn, CONNECTION, hot=9, background=8, day=TODAY)
    assert _lease(database, "burst", 1).day_over
    assert _lease(database, "burst", 5, "hot").granted == 1
    tomorrow = date(2026, 4, 2)
    with database.transaction(INSTALLATION) as conn:
        fresh = quota.day_of(conn, CONNECTION, day=tomorrow)
        assert fresh is not None
        assert (fresh.ours, fresh.everybody, fresh.total) == (0, None, 20), "what was told of a day ends with it"
    assert _lease(database, "burst", 20, day=tomorrow).granted == 8


def test_unknown_kind_is_a_mistake(database: Database) -> None:
    with pytest.raises(UsageError) as refused:
        _lease(database, "burst", 1)
    assert refused.value.reason == "quota_unknown"


def test_another_installations_bucket_is_out_of_reach(database: Database) -> None:
    _configure(database, "burst", capacity=100, window_seconds=1)
    with database.transaction(2) as conn, pytest.raises(UsageError):
        quota.lease(conn, CONNECTION, "burst", want=1, lane="hot", day=TODAY)


def test_source_gives_up_when_the_wait_is_too_long(database: Database) -> None:
    _configure(database, "burst", capacity=100, window_seconds=1)
    with database.transaction(INSTALLATION) as conn:
        quota.block(conn, CONNECTION, "burst", seconds=60)
    source = TokenSource(database, INSTALLATION, CONNECTION, lane="hot", today=lambda: TODAY)
    started = time.monotonic()
    with pytest.raises(QuotaError) as refused:
        source.take("burst", timeout_seconds=5)
    assert time.monotonic() - started < 30, "it was not waited for"
    assert refused.value.reason == "quota_wait"
    assert refused.value.retry_after_seconds is not None
    assert refused.value.retry_after_seconds > 50


def test_threads_that_wait_share_one_lease(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(database, "burst", capacity=1000, window_seconds=1)
    wants: list[int] = []
    entered, go = threading.Event(), threading.Event()
    original = quota.lease

    def counted(*args: object, want: int, **named: object) -> Lease:
        wants.append(want)
        entered.set()
        go.wait(10)
        return original(*args, want=want, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(quota, "lease", counted)
    source = TokenSource(database, INSTALLATION, CONNECTION, lane="background", today=lambda: TODAY)
    threads = [threading.Thread(target=source.take, args=["burst"]) for _ in range(8)]
    threads[0].start()
    entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    until(lambda: source._kinds["burst"].waiting == 8, every=0.001)
    go.set()
    for thread in threads:
        thread.join(10)
    assert wants[0] == 1
    assert wants[1] == 7


def test_calls_that_go_out_together_are_asked_for_together_and_when_they_are_there(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(database, "burst", capacity=150, window_seconds=10)  # 3 deep, one in 68 ms
    _fill(database, "burst", 3)
    granted: list[int] = []
    original = quota.lease

    def counted(*args: object, **named: object) -> Lease:
        found = original(*args, **named)  # type: ignore[arg-type]
        granted.append(found.granted)
        return found

    monkeypatch.setattr(quota, "lease", counted)
    source = TokenSource(database, INSTALLATION, CONNECTION, lane="background", today=lambda: TODAY)
    assert [source.take_some("burst", 8) for _ in range(3)] == [3, 3, 3]
    assert granted == [3, 3, 3], "no question in vain"


def test_a_bucket_that_holds_one_is_asked_for_one(database: Database) -> None:
    _configure(database, "search", capacity=5, window_seconds=1)  # 1 deep, one in 250 ms
    lease = _lease(database, "search", 3)
    assert lease.seconds_for(3) == lease.next_seconds

"""Business time follows real time until somebody sets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import UsageError
from connector.store.clock import (
    BusinessClock,
    is_virtual,
    machine_now,
    refuse_virtual_clock,
    reset_clock,
    set_clock,
)
from connector.store.database import Database

AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def test_fresh_clock_is_the_machines(database: Database) -> None:
    with database.transaction(None) as conn:
        before = machine_now(conn)
        assert before <= BusinessClock.now(conn) <= machine_now(conn)
        assert not is_virtual(conn)
        refuse_virtual_clock(conn)


def test_set_clock_runs_on_from_there(database: Database) -> None:
    with database.transaction(None) as conn:
        set_clock(conn, AT)
        first, second = BusinessClock.now(conn), BusinessClock.now(conn)
        assert AT <= first < second < AT + timedelta(seconds=5)
        assert is_virtual(conn)


def test_clock_may_stand_still_or_run_fast(database: Database) -> None:
    with database.transaction(None) as conn:
        set_clock(conn, AT, rate=0)
        assert BusinessClock.now(conn) == BusinessClock.now(conn) == AT
        set_clock(conn, AT, rate=86_400)
        started = machine_now(conn)
        conn.execute("SELECT pg_sleep(0.01)")
        assert BusinessClock.now(conn) - AT >= 86_400 * timedelta(seconds=0.01)
        assert BusinessClock.now(conn) - AT <= 86_400 * (machine_now(conn) - started + timedelta(seconds=1))


@pytest.mark.fault("F26")
def test_every_connection_reads_the_same_clock(database: Database) -> None:
    with database.transaction(None) as conn:
        set_clock(conn, AT, rate=0)
    with database.autocommit() as conn:
        assert BusinessClock.now(conn) == AT


def test_set_clock_refuses_a_real_vendor_until_it_is_put_back(database: Database) -> None:
    with database.transaction(None) as conn:
        set_clock(conn, AT)
        with pytest.raises(UsageError) as refused:
            refuse_virtual_clock(conn)
        assert refused.value.reason == "clock_is_virtual"
        reset_clock(conn)
        assert not is_virtual(conn)


@pytest.mark.parametrize(
    ("at", "rate", "reason"),
    [(datetime(2026, 4, 1), 1.0, "time_without_zone"), (AT, -1.0, "clock_rate_negative")],
)
def test_clock_refuses_nonsense(database: Database, at: datetime, rate: float, reason: str) -> None:
    with database.transaction(None) as conn, pytest.raises(UsageError) as refused:
        set_clock(conn, at, rate=rate)
    assert refused.value.reason == reason

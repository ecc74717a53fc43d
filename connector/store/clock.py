"""Two clocks, both kept by the database, so that every machine agrees.

**Business time** is one row (anchors and a rate): decisions, wake times, retention and the day of a quota.
Tests and the sandbox may set it; a set clock refuses to start against a real vendor. **Machine time** is the
server's own clock: leases, heartbeats, buckets, freshness. Read business time once a slice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from connector.errors import UsageError
from connector.texts import say

BUSINESS_NOW = "SELECT anchor_business + (clock_timestamp() - anchor_machine) * rate FROM business_clock"
"""Business time, for statements that write it down."""
_SET = """
UPDATE business_clock SET anchor_machine = clock_timestamp(), anchor_business = %s, rate = %s
"""
_ADVANCE = """
UPDATE business_clock
SET anchor_business = anchor_business + (at - anchor_machine) * rate + %s, anchor_machine = at, rate = %s
FROM (SELECT clock_timestamp() AS at OFFSET 0) AS machine
"""
_RESET = """
UPDATE business_clock SET anchor_machine = now(), anchor_business = now(), rate = 1
"""
_IS_VIRTUAL = """
SELECT rate <> 1 OR anchor_business <> anchor_machine FROM business_clock
"""


class BusinessClock:
    """The time that the business lives in."""

    @staticmethod
    def now(connection: psycopg.Connection[Any]) -> datetime:
        """Business time at this moment, in UTC."""
        found: datetime = _scalar(connection, BUSINESS_NOW)
        return found


def machine_now(connection: psycopg.Connection[Any]) -> datetime:
    """The database server's time at this moment (not the transaction's start)."""
    found: datetime = _scalar(connection, "SELECT clock_timestamp()")
    return found


def set_clock(connection: psycopg.Connection[Any], at: datetime, *, rate: float = 1.0) -> None:
    """Set business time to `at` (with a time zone), running `rate` business seconds a second from now on.

    0 stops it. It is for tests and the sandbox: from here on `refuse_virtual_clock` refuses.
    """
    if at.tzinfo is None:
        raise UsageError(
            say("The clock is set to a time with a zone, as in 2026-04-01T09:00+09:00."), reason="time_without_zone"
        )
    if rate < 0:
        raise UsageError(say("Time does not run backwards: the rate is 0 or more."), reason="clock_rate_negative")
    connection.execute(_SET, [at, rate])


def advance_clock(connection: psycopg.Connection[Any], by: timedelta, *, rate: float = 1.0) -> None:
    """Move business time ahead by `by` from what it is at this moment; as `set_clock` for the rest."""
    connection.execute(_ADVANCE, [by, rate])


def reset_clock(connection: psycopg.Connection[Any]) -> None:
    """Back to real time."""
    connection.execute(_RESET)


def is_virtual(connection: psycopg.Connection[Any]) -> bool:
    """Whether business time is anything but real time."""
    found: bool = _scalar(connection, _IS_VIRTUAL)
    return found


def refuse_virtual_clock(connection: psycopg.Connection[Any]) -> None:
    """Raise UsageError when the clock is set: call it before work on a real vendor starts."""
    if is_virtual(connection):
        raise UsageError(
            say(
                "The business clock of this database is set for a sandbox; a real portal must not be worked on "
                "with it. Use another database, or put the clock back to real time."
            ),
            reason="clock_is_virtual",
        )


def _scalar(connection: psycopg.Connection[Any], query: str) -> Any:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query).fetchone()

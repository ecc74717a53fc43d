"""The vendor's limits, shared by every worker: token buckets and a count a day, in the database.

A vendor counts in windows (190 requests in 10 seconds). A bucket that held a whole window would let twice the
limit through in one: what was saved up, and what is refilled meanwhile. So a bucket is shallow (2 % of the
window) and refills at what remains of the limit: at most `capacity` calls in any window, whenever it begins,
and 98 % of the limit in the long run.

Two lanes: the background takes what is there. The hot lane may take ahead of time, up to `hot_share` of a
window, and then waits for its tokens to come due, while the background gets nothing: hot calls are always next in line,
and no part of the limit lies idle when there are none.

Of an account's calls of a day we use a `share`, of which the last `hot_share` is the hot lane's alone. How far each
lane may go is decided by whoever knows what other apps use (`sync.pacing`) and kept here; the lease keeps to it.

Time is the database's. The day is the caller's: the vendor's date on the business clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from connector.errors import QuotaError, UsageError
from connector.store.clock import BUSINESS_NOW
from connector.store.database import Connection, Database
from connector.texts import say

Lane = Literal["hot", "background"]
#: The kind whose capacity is a number of calls a day. Calls of every other kind count against it too.
DAY = "day"
#: A lease covers no more than this, so that what a dying worker takes with it does not matter.
LEASE_SECONDS = 0.5
#: So many background calls that wait for an empty bucket wait together; a bucket holds little more.
TOGETHER = 3
#: How long to leave a used-up day alone before asking again.
DAY_RETRY_SECONDS = 60.0

_DEPTH = "greatest(1, capacity * 0.02)"
_RATE = f"(greatest(capacity - {_DEPTH}, capacity * 0.5) / window_seconds)"
_FILLED = f"""
least({_DEPTH}, tokens + greatest(0, extract(epoch FROM clock_timestamp() - refilled_at)) * {_RATE})
"""

_CONFIGURE = f"""
INSERT INTO quota (installation_id, connection_id, kind, window_seconds, capacity, tokens, hot_share, share)
VALUES (current_setting('tasuki.installation_id')::int, %(connection_id)s, %(kind)s, %(window_seconds)s,
        %(capacity)s, 0, %(hot_share)s, %(share)s)
ON CONFLICT (installation_id, connection_id, kind) DO UPDATE
SET window_seconds = EXCLUDED.window_seconds, capacity = EXCLUDED.capacity, hot_share = EXCLUDED.hot_share,
    share = EXCLUDED.share,
    tokens = least(quota.tokens, {_DEPTH.replace("capacity", "EXCLUDED.capacity")})
"""

_BUDGET = "share * coalesce(told_total, capacity)"

# Both rows are locked in the order of their kind, so that two leases cannot wait for each other.
_LEASE = f"""
WITH rows AS (
    SELECT quota.*, clock_timestamp() AS at, today,
           CASE WHEN day = today THEN used_today ELSE 0 END AS used,
           {_RATE} AS rate, {_DEPTH} AS depth, {_FILLED} AS filled,
           CASE WHEN %(lane)s = 'hot' THEN hot_share * capacity ELSE 0 END AS ahead,
           CASE WHEN %(lane)s = 'hot' THEN coalesce(CASE WHEN limits_day = today THEN hot_limit END, {_BUDGET})
                ELSE coalesce(CASE WHEN limits_day = today THEN background_limit END, (1 - hot_share) * {_BUDGET})
           END AS day_limit
    FROM quota CROSS JOIN LATERAL (
        SELECT coalesce(%(day)s::date, (({BUSINESS_NOW}) AT TIME ZONE quota.zone)::date) AS today
    ) AS clock
    WHERE connection_id = %(connection_id)s AND kind IN (%(kind)s, '{DAY}')
    ORDER BY kind FOR UPDATE OF quota
), offer AS (
    SELECT bool_or(kind = %(kind)s) AS known,
           bool_or(kind = '{DAY}' AND used >= day_limit) AS day_over,
           extract(epoch FROM max(blocked_until - at)) AS blocked_seconds,
           min(floor(CASE WHEN kind = '{DAY}' THEN day_limit - used
                          ELSE least(greatest(1, rate * {LEASE_SECONDS}), filled + ahead) END)) AS most,
           -- the next token of the bucket, when there is none
           max(CASE WHEN kind = '{DAY}' THEN 0 ELSE (1 - filled - ahead) / rate END) AS next_seconds
    FROM rows
), lease AS (
    SELECT *, CASE WHEN blocked_seconds > 0 THEN 0
                   ELSE greatest(0, least(%(want)s, most)) END::int AS granted
    FROM offer
), taken AS (
    UPDATE quota
    SET tokens = CASE WHEN quota.kind = '{DAY}' THEN quota.tokens ELSE rows.filled - lease.granted END,
        refilled_at = greatest(quota.refilled_at, rows.at),
        used_today = rows.used + lease.granted,
        day = rows.today
    FROM rows, lease
    WHERE (quota.installation_id, quota.connection_id, quota.kind)
        = (rows.installation_id, rows.connection_id, rows.kind)
    RETURNING CASE WHEN quota.kind = '{DAY}' THEN 0 ELSE -quota.tokens / rows.rate END AS due_seconds
)
SELECT known, day_over, granted,
       bucket.rate::double precision AS per_second, bucket.depth::double precision AS depth,
       ((1 - bucket.filled - bucket.ahead + granted) / bucket.rate)::double precision AS next_seconds,
       CASE WHEN blocked_seconds > 0 THEN blocked_seconds
            WHEN granted > 0 THEN (SELECT max(due_seconds) FROM taken)
            WHEN day_over THEN {DAY_RETRY_SECONDS}
            ELSE lease.next_seconds END::double precision AS wait_seconds
FROM lease LEFT JOIN rows AS bucket ON bucket.kind = %(kind)s
"""

_BLOCK = """
UPDATE quota SET blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE connection_id = %(connection_id)s AND kind = %(kind)s
"""

_OBSERVE = f"""
UPDATE quota SET tokens = least({_FILLED}, %(remaining)s), refilled_at = clock_timestamp()
WHERE connection_id = %(connection_id)s AND kind = %(kind)s AND {_FILLED} > %(remaining)s
"""

_OBSERVE_DAY = f"""
UPDATE quota SET told_total = %(total)s, told_used = %(used)s, told_day = %(day)s
WHERE connection_id = %(connection_id)s AND kind = '{DAY}'
"""

_DAY_OF = f"""
SELECT coalesce(told_total, capacity) AS total, told_total IS NOT NULL AS told, share, hot_share,
       CASE WHEN day = %(day)s THEN used_today ELSE 0 END AS ours,
       CASE WHEN told_day = %(day)s THEN told_used END AS everybody, blocked_until
FROM quota WHERE connection_id = %(connection_id)s AND kind = '{DAY}'
"""

_LIMIT_DAY = f"""
UPDATE quota SET hot_limit = %(hot)s, background_limit = %(background)s, limits_day = %(day)s
WHERE connection_id = %(connection_id)s AND kind = '{DAY}'
  AND (hot_limit, background_limit, limits_day) IS DISTINCT FROM (%(hot)s, %(background)s, %(day)s)
"""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """What was granted, and how long to wait: before using it, or before asking again when it is nothing.

    `day_over`: nothing was granted because the day's calls of this lane are used up.
    """

    granted: int
    wait_seconds: float
    day_over: bool = False
    per_second: float = 0.0  #: How many tokens come due in a second.
    depth: float = 0.0  #: How many may be there at once.
    next_seconds: float = 0.0  #: After that long one more is there; negative: since when.

    def seconds_for(self, want: int) -> float:
        """How long until as many of these are there as are worth a question."""
        together = max(1, min(want, TOGETHER, int(self.depth)))
        return self.next_seconds + (together - 1) / self.per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """What is counted of an account's day. `everybody`: all apps, ours included; None: the vendor has not told yet.

    `told`: the vendor told `total` itself; else it is what such an account usually has.
    """

    total: float
    told: bool
    share: float
    hot_share: float
    ours: float
    everybody: float | None
    blocked_until: datetime | None


def configure(
    connection: Connection,
    connection_id: int,
    kind: str,
    *,
    capacity: float,
    window_seconds: float,
    hot_share: float = 0.2,
    share: float = 1.0,
) -> None:
    """Set a limit: `capacity` calls in any `window_seconds`. Kind `day`: the account's calls a day, and our share."""
    connection.execute(
        _CONFIGURE,
        {
            "connection_id": connection_id,
            "kind": kind,
            "capacity": capacity,
            "window_seconds": window_seconds,
            "hot_share": hot_share,
            "share": share,
        },
    )


def lease(connection: Connection, connection_id: int, kind: str, *, want: int, lane: Lane, day: date | None) -> Lease:
    """Take up to `want` calls of `kind`, in one statement; also counts them for the day (None: the business clock's).

    Call it in a short `database.transaction(installation_id)` of its own: it holds the bucket's row lock
    until that commits. Raises UsageError for a kind that was never configured.
    """
    row = connection.execute(
        _LEASE, {"connection_id": connection_id, "kind": kind, "want": want, "lane": lane, "day": day}
    ).fetchone()
    if row is None or not row["known"]:
        raise UsageError(
            say(
                "Connection {connection_id} has no quota of kind {kind!r}; configure it when the connection is made.",
                connection_id=connection_id,
                kind=kind,
            ),
            reason="quota_unknown",
        )
    granted = int(row["granted"])
    return Lease(
        granted=granted,
        wait_seconds=max(0.0, row["wait_seconds"]),
        day_over=bool(row["day_over"]) and granted == 0,
        per_second=row["per_second"],
        depth=row["depth"],
        next_seconds=row["next_seconds"],
    )


def block(connection: Connection, connection_id: int, kind: str, *, seconds: float) -> None:
    """After a 429: nobody calls this kind for `seconds`. A longer block that stands is kept."""
    connection.execute(_BLOCK, {"connection_id": connection_id, "kind": kind, "seconds": seconds})


def observe(connection: Connection, connection_id: int, kind: str, *, remaining: float) -> None:
    """The vendor says how many calls remain in its window; ours are lowered to that when they are more."""
    connection.execute(_OBSERVE, {"connection_id": connection_id, "kind": kind, "remaining": remaining})


def observe_day(connection: Connection, connection_id: int, *, total: float, used: float, day: date) -> None:
    """The vendor says how many calls the account has a day, and how many are used, by anyone."""
    connection.execute(_OBSERVE_DAY, {"connection_id": connection_id, "total": total, "used": used, "day": day})


def day_of(connection: Connection, connection_id: int, *, day: date) -> DayRow | None:
    """What is counted of this day; None where no limit of a day was configured."""
    row = connection.execute(_DAY_OF, {"connection_id": connection_id, "day": day}).fetchone()
    return DayRow(**row) if row is not None else None


def set_zone(connection: Connection, connection_id: int, zone: str) -> None:
    """Whose midnight begins the account's day."""
    connection.execute("UPDATE quota SET zone = %s WHERE connection_id = %s", [zone, connection_id])


def limit_day(connection: Connection, connection_id: int, *, hot: float, background: float, day: date) -> None:
    """Up to which count of our calls each lane may go on this day."""
    values = {"connection_id": connection_id, "hot": hot, "background": background, "day": day}
    connection.execute(_LIMIT_DAY, values)


class TokenSource:
    """Hands out one connection's tokens to the threads of this process, in one lane.

    Threads that wait for the same kind share a lease: one of them asks the database for all. `today` None: the day is
    the business clock's, asked for with the lease.
    """

    def __init__(
        self,
        database: Database,
        installation_id: int,
        connection_id: int,
        *,
        lane: Lane,
        today: Callable[[], date] | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._database = database
        self._installation_id = installation_id
        self._connection_id = connection_id
        self._lane: Lane = lane
        self._today = today
        self._wait = wait
        self._kinds: dict[str, _Queue] = {}
        self._lock = threading.Lock()

    def take(self, kind: str, *, timeout_seconds: float = 30.0) -> None:
        """Return when one call of `kind` may be made.

        Raises QuotaError(reason="quota_day" or "quota_wait", with retry_after_seconds) when that
        will not be within `timeout_seconds`; the caller gives its slice up and puts `not_before` on its rows.
        """
        self.take_some(kind, 1, timeout_seconds=timeout_seconds)

    def take_some(self, kind: str, most: int, *, timeout_seconds: float = 30.0) -> int:
        """The same for up to `most` calls that are made at once, as many as there are; returns for how many."""
        with self._lock:
            queue = self._kinds.setdefault(kind, _Queue())
        deadline = time.monotonic() + timeout_seconds
        with queue.condition:
            queue.waiting += most
            try:
                while queue.tokens == 0:
                    if queue.led:
                        queue.condition.wait()
                    else:
                        self._lead(queue, kind, deadline)
                taken = min(most, queue.tokens)
                queue.tokens -= taken
                return taken
            finally:
                queue.waiting -= most
                queue.condition.notify_all()

    def _lead(self, queue: _Queue, kind: str, deadline: float) -> None:
        """Ask for everyone who waits; called with the condition held, which is let go meanwhile."""
        want = queue.waiting
        queue.led = True
        queue.condition.release()
        granted = 0
        try:
            granted = self._lease(queue, kind, want, deadline)
        finally:
            queue.condition.acquire()
            queue.led = False
            queue.tokens += granted

    def _lease(self, queue: _Queue, kind: str, want: int, deadline: float) -> int:
        self._rest(queue, want, deadline)
        day = self._today() if self._today is not None else None
        # a token lost in a crash of the server is a call not made: not worth waiting for the disk
        with self._database.transaction(self._installation_id, durable=False) as connection:
            found = lease(connection, self._connection_id, kind, want=want, lane=self._lane, day=day)
        if not found.granted and time.monotonic() + found.wait_seconds > deadline:
            raise QuotaError(
                say("The limit of {kind} calls is used up; they go on by themselves.", kind=kind),
                reason="quota_day" if found.day_over else "quota_wait",
                retry_after_seconds=found.wait_seconds,
            )
        queue.last, queue.last_at = found if found.granted else None, time.monotonic()
        wait_seconds = found.wait_seconds
        if not found.granted and self._lane == "background" and found.per_second > 0:
            # for several tokens at once: a question for each would cost more than the calls
            wait_seconds += found.seconds_for(want) - found.next_seconds
        if wait_seconds > 0:
            self._wait(wait_seconds)
        return found.granted

    def _rest(self, queue: _Queue, want: int, deadline: float) -> None:
        """Until several tokens are there again, as the last lease told: an earlier question would be in vain.

        The hot lane never rests: it may take ahead of time.
        """
        if queue.last is None or self._lane == "hot":
            return
        now, ready = time.monotonic(), queue.last_at + queue.last.seconds_for(want)
        if now < ready < deadline:
            self._wait(ready - now)


class _Queue:
    """The threads that wait for one kind."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.tokens = 0
        self.waiting = 0
        self.led = False
        self.last: Lease | None = None  #: What was granted last.
        self.last_at = 0.0

"""The connection's rate limits as the vendor clients take them: one bucket a kind in the database, for all workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from connector.store import quota
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.quota import TokenSource
from connector.vendors.base import Lane

REMAINING = "x-hubspot-ratelimit-remaining"
DAILY = "x-hubspot-ratelimit-daily"
DAILY_REMAINING = "x-hubspot-ratelimit-daily-remaining"


class SharedTokens:
    """Implements `vendors.http.Tokens` over the quota table. `today` None: the business clock's."""

    def __init__(
        self, database: Database, installation_id: int, connection_id: int, *, today: Callable[[], date] | None = None
    ) -> None:
        self._database = database
        self._installation_id = installation_id
        self._connection_id = connection_id
        self._today = today
        self._sources = {
            lane: TokenSource(database, installation_id, connection_id, lane=lane.value, today=today) for lane in Lane
        }

    def take(self, kind: str, lane: Lane) -> None:
        """See `Tokens.take`."""
        self._sources[lane].take(kind)

    def observe(self, kind: str, headers: Mapping[str, str]) -> None:
        """Lower our bucket when the vendor says that less remains: others call this account too."""
        remaining = _number(headers.get(REMAINING))
        daily, left = _number(headers.get(DAILY)), _number(headers.get(DAILY_REMAINING))
        tight = remaining is not None and remaining < TIGHT
        if not tight and not (daily and left is not None and left < daily * DAY_TIGHT):
            return
        with self._database.transaction(self._installation_id) as conn:
            if tight and remaining is not None:
                quota.observe(conn, self._connection_id, kind, remaining=remaining)
            if daily is not None and left is not None:
                day = self._today() if self._today is not None else BusinessClock.now(conn).date()
                quota.observe_day(conn, self._connection_id, used=int(daily - left), day=day)

    def block(self, kind: str, seconds: float) -> None:
        """See `Tokens.block`."""
        with self._database.transaction(self._installation_id) as conn:
            quota.block(conn, self._connection_id, kind, seconds=seconds)


TIGHT = 20.0
"""The vendor's own count matters only near its end: a statement for every answer would cost more than it tells."""

DAY_TIGHT = 0.5


def configure(conn: Connection, connection_id: int, limits: Mapping[str, tuple[float, float]]) -> None:
    """Set the connection's limits: kind → (calls, window in seconds)."""
    for kind, (capacity, window_seconds) in limits.items():
        quota.configure(conn, connection_id, kind, capacity=capacity, window_seconds=window_seconds)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None

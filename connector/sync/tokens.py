"""The connection's rate limits as the vendor clients take them: one bucket a kind in the database, for all workers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from connector.store import quota
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.quota import DAY, TokenSource
from connector.sync.governor import decide_day
from connector.sync.pacing import VendorDay
from connector.vendors.base import Lane

REMAINING = "x-hubspot-ratelimit-remaining"
DAILY = "x-hubspot-ratelimit-daily"
DAILY_REMAINING = "x-hubspot-ratelimit-daily-remaining"
LIMIT_INFO = "sforce-limit-info"
_API_USAGE = re.compile(r"\bapi-usage=([0-9]+)/([0-9]+)")


class SharedTokens:
    """Implements `vendors.http.Tokens` over the quota table. `day` tells how the account counts its day."""

    def __init__(
        self, database: Database, installation_id: int, connection_id: int, *, day: Callable[[datetime], VendorDay]
    ) -> None:
        self._database = database
        self._installation_id = installation_id
        self._connection_id = connection_id
        self._day = day
        self._told = -1.0  #: How much of the day everybody had used when we wrote it down last.
        self._sources = {lane: TokenSource(database, installation_id, connection_id, lane=lane.value) for lane in Lane}

    def take(self, kind: str, lane: Lane) -> None:
        """See `Tokens.take`."""
        self._sources[lane].take(kind)

    def take_some(self, kind: str, lane: Lane, most: int) -> int:
        """See `Tokens.take_some`."""
        return self._sources[lane].take_some(kind, most)

    def observe(self, kind: str, headers: Mapping[str, str]) -> None:
        """Learn how much of a window, and of the account's day, is left: others call this account too."""
        given = {name.lower(): value for name, value in headers.items()}
        remaining = _number(given.get(REMAINING))
        tight = remaining is not None and remaining < TIGHT
        usage = day_usage(given)
        news = usage is not None and self._is_news(*usage)
        if not tight and not news:
            return
        with self._database.transaction(self._installation_id) as conn:
            if tight and remaining is not None:
                quota.observe(conn, self._connection_id, kind, remaining=remaining)
            if news and usage is not None:
                today = self._day(BusinessClock.now(conn))
                used, total = usage
                quota.observe_day(conn, self._connection_id, total=total, used=used, day=today.date)
                decide_day(conn, self._connection_id, today)
                self._told = used

    def block(self, kind: str, seconds: float) -> None:
        """See `Tokens.block`."""
        with self._database.transaction(self._installation_id) as conn:
            quota.block(conn, self._connection_id, kind, seconds=seconds)

    def _is_news(self, used: float, total: float) -> bool:
        """A statement for every answer would cost more than it tells."""
        return self._told < 0 or abs(used - self._told) >= max(1.0, total * WORTH_TELLING)


TIGHT = 20.0
"""The vendor's own count of a window matters only near its end."""

WORTH_TELLING = 0.002
"""How much of the day must have been used, by anybody, since it was written down last."""


def day_usage(headers: Mapping[str, str]) -> tuple[float, float] | None:
    """(used by everybody, all there is) of the account's day, as the headers (small letters) tell; None: they do not.

    HubSpot counts from midnight in the portal's zone, Salesforce over the last 24 hours.
    """
    total, left = _number(headers.get(DAILY)), _number(headers.get(DAILY_REMAINING))
    if total and left is not None:
        return max(0.0, total - left), total
    found = _API_USAGE.search(headers.get(LIMIT_INFO, ""))
    return (float(found[1]), float(found[2])) if found and float(found[2]) else None


def configure(
    conn: Connection, connection_id: int, limits: Mapping[str, tuple[float, float]], *, share: float = 0.5
) -> None:
    """Set the connection's limits: kind → (calls, window in seconds); `share` is our part of the account's day."""
    for kind, (capacity, window_seconds) in limits.items():
        part = share if kind == DAY else 1.0
        quota.configure(conn, connection_id, kind, capacity=capacity, window_seconds=window_seconds, share=part)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None

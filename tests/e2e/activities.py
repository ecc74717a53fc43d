"""What people log in the CRM, and what time it is there."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.vendors.hubspot.activities import CONNECTED, NO_ANSWER
from tests.e2e.relay import Relay

__all__ = ["CONNECTED", "NO_ANSWER", "log", "now"]


def now(relay: Relay) -> datetime:
    """The portal's time."""
    return datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)


def log(relay: Relay, kind: str, *people: str, at: datetime | None = None, **values: str) -> str:
    """A person logs an activity; returns its id."""
    given = {"hs_timestamp": (at or now(relay)).isoformat()} | values
    return str(relay.sandbox.create(kind, given, associations=[("contacts", one) for one in people])["id"])

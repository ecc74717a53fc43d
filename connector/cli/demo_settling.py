"""When a demo's stack has come to rest: nobody has anything to tell, and nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from connector.store import connections
from connector.store.clock import BusinessClock
from connector.store.database import Database
from connector.store.inspection import unfinished

SETTLE_SECONDS: Final = 90.0
QUIET_SECONDS: Final = 1.0


def settle(busy: Callable[[], bool]) -> None:
    """Return when nothing was left to do for a moment; or after long enough, and the proof tells what lacks."""
    quiet_since = time.monotonic()
    deadline = quiet_since + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if busy():
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= QUIET_SECONDS:
            return
        time.sleep(0.1)


def is_busy(database: Database, installation_id: int, connection_id: int) -> bool:
    """Whether the product has something to do, or has not yet met everybody of this connection."""
    with database.transaction(installation_id) as conn:
        left = unfinished(conn, BusinessClock.now(conn))
        swept, _ = connections.cursor(conn, connection_id, "sweep")
    return bool(left) or swept is None or swept["type"] != "done"

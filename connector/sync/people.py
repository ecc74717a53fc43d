"""Who may own records, and in which teams: read again every hour, since people come, go and change teams.

Whoever may no longer own records leaves work behind: the leads that they own are decided again. Absences are no part of
this: no CRM's owners tell of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.store import connections
from connector.store.database import Connection
from connector.sync.context import Line
from connector.sync.presence import people_changed
from connector.vendors.base import Owner

EVERY_SECONDS = 3600.0
_KIND = "owners"


def owners_due(line: Line) -> bool:
    """True when the account's owners are to be read again."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return connections.cursor(conn, line.connection_id, _KIND)[1]


def refresh_owners(line: Line) -> int:
    """Read them; returns how many there are."""
    owners = line.vendor.owners()
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        left = store_owners(conn, tenant.installation_id, line.connection_id, owners)
        if left:
            people_changed(tenant, conn, left, tenant.now(conn))
    return len(owners)


def store_owners(conn: Connection, installation_id: int, connection_id: int, owners: Sequence[Owner]) -> list[str]:
    """Store the owners as read just now; returns those who may own records no more."""
    rows: list[dict[str, Any]] = [
        {
            "vendor_id": one.id,
            "email": one.email,
            "name": one.name,
            "active": one.active,
            "teams": list(one.teams),
            "user_id": one.user_id,
        }
        for one in owners
    ]
    left = connections.put_owners(conn, installation_id, connection_id, rows)
    connections.put_cursor(conn, installation_id, connection_id, kind=_KIND, position={}, again_seconds=EVERY_SECONDS)
    return left

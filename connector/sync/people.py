"""Who may own records, and in which teams: read again every hour, since people come, go and change teams.

Whoever may no longer own records leaves work behind: the leads that they own are decided again. Absences are no part of
this: no CRM's owners tell of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.store import connections, leads
from connector.store.database import Connection
from connector.sync.context import Line
from connector.vendors.base import Lane, Owner

EVERY_SECONDS = 3600.0
_KIND = "owners"

_LEADS_OF = """
SELECT identity.lead_id FROM mirror JOIN identity USING (installation_id, connection_id, object_type, vendor_id)
WHERE mirror.connection_id = %(connection_id)s AND mirror.object_type = %(object_type)s AND mirror.gone IS NULL
  AND identity.gone IS NULL AND mirror.properties ->> %(property)s = ANY(%(owners)s)
ORDER BY identity.lead_id
"""


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
            values = {
                "connection_id": line.connection_id,
                "object_type": line.dialect.person_type,
                "property": line.dialect.owner_property,
                "owners": left,
            }
            due = [int(row["lead_id"]) for row in conn.execute(_LEADS_OF, values)]
            lane, now = Lane.BACKGROUND.value, tenant.now(conn)
            leads.mark_due(conn, tenant.installation_id, due, at=now, why="owner", lane=lane)
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

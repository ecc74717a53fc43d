"""A connection that lets us in no more is paused: nothing is called, what comes in is kept, people are told once.

It is tried again by itself. Only when it has stood for a while it counts as going on, and people are told that: a
grant that is half restored would tell them every few minutes.
"""

from __future__ import annotations

import structlog

from connector.errors import AuthError, QuotaError
from connector.store import connections
from connector.store.clock import machine_now
from connector.store.connections import ConnectionRow
from connector.store.database import Connection
from connector.sync.context import Line, Tenant
from connector.sync.noticing import keep_about_connection
from connector.texts import say

log = structlog.get_logger()

TRY_AGAIN_SECONDS = 900.0
STANDS_AFTER_SECONDS = 300.0
QUOTA = "quota_day"
"""The reason of a pause that is nobody's business: it ends with the day."""


def pause(line: Line, error: AuthError | QuotaError) -> None:
    """Stop calling this account; who is to hear of it hears once, however often it is tried again in vain."""
    tenant = line.tenant
    seconds = error.retry_after_seconds if isinstance(error, QuotaError) else TRY_AGAIN_SECONDS
    with tenant.database.transaction(tenant.installation_id) as conn:
        if not connections.pause(conn, line.connection_id, reason=error.reason, seconds=seconds):
            return
        log.error("connection_paused", connection_id=line.connection_id, reason=error.reason)
        if error.reason != QUOTA:
            _tell_paused(tenant, conn, _row(conn, line.connection_id))


def go_on(tenant: Tenant, conn: Connection) -> None:
    """Try again what was paused long enough, and tell of what stands again."""
    for connection_id, reason in connections.try_again(conn, stands_after_seconds=STANDS_AFTER_SECONDS).items():
        log.info("connection_goes_on", connection_id=connection_id, reason=reason)
        if reason != QUOTA:
            _tell_going_on(tenant, conn, connection_id)


def _tell_going_on(tenant: Tenant, conn: Connection, connection_id: int) -> None:
    row, at = _row(conn, connection_id), machine_now(conn)
    text = say(
        "Tasuki has access to {vendor} account {account} again. What had come in meanwhile is being worked off.",
        vendor=row.vendor,
        account=row.account_id,
    )
    keep_about_connection(tenant, conn, f"resumed:{connection_id}:{at.isoformat()}", text, at=tenant.now(conn))


def _tell_paused(tenant: Tenant, conn: Connection, row: ConnectionRow) -> None:
    text = say(
        "Tasuki has no access to {vendor} account {account} any more ({reason}). Nothing is read or written there; what"
        " comes in is kept. Give the app access again, then run `tasuki connect`; it is also tried every {minutes}"
        " minutes.",
        vendor=row.vendor,
        account=row.account_id,
        reason=row.paused_reason,
        minutes=round(TRY_AGAIN_SECONDS / 60),
    )
    keep_about_connection(tenant, conn, f"paused:{row.id}:{row.paused_at}", text, at=tenant.now(conn))


def _row(conn: Connection, connection_id: int) -> ConnectionRow:
    return next(one for one in connections.listed(conn) if one.id == connection_id)

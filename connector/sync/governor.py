"""The governor: what is counted of an account's day becomes how far each lane may go, which every lease keeps to."""

from __future__ import annotations

from connector.store import quota
from connector.store.database import Connection
from connector.store.quota import DayRow
from connector.sync.context import Line
from connector.sync.pacing import Allowance, Usage, VendorDay, allowance


def decide_day(conn: Connection, connection_id: int, day: VendorDay) -> Allowance | None:
    """Decide it from what is counted by now, and keep it; None where the account has no limit of a day."""
    row = quota.day_of(conn, connection_id, day=day.date)
    if row is None:
        return None
    found = allowance(usage_of(row), day.elapsed)
    hot, background = row.ours + found.hot, row.ours + found.next_portion
    quota.limit_day(conn, connection_id, hot=hot, background=background, day=day.date)
    return found


def background_goes_on(line: Line) -> bool:
    """False while nothing that nobody waits for may call this account; decides anew how much it may."""
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        found = decide_day(conn, line.connection_id, line.day(tenant.now(conn)))
    return found is None or found.next_portion >= 1


def usage_of(row: DayRow) -> Usage:
    """What was counted, as the decision takes it."""
    return Usage(total=row.total, ours=row.ours, everybody=row.everybody, share=row.share, hot_share=row.hot_share)

"""`tasuki announcements`: what was announced, and how many of those who waited have come again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from connector.bootstrap import Runtime
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.store import announcements
from connector.store.clock import BusinessClock
from connector.store.database import Connection
from connector.sync.announcing import waiting_for
from connector.sync.context import Tenant
from connector.texts import say

_EVER = datetime.fromtimestamp(0, tz=UTC)


@click.command(name="announcements")
@click.option("--stop", type=int, help="The announcement of this number wakes nobody any more.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(stop: int | None, as_json: bool) -> None:
    """List what was announced, the latest first."""
    settings = read_settings()
    with opened(settings) as database:
        tenant = Runtime(database, settings).tenant(installation(database))
        if tenant is None:
            raise UsageError(say("No policy is running yet: run `tasuki activate DIR`."), reason="no_policy")
        with database.transaction(tenant.installation_id) as conn:
            if stop is not None and not announcements.end(conn, stop, BusinessClock.now(conn)):
                raise UsageError(
                    say("There is no announcement {stop} that still wakes leads.", stop=stop), reason="no_announcement"
                )
            found = [_row(tenant, conn, one) for one in announcements.listed(conn)]
    if as_json:
        emit(found)
        return
    if stop is not None:
        line(say("Announcement {stop} wakes nobody any more.", stop=stop))
    columns = ("No.#", "Policy", "Signal", "About", "Announced", "Came again#", "Wait#", "A day#", "Ended", "Note")
    table(say("Announcements"), columns, [tuple(one.values()) for one in found], none=say("none."))


def _row(tenant: Tenant, conn: Connection, one: announcements.Announcement) -> dict[str, Any]:
    signal = tenant.under(one.policy).plan.policy.signals.get(one.signal)
    woken, _ = announcements.woken(conn, one.id, _EVER)
    return {
        "id": one.id,
        "policy": one.policy,
        "signal": one.signal,
        "about": one.about,
        "announced_at": one.announced_at,
        "woken": woken,
        "waiting": sum(1 for _ in waiting_for(tenant, conn, one)) if one.ended_at is None else 0,
        "per_day": signal.per_day if signal is not None else None,
        "ended_at": one.ended_at,
        "note": one.note,
    }

"""`tasuki quota`: what of the accounts' calls of today is used, by us and others, and how the day is going to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from connector.bootstrap import day_of_account
from connector.cli.output import emit, line, plain, table
from connector.cli.session import installation, opened, read_settings
from connector.store import connections, quota
from connector.store.clock import BusinessClock
from connector.store.connections import ConnectionRow
from connector.store.database import Connection
from connector.store.quota import DayRow
from connector.sync.governor import usage_of
from connector.sync.pacing import Allowance, Pace, Reason, VendorDay, allowance
from connector.texts import say, word


@dataclass(frozen=True, slots=True)
class AccountDay:
    """One account's day."""

    row: ConnectionRow
    day: VendorDay
    counted: DayRow
    found: Allowance


@click.command(name="quota")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(as_json: bool) -> None:
    """Show each CRM account's API calls of today: ours, those of other apps, the forecast, and what is slowed."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        accounts = accounts_today(conn, BusinessClock.now(conn))
    if as_json:
        emit([_facts(one) for one in accounts])
        return
    table(
        say("API calls of today"),
        (
            "CRM",
            "Account",
            "A day#",
            "Share#",
            "Ours#",
            "Others#",
            "Ours by evening#",
            "Others by evening#",
            "Background",
        ),
        [_cells(one) for one in accounts],
        none=say("none: run `tasuki connect DIR`."),
    )
    for one in accounts:
        if one.found.reason is not None:
            line(slowed(one))


def accounts_today(conn: Connection, now: datetime) -> list[AccountDay]:
    """Every connected account's day, as far as it has come."""
    found = []
    for row in connections.listed(conn):
        day = day_of_account(row)(now)
        counted = quota.day_of(conn, row.id, day=day.date)
        if counted is not None:
            found.append(AccountDay(row, day, counted, allowance(usage_of(counted), day.elapsed)))
    return found


def _others(one: AccountDay) -> float | None:
    """What other apps used; None: the CRM has not told today."""
    return None if one.counted.everybody is None else max(0.0, one.counted.everybody - one.counted.ours)


def _facts(one: AccountDay) -> dict[str, Any]:
    return {
        "connection_id": one.row.id,
        "vendor": one.row.vendor,
        "account_id": one.row.account_id,
        "day": one.day.date,
        "day_elapsed": round(one.day.elapsed, 4),
        "calls_a_day": one.counted.total,
        "told_by_vendor": one.counted.told,
        "share": one.counted.share,
        "ours": one.counted.ours,
        "others": _others(one),
        "ours_by_evening": round(one.found.ours_by_evening),
        "others_by_evening": None if _others(one) is None else round(one.found.others_by_evening),
        "hot_left": int(one.found.hot),
        "background_left": int(one.found.background),
        "background": one.found.pace.value,
        "because": one.found.reason.value if one.found.reason is not None else None,
        "blocked_until": one.counted.blocked_until,
    }


def _cells(one: AccountDay) -> tuple[object, ...]:
    others = _others(one)
    return (
        one.row.vendor,
        one.row.account_id,
        f"{one.counted.total:,.0f}",
        f"{one.counted.share:.0%}",
        f"{one.counted.ours:,.0f}",
        plain(None) if others is None else f"{others:,.0f}",
        f"{one.found.ours_by_evening:,.0f}",
        plain(None) if others is None else f"{one.found.others_by_evening:,.0f}",
        word(one.found.pace.value),
    )


def slowed(one: AccountDay) -> str:
    """Why background work is slower than it could be; to be asked only where there is a reason."""
    account, left = one.row.account_id, f"{one.found.background:,.0f}"
    if one.found.reason is Reason.OTHERS:
        return (
            say(
                "{account}: background work has stopped: other apps will need what is left of the day.", account=account
            )
            if one.found.pace is Pace.STOPPED
            else say(
                "{account}: background work is slowed, for other apps; {left} calls are left for it.",
                account=account,
                left=left,
            )
        )
    return (
        say("{account}: background work has stopped: its part of the day is used up.", account=account)
        if one.found.pace is Pace.STOPPED
        else say(
            "{account}: background work is slowed; {left} calls are left for it today.", account=account, left=left
        )
    )

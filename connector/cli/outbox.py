"""`tasuki outbox`: reads and writes that are outstanding, and what holds them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from connector.cli.output import emit, line, table
from connector.cli.reasons import cause, remedy
from connector.cli.session import installation, opened, read_settings
from connector.store import connections, inspection, outstanding
from connector.store.clock import machine_now
from connector.store.connections import ConnectionRow
from connector.store.inspection import OutstandingRow
from connector.texts import joined, say, shown, word


@click.group(name="outbox")
def command() -> None:
    """List and retry what is still to be read from or written to the CRM."""


@command.command(name="list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="At most so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(limit: int, as_json: bool) -> None:
    """List records with a read or a write outstanding, next first, and connections that are paused."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        now = machine_now(conn)
        rows = [_facts(row) for row in inspection.outstanding(conn, limit=limit)]
        paused = [_paused(one) for one in connections.listed(conn) if one.status == "paused"]
    if as_json:
        emit({"at": now, "paused_connections": paused, "outstanding": rows})
        return
    for one in paused:
        until = say(" until {until}", until=one["until"].isoformat()) if one["until"] else ""
        line(
            say(
                "! Connection {connection_id} is paused{until}: {cause}. {remedy}",
                connection_id=one["connection_id"],
                until=until,
                cause=one["cause"],
                remedy=one["remedy"],
            )
        )
    shown = [
        (
            one["lead_id"],
            one["vendor_id"],
            word(one["lane"]),
            joined("+", (word(what) for what in ("read", "write") if one[what])),
            one["not_before"] if one["not_before"] and one["not_before"] > now else say("now"),
            one["attempts"],
        )
        for one in rows
    ]
    table(
        say("Outstanding"), ("Lead#", "Contact", "Lane", "For", "Not before", "Attempts#"), shown, none=say("nothing.")
    )


@command.command(name="retry")
@click.argument("leads", metavar="LEAD...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
@click.option("--all", "everything", is_flag=True, help="Retry all that is outstanding.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def retry(leads: Sequence[int], everything: bool, as_json: bool) -> None:
    """Have what waits after a failure tried at once. LEAD is the number that the list shows.

    A connection that is paused, and a limit that the CRM says is used up, are waited for all the same. Exits with 1
    when nothing of a lead that is named is outstanding.
    """
    if everything == bool(leads):
        raise click.UsageError(shown(say("Name the leads, or give --all.")))
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        hit = outstanding.at_once(conn, None if everything else leads)
    missed = sorted(set(leads) - hit)
    if as_json:
        emit({"retried": sorted(hit), "not_outstanding": missed})
    else:
        line(say("Retried: {count}.", count=len(hit)))
        for lead_id in missed:
            line(say("Nothing outstanding: lead {lead_id}", lead_id=lead_id))
    if missed:
        click.get_current_context().exit(1)


def _facts(row: OutstandingRow) -> dict[str, Any]:
    return {
        "lead_id": row.lead_id,
        "connection_id": row.connection_id,
        "vendor_id": row.vendor_id or None,  # a person whom the CRM may not know yet has none
        "lane": row.lane,
        "read": row.reading,
        "write": row.writing,
        "not_before": row.not_before,
        "attempts": row.attempts,
    }


def _paused(row: ConnectionRow) -> dict[str, Any]:
    reason = row.paused_reason or "paused"
    return {
        "connection_id": row.id,
        "account_id": row.account_id,
        "reason": reason,
        "cause": cause(reason),
        "remedy": remedy(reason),
        "until": row.paused_until,
    }

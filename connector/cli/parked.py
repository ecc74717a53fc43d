"""`tasuki parked`: what waits for a person. Nothing here blocks anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import click
import structlog

from connector.cli.output import emit, line, table
from connector.cli.reasons import cause, remedy
from connector.cli.session import installation, opened, read_settings
from connector.store import leads, parked
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.parked import ItemName, ParkedItem
from connector.texts import joined, say, shown, word

_ALL = 100_000
_log = structlog.get_logger(__name__)


@click.group(name="parked")
def command() -> None:
    """List, retry and drop what waits for a person: records, single properties, tasks, leads, deliveries, drift."""


@command.command(name="list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _ALL), help="At most so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(limit: int, as_json: bool) -> None:
    """List what is parked, why, and what to do about it. Exits with 0 whether or not there is anything."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        found = parked.listed(conn, limit=limit)
    if as_json:
        emit([asdict(one) | {"cause": cause(one.reason), "remedy": remedy(one.reason)} for one in found])
        return
    table(say("Parked"), ("Item", "Contact", "What", "Cause", "Remedy", "Since"), [_row(one) for one in found])
    if found:
        line(
            say(
                "Once the cause is mended: `tasuki parked retry ITEM`; to give it up: "
                "`tasuki parked drop ITEM --reason …`."
            )
        )


def _row(one: ParkedItem) -> tuple[object, ...]:
    said, why = cause(one.reason), one.reason
    if one.kind == "drift" and one.message:  # the likely cause: a machine word too
        said, why = joined(": ", (said, cause(one.message))), one.message
    elif one.message:
        said = joined("", (said, f" ({one.message})"))
    return (one.item, one.vendor_id, one.what, said, remedy(why), one.at)


@command.command(name="retry")
@click.argument("items", metavar="ITEM...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Retry all that is parked.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def retry(items: Sequence[str], everything: bool, as_json: bool) -> None:
    """Have parked items tried again, once their cause is mended. Exits with 1 when an item is not parked."""
    if everything == bool(items):
        raise click.UsageError(shown(say("Name the items, or give --all.")))
    with opened(read_settings()) as database:
        names = _everything(database) if everything else items
        _report("retried", _each(database, names, _retry), as_json)


@command.command(name="drop")
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the lead's history (no personal data).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def drop(items: Sequence[str], reason: str, as_json: bool) -> None:
    """Give parked items up for good. Exits with 1 when an item is not parked.

    A record rests until its lead changes, a property until another value is wanted, a lead until something happens
    to it; a task is never created again; a delivery counts as read; a drift stays as the CRM has it.
    """
    if not reason.strip():
        raise click.UsageError(shown(say("--reason must say why.")))

    def give_up(conn: Connection, installation_id: int, item: ItemName) -> bool:
        now = BusinessClock.now(conn)

        def make_due(lead_id: int) -> None:
            leads.mark_due(conn, installation_id, [lead_id], at=now, why="task", lane="background")

        return parked.drop(conn, installation_id, item, reason=reason, now=now, make_due=make_due)

    with opened(read_settings()) as database:
        _report("dropped", _each(database, items, give_up), as_json)


def _retry(conn: Connection, _installation_id: int, item: ItemName) -> bool:
    return parked.retry(conn, item, now=BusinessClock.now(conn))


def _everything(database: Database) -> list[str]:
    with database.transaction(installation(database)) as conn:
        return [one.item for one in parked.listed(conn, limit=_ALL)]


def _each(
    database: Database, names: Sequence[str], act: Callable[[Connection, int, ItemName], bool]
) -> dict[str, bool]:
    """Item → whether it was parked. A name that is none stops everything before anything is done."""
    parsed = {name: parked.parse_item(name) for name in names}
    installation_id = installation(database)
    done: dict[str, bool] = {}
    for name, item in parsed.items():
        with database.transaction(installation_id) as conn:
            done[name] = act(conn, installation_id, item)
    return done


def _report(what: str, done: dict[str, bool], as_json: bool) -> None:
    hit = [name for name, found in done.items() if found]
    missed = [name for name, found in done.items() if not found]
    _log.info("parked_items_handled", action=what, count=len(hit), missed=len(missed))
    if as_json:
        emit({what: hit, "not_parked": missed})
    else:
        line(say("{what}: {number}.", what=word(what.capitalize()), number=len(hit)))
        for name in missed:
            line(say("Not parked: {name}", name=name))
    if missed:
        click.get_current_context().exit(1)

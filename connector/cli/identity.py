"""`tasuki identity`: people of two CRMs who may be one, and nobody but a person can say. Nothing here blocks anything
else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict

import click
import structlog

from connector.bootstrap import Runtime
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.store import identities, leads
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.identities import Pair
from connector.sync.context import Tenant
from connector.sync.identifying import join
from connector.texts import joined, say, word

_ALL = 100_000
_PAIR = re.compile(r"([0-9]{1,18}):([0-9]{1,18})")
_log = structlog.get_logger(__name__)


@click.group(name="identity")
def command() -> None:
    """List, accept and refuse pairs of leads of two CRMs that may be one person."""


@command.command(name="list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _ALL), help="At most so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(limit: int, as_json: bool) -> None:
    """List the pairs that wait for an answer, and why nobody was chosen. Exits with 0 whether or not there are any."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        found = identities.listed(conn, limit=limit)
    if as_json:
        emit([asdict(one) for one in found])
        return
    columns = ("Pair", "Records", "Other records", "Agree in", "Why", "Since")
    table(say("People who may be one"), columns, [_row(one) for one in found])
    if found:
        line(say("They are one: `tasuki identity accept PAIR`; they are not: `tasuki identity refuse PAIR`."))


def _row(one: Pair) -> tuple[object, ...]:
    why = {
        "several": say("more than one record fits"),
        "twice": say("one CRM has both: merge them there"),
    }[one.reason]
    return (one.pair, joined(", ", one.records), joined(", ", one.other_records), one.rule, why, one.found_at)


@command.command(name="accept")
@click.argument("pairs", metavar="PAIR...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def accept(pairs: Sequence[str], as_json: bool) -> None:
    """Say that these are one person: the two leads become one. Exits with 1 when a pair does not wait, or when one CRM
    has a record of both: those are merged there, which is followed."""
    parsed = {pair: _parse(pair) for pair in pairs}
    with opened(read_settings()) as database:
        tenant = Runtime(database, read_settings()).tenant(installation(database))
        if tenant is None:
            raise UsageError(say("No policy is running yet: run `tasuki activate DIR`."), reason="inactive")
        done = {pair: _accept(tenant, one, other) for pair, (one, other) in parsed.items()}
    _report("accepted", done, as_json)


def _accept(tenant: Tenant, one: int, other: int) -> bool:
    with tenant.database.transaction(tenant.installation_id) as conn:
        if identities.answer(conn, one, other, "accepted") is None:
            return False
        if join(tenant, conn, one, other, rule="person", now=tenant.now(conn)):
            return True
        conn.rollback()
        return False


@command.command(name="refuse")
@click.argument("pairs", metavar="PAIR...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def refuse(pairs: Sequence[str], as_json: bool) -> None:
    """Say that these are two people: they are never taken for one again. Exits with 1 when a pair does not wait."""
    parsed = {pair: _parse(pair) for pair in pairs}
    with opened(read_settings()) as database:
        done = {pair: _refuse(database, one, other) for pair, (one, other) in parsed.items()}
    _report("refused", done, as_json)


def _refuse(database: Database, one: int, other: int) -> bool:
    installation_id = installation(database)
    with database.transaction(installation_id) as conn:
        if identities.answer(conn, one, other, "refused") is None:
            return False
        _look_again(conn, installation_id, (one, other))
    return True


def _look_again(conn: Connection, installation_id: int, ids: Sequence[int]) -> None:
    """One who fitted twice may fit once now: their keys count as new."""
    identities.forget_keys(conn, ids)
    leads.mark_due(conn, installation_id, ids, at=BusinessClock.now(conn), why="identity", lane="background")


def _parse(text: str) -> tuple[int, int]:
    found = _PAIR.fullmatch(text)
    if found is None:
        raise UsageError(
            say("{text!r} names no pair: copy it from `tasuki identity list`.", text=text), reason="pair_malformed"
        )
    return int(found[1]), int(found[2])


def _report(what: str, done: dict[str, bool], as_json: bool) -> None:
    hit = [name for name, found in done.items() if found]
    missed = [name for name, found in done.items() if not found]
    _log.info("identity_pairs_answered", action=what, count=len(hit), missed=len(missed))
    if as_json:
        emit({what: hit, "not_waiting": missed})
    else:
        line(say("{what}: {number}.", what=word(what.capitalize()), number=len(hit)))
        for name in missed:
            line(say("It does not wait, or one CRM has both: {name}", name=name))
    if missed:
        click.get_current_context().exit(1)

"""`tasuki doctor`: everything that must be right, one line each, with what to do where it is not. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from connector.bootstrap import INSTALLATION
from connector.bootstrap_salesforce import machine_clock
from connector.cli.accounts import SALESFORCE, at_account, known, present, refuse_none
from connector.cli.doctor_checks import (
    Finding,
    State,
    not_connected,
    not_open,
    of_account,
    of_error,
    of_policies,
    of_store,
    of_work,
)
from connector.cli.output import emit, line, progress, table
from connector.cli.session import opened, read_settings
from connector.errors import TasukiError, UsageError
from connector.policy.loader import load_policy_from
from connector.settings import Settings
from connector.store import connections, policies
from connector.store.database import Database
from connector.texts import count, say, word


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(as_json: bool) -> None:
    """Check the database, the clocks, the workers, and each CRM: access, fields, events, looks, calls that are left.

    Nothing is changed, here or there. Exits with 0 when nothing is wrong (there may be warnings), and with 1 when
    something is.
    """
    settings = read_settings()
    with progress(say("looking at everything")):
        found = list(_examined(settings))
    if as_json:
        emit([asdict(one) | {"state": one.state.value} for one in found])
    else:
        _print(found)
    if any(one.state is State.ERROR for one in found):
        click.get_current_context().exit(1)


def _examined(settings: Settings) -> Iterator[Finding]:
    try:
        with opened(settings) as database:
            yield from _here(database, settings)
    except TasukiError as error:  # it does not open
        yield not_open(error)


def _here(database: Database, settings: Settings) -> Iterator[Finding]:
    yield from of_store(database, settings, machine=machine_clock())
    installation_id = connections.installation_of(database, INSTALLATION)
    with database.transaction(installation_id) as conn:  # of none yet nothing is seen
        running = [load_policy_from(policies.files(conn, one.hash), name=one.name) for one in policies.running(conn)]
        yield of_policies([one.name for one in running])
        yield from of_work(conn)
        rows = connections.listed(conn)
    try:
        refuse_none(settings)
    except UsageError as error:
        yield of_error("access", "tasuki", error)
    crms = present(settings)
    for crm in crms:
        row = known(settings, crm, rows)
        if row is None or installation_id is None:
            yield not_connected(crm, [one.account_id for one in rows if one.vendor == crm])
            continue
        try:
            with at_account(database, settings, installation_id, row) as account:
                yield from of_account(account, running, both=len(crms) > 1, follows=_follows(settings, crm))
        except TasukiError as error:
            yield of_error("access", crm, error)


def _follows(settings: Settings, crm: str) -> bool:
    return crm == SALESFORCE and settings.salesforce is not None and settings.salesforce.changes is not None


def _print(found: list[Finding]) -> None:
    rows = [
        (word(one.state.value), word(one.check.replace("_", " ")), one.where, one.says, one.remedy) for one in found
    ]
    table(say("Doctor"), ("", "Check", "Where", "How it stands", "Remedy"), rows)
    wrong = sum(one.state is State.ERROR for one in found)
    look = sum(one.state is State.WARNING for one in found)
    if wrong:
        line(count(wrong, "{n} thing is wrong.", "{n} things are wrong."))
    elif look:
        line(
            count(
                look, "Nothing is wrong; {n} thing is worth a look.", "Nothing is wrong; {n} things are worth a look."
            )
        )
    else:
        line(say("Nothing is wrong."))

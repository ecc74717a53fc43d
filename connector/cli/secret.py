"""`tasuki secret`: addresses of channels and the like. Values come from a prompt or standard input, never from argv."""

from __future__ import annotations

import sys

import click

from connector.bootstrap import open_vault
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.store import secrets
from connector.sync.noticing import MAIL_SERVER
from connector.texts import say
from connector.vendors import messenger


@click.group(name="secret")
def command() -> None:
    """Set, list and unset secrets: `channel.<id>` for the channels of policy.yaml, `mail` for notices to people."""


@command.command(name="set")
@click.argument("name")
def set_(name: str) -> None:
    """Set NAME. The value is asked for, or read from standard input; it is sealed with the master key and never shown.

    A channel takes the address that its service gives (https://hooks.slack.com/services/…) or an apprise URL; `mail` an
    apprise mail URL such as mailtos://user:password@smtp.example.com. An address within your own network is refused
    unless TASUKI_NOTICE_NETWORKS names its network.
    """
    if name != MAIL_SERVER and not name.startswith("channel."):
        raise UsageError(
            say("There is no secret {name!r}: set channel.<id> or {mail_server}.", name=name, mail_server=MAIL_SERVER),
            reason="unknown_secret",
        )
    asked = sys.stdin.isatty()
    value = (click.prompt("Value", hide_input=True) if asked else sys.stdin.readline()).strip()
    if not messenger.understands(value):
        raise UsageError(say("No service belongs to this address; it was not set."), reason="bad_address")
    settings = read_settings()
    messenger.refuse_inner(value, settings.notice_networks)
    with opened(settings) as database:
        installation_id = installation(database)
        with database.transaction(installation_id) as conn:
            secrets.put(conn, installation_id, open_vault(settings), name, value)
    line(say("{name} is set.", name=name))


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(as_json: bool) -> None:
    """List what is set and since when; never the values."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        found = secrets.names(conn)
    if as_json:
        emit([{"name": name, "updated_at": at} for name, at in found.items()])
        return
    table(say("Secrets"), ("Name", "Set"), list(found.items()), none=say("none are set."))


@command.command(name="unset")
@click.argument("name")
def unset(name: str) -> None:
    """Forget NAME."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        if not secrets.unset(conn, name):
            raise UsageError(say("{name} is not set.", name=name), reason="unknown_secret")
    line(say("{name} is forgotten.", name=name))

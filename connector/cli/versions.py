"""`tasuki versions`: every policy that ran here, those that run first, in their order."""

from __future__ import annotations

import click

from connector.cli.output import emit, table
from connector.cli.session import installation, opened, read_settings
from connector.store import policies
from connector.texts import say


@click.command(name="versions")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(as_json: bool) -> None:
    """List every policy that ran here: those that run, in the order in which they take leads, then the latest.

    Each is kept byte for byte, its lists included.
    """
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        found = policies.versions(conn)
    if as_json:
        emit(
            [
                {
                    "hash": one.hash,
                    "name": one.name,
                    "active": one.active,
                    "place": one.place,
                    "activated_at": one.activated_at,
                }
                for one in found
            ]
        )
        return
    rows = [(f"▶ {one.place}" if one.active else "", one.hash[:12], one.name, one.activated_at) for one in found]
    table(say("Versions"), ("", "Version", "Policy", "Activated"), rows, none=say("none: run `tasuki activate DIR`."))

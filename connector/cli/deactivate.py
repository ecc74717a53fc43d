"""`tasuki deactivate NAME`: let one of several policies rest; its leads pass to the others."""

from __future__ import annotations

import click

from connector.cli.output import emit, line
from connector.cli.session import installation, opened, read_settings
from connector.store import policies
from connector.sync.activate import deactivate
from connector.texts import say


@click.command(name="deactivate")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(name: str, as_json: bool) -> None:
    """Let the policy NAME rest. Its leads pass to the policies that still run, in the background.

    What it has open for them is brought to an end: tasks are closed, clocks and cadences end. Stages, owners, deals and
    written values stay. The last policy cannot be deactivated.
    """
    with opened(read_settings()) as database:
        installation_id = installation(database)
        deactivate(database, installation_id, name)
        with database.transaction(installation_id) as conn:
            running = [one.name for one in policies.running(conn)]
    if as_json:
        emit({"policy": name, "running": running})
        return
    line(say("{name} rests. Its leads pass in the background to: {names}", name=name, names=" → ".join(running)))

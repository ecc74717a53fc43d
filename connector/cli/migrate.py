"""`tasuki migrate`: bring the database's schema up to date."""

from __future__ import annotations

import click

from connector.cli.output import emit, line, progress
from connector.cli.session import read_settings
from connector.settings import Settings
from connector.store.embedded import embedded_database
from connector.store.migrate import migrate
from connector.texts import say


@click.command(name="migrate")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(as_json: bool) -> None:
    """Bring the database's schema up to date; does nothing when it is.

    Run it before the service and the workers start with a new version. With the embedded server they do it themselves.
    """
    settings = read_settings()
    with progress(say("bringing the schema up to date")):
        done = _migrate(settings)
    if as_json:
        emit({"applied": done})
    elif done:
        line(say("Applied: {done}.", done=", ".join(done)))
    else:
        line(say("The schema is up to date."))


def _migrate(settings: Settings) -> list[str]:
    if settings.database_url is not None:
        return migrate(settings.database_url)
    with embedded_database(settings.home / "postgres") as dsn:
        return migrate(dsn)

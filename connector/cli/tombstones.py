"""`tasuki tombstones`: who was erased, as hashes, beside the backups of the database."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli.output import emit, line
from connector.cli.session import installation, opened, read_settings
from connector.store import tombstone_file
from connector.sync.erasures import apply
from connector.texts import say


@click.group(name="tombstones")
def command() -> None:
    """Keep who was erased (hashes alone) beside backups, and erase them again from one that was restored."""


@command.command(name="write")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def write(file: Path, as_json: bool) -> None:
    """Write every tombstone to FILE, in the place of what it holds."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        count = tombstone_file.write_all(conn, file)
    if as_json:
        emit({"tombstones": count})
        return
    line(say("Wrote {number} tombstones to {file}.", number=count, file=file))


@command.command(name="apply")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def apply_(file: Path, as_json: bool) -> None:
    """Erase again whoever FILE names: run it after a backup was restored, before the workers start."""
    with opened(read_settings()) as database:
        news, erased = apply(database, installation(database), file)
    if as_json:
        emit({"new": news, "leads": erased.leads, "rows": dict(erased.rows), "deliveries": erased.deliveries})
        return
    line(say("New tombstones: {news}. People erased again: {leads}.", news=news, leads=erased.leads))

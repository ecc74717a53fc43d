"""`tasuki export-subject`: everything that is held on one person, in one file."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson

from connector.bootstrap import Runtime
from connector.cli.explain import active_tenant
from connector.cli.output import emit, line
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.sync.persons import everything, subject_named
from connector.texts import say


@click.command(name="export-subject")
@click.argument("person", metavar="PERSON")
@click.option("--to", "file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="New file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON for programs.")
def command(person: str, file: Path, as_json: bool) -> None:
    """Write everything that is held on PERSON to a new file, as JSON; only you can read it.

    PERSON is a lead id, contact:ID or an e-mail address. Sealed values are opened; keys and machinery are left out.
    """
    settings = read_settings()
    with opened(settings) as database:
        tenant = active_tenant(Runtime(database, settings), installation(database))
        with database.transaction(tenant.installation_id) as conn:
            found = everything(tenant, conn, subject_named(tenant, conn, person), now=tenant.now(conn))
    _write(file, orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str))
    counts = {table: len(rows) for table, rows in found["tables"].items()}
    if as_json:
        emit({"file": str(file), "rows": counts, "deliveries": len(found["deliveries"])})
        return
    line(
        say(
            "Wrote {rows} rows of {tables} tables and {deliveries} deliveries to {file}.",
            rows=sum(counts.values()),
            tables=len(counts),
            deliveries=len(found["deliveries"]),
            file=file,
        )
    )


def _write(file: Path, text: bytes) -> None:
    """A new file that others on this machine cannot read."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(say("{file} is there already: name a new file.", file=file), reason="file_exists") from None
    with os.fdopen(handle, "wb") as opened_file:
        opened_file.write(text)

"""`tasuki diff A B`: what two policies say differently, key by key."""

from __future__ import annotations

from dataclasses import asdict

import click

from connector.cli.output import emit, line
from connector.cli.policies import RUNNING, named
from connector.cli.session import installation, opened, read_settings
from connector.policy.difference import differences
from connector.texts import count, joined


@click.command(name="diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B", default=RUNNING)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(before: str, after: str, as_json: bool) -> None:
    """Show what policy B says differently from policy A. Each is a folder, `running`, or the beginning of a version.

    Rules are held together by their ids, wherever they stand; the order is told where it has changed.
    """
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        first, second = named(conn, before), named(conn, after)
    changes = differences(first.files, second.files)
    if as_json:
        emit([{"sign": change.sign, **asdict(change)} for change in changes])
        return
    line(
        count(
            len(changes),
            "{before} → {after}: {n} difference.",
            "{before} → {after}: {n} differences.",
            before=first.name,
            after=second.name,
        )
    )
    for change in changes:
        line(joined("", ("  ", change.text())))

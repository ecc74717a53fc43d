"""`tasuki reference DIR`: the language reference in English and Japanese, made from the models that read the YAML."""

from __future__ import annotations

from pathlib import Path

import click

from connector.policy.reference.pages import write_reference


@click.command(name="reference", short_help="Write the language reference as Markdown.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Write the reference of the policy language into DIR: `en/` and `ja/`, one page for each file of a policy."""
    for path in write_reference(folder):
        click.echo(path)

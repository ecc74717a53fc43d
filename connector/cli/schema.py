"""`tasuki schema`: the JSON Schema of a policy's files, for completion and hints in editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from connector.policy.schema import policy_schema, write_schema


@click.command(name="schema", short_help="Print the JSON Schema of a policy's files.")
@click.option(
    "--write",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the schema files into DIR instead, one for each kind of file.",
)
def command(folder: Path | None) -> None:
    """Print the JSON Schema of a policy's files.

    An editor with YAML support completes and checks a file that begins with
    `# yaml-language-server: $schema=<path of the schema>`.
    """
    if folder is None:
        click.echo(json.dumps(policy_schema(), ensure_ascii=False, indent=2))
        return
    for path in write_schema(folder):
        click.echo(path)

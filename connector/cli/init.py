"""`tasuki init DIR`: a shipped policy, copied to be changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from connector.cli.output import emit, line
from connector.cli.shipped import shipped_policy
from connector.errors import UsageError
from connector.policy.schema import write_schema
from connector.texts import say

SCHEMA = "schema"  #: The folder below a policy that its files name for editors.


@click.command(name="init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--policy",
    "name",
    default="b2b-ja",
    show_default=True,
    metavar="NAME",
    help="b2b-ja (complete) or small-team (fields and scoring, to begin with).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folder: Path, name: str, as_json: bool) -> None:
    """Copy a shipped policy into DIR, with the schema for your editor. Nothing that exists is overwritten."""
    source = shipped_policy(name)
    made = copy_policy(source, folder)
    if as_json:
        emit({"policy": name, "folder": str(folder), "files": made})
        return
    line(say("Copied {name} to {folder}: {number} files.", name=name, folder=folder, number=len(made)))
    line(say("Next: change it, then run `tasuki check {folder}`.", folder=folder))


def copy_policy(source: Path, folder: Path) -> list[str]:
    """Copy a policy's files and write the schema beside them; returns the paths made, within `folder`.

    Raises `UsageError` when the folder holds anything, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(
                say("{folder} is not empty: name a new folder, nothing is overwritten.", folder=folder),
                reason="not_empty",
            )
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for path in folder.glob("*.yaml"):
            path.chmod(0o644)  # an installed package may be read-only
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(f"$schema=../{SCHEMA}/", f"$schema={SCHEMA}/", 1), encoding="utf-8")
        write_schema(folder / SCHEMA)
    except OSError as error:
        raise UsageError(
            say("{folder} cannot be written ({strerror}).", folder=folder, strerror=error.strerror),
            reason="folder_unwritable",
        ) from error
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

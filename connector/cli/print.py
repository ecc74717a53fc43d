"""`tasuki print sla|manual`: documents that people sign and work by, printed from the policy that runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from connector.cli.session import installation, opened, read_settings
from connector.cli.which import running_policy
from connector.errors import UsageError
from connector.policy.documents.agreement import agreement
from connector.policy.documents.manual import manual
from connector.policy.documents.render import as_html, as_markdown
from connector.policy.loader import load_policy, load_policy_from
from connector.policy.model import Policy
from connector.store import policies
from connector.texts import say

_PRINTERS = {"sla": agreement, "manual": manual}
_FORMATS = {"html": as_html, "markdown": as_markdown}


@click.command(name="print", short_help="Print the agreement or the reps' manual from the policy.")
@click.argument("what", metavar="sla|manual", type=click.Choice(tuple(_PRINTERS)))
@click.option(
    "--policy",
    "named",
    metavar="DIR|NAME",
    help="A policy's folder, or the name of a running one; without it the running policy.",
)
@click.option("--language", type=click.Choice(("ja", "en")), help="Default: the policy's own.")
@click.option("--format", "form", type=click.Choice(tuple(_FORMATS)), default="html", help="Default: html.")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it into FILE.")
def command(what: str, named: str | None, language: str | None, form: str, out: Path | None) -> None:
    """Print the agreement between departments (sla) or the reps' operating manual (manual).

    Both come from the YAML that runs: what people sign and work by is what is measured and done.
    """
    policy = _policy(named)
    if what == "sla" and not policy.clocks and policy.agreement is None:
        raise UsageError(say("The policy has no sla.yaml: there is nothing to agree on yet."), reason="no_sla")
    today = datetime.now(policy.zone).date()
    text = _FORMATS[form](_PRINTERS[what](policy, language or policy.language, today))
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    click.echo(out)


def _policy(named: str | None) -> Policy:
    """The policy of a folder, which needs no store; else a running one."""
    if named is not None and Path(named).is_dir():
        return load_policy(Path(named))
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        active = running_policy(conn, named)
        files = policies.files(conn, active.hash)
    return load_policy_from(files, name=active.name)

"""`tasuki demo`: the whole relay on real traffic over HTTP, shown and proved, beside one CRM or both."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from connector import log
from connector.cli import demo_both, demo_hubspot, demo_salesforce
from connector.cli.shipped import shipped_policy
from connector.cli.stack import clear_home

PLAYS = {"hubspot": demo_hubspot.run, "salesforce": demo_salesforce.run, "both": demo_both.run}


@click.command(name="demo")
@click.option(
    "--crm",
    type=click.Choice([*PLAYS]),
    default="hubspot",
    show_default=True,
    help="Beside which CRM; both: HubSpot first, then Salesforce is connected too.",
)
@click.option("--policy", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Policy folder.")
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True, help="Data folder."
)
@click.option("--contacts", default=200, show_default=True, help="People whom the CRMs already have.")
@click.option("--forms", default=100, show_default=True, help="Form submissions.")
@click.option("--latency-ms", default=80, show_default=True, help="Milliseconds that every call to the CRM takes.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for programs.")
def command(
    crm: str, policy: Path | None, home: Path, contacts: int, forms: int, latency_ms: int, as_json: bool
) -> None:
    """Run forms, visits and a rep's day through the whole product; exit 1 if a CRM is not as the policy says."""
    log.configure("warning")
    console = Console(stderr=as_json)
    clear_home(home)
    folder = policy or shipped_policy("b2b-ja")
    play = PLAYS[crm]
    right = play(console, home, folder, contacts=contacts, forms=forms, latency_ms=latency_ms, as_json=as_json)
    sys.exit(0 if right else 1)

"""`tasuki connect`: bring the portal or the org in line with a policy, after showing what that changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from connector.cli.accounts import CRMS, HUBSPOT, Account, opened_account, present
from connector.cli.output import emit, line, progress, table
from connector.cli.session import installation, opened, read_settings, refuse_played_time
from connector.errors import UsageError
from connector.policy.loader import load_policy, load_policy_from
from connector.policy.model import Policy
from connector.settings import Settings
from connector.store import policies
from connector.store.database import Database
from connector.texts import say, word
from connector.vendors.provisioning import ProvisionPlan
from connector.vendors.salesforce.package import files_of


@click.command(name="connect")
@click.argument("what", metavar="[hubspot|salesforce] [DIR]", nargs=-1)
@click.option("--plan", "plan_only", is_flag=True, help="Only show what would change in the account.")
@click.option(
    "--package",
    type=click.Path(path_type=Path, file_okay=False),
    help="Salesforce: write the fields as an SFDX project into this folder, for an admin to deploy; connect nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(what: tuple[str, ...], plan_only: bool, package: Path | None, as_json: bool) -> None:
    """Connect the portal or the org and create what the policy in DIR needs there; doing it again changes nothing.

    Without DIR it is TASUKI_POLICY, else every running policy; without a CRM, the one that is set. Created are
    properties that begin with `tasuki_` (fields with `Tasuki`), missing options and lifecycle stages; nothing that
    exists is redefined. Exits with 1 when the account cannot hold the policy.
    """
    settings = read_settings()
    crm, folder = _chosen(settings, what)
    facts: list[dict[str, Any]] = []
    with opened(settings) as database:
        refuse_played_time(database, settings)
        chosen = _policies(database, settings, folder)
        if package is not None:
            _write_package(chosen, crm, package)
            return
        with opened_account(database, settings, crm) as found:
            for policy in chosen:
                plan, applied = _bring_in_line(found, policy, crm, plan_only=plan_only, shown=not as_json)
                facts.append(
                    plan_facts(plan) | {"account_id": found.account_id, "policy": policy.name, "applied": applied}
                )
                if plan.errors:
                    break
    if as_json:
        emit(facts[0] if len(facts) == 1 else facts)
    elif applied and crm == HUBSPOT:
        line(say("Portal {portal_id} is connected. Next: `tasuki activate DIR`.", portal_id=found.account_id))
    elif applied:
        line(say("The org {account_id} is connected. Next: `tasuki activate DIR`.", account_id=found.account_id))
    if plan.errors:
        click.get_current_context().exit(1)


def _chosen(settings: Settings, what: tuple[str, ...]) -> tuple[str, Path | None]:
    """Which CRM, and the policy's folder, if one is named."""
    named = what[0] if what and what[0] in CRMS else None
    rest = what[1:] if named is not None else what
    if len(rest) > 1:
        raise UsageError(say("Name one CRM (hubspot or salesforce) and one folder at most."), reason="arguments")
    those = present(settings)
    if named is None and len(those) == len(CRMS):
        raise UsageError(
            say("Both CRMs are set: write `tasuki connect hubspot` or `tasuki connect salesforce`."), reason="which_crm"
        )
    chosen = named or (those[0] if those else HUBSPOT)
    return chosen, Path(rest[0]) if rest else None


def _bring_in_line(
    found: Account, policy: Policy, crm: str, *, plan_only: bool, shown: bool
) -> tuple[ProvisionPlan, bool]:
    """What it takes, and whether it was done."""
    with progress(say("looking at the portal") if crm == HUBSPOT else say("looking at the org")):
        plan = found.plan(policy)
    if shown:
        show_plan(plan, say("In the portal") if crm == HUBSPOT else say("In the org"))
    applied = not plan_only and not plan.errors
    if applied:
        doing = say("bringing the portal in line") if crm == HUBSPOT else say("bringing the org in line")
        with progress(doing):
            found.provision(plan)
    return plan, applied


def _policies(database: Database, settings: Settings, folder: Path | None) -> list[Policy]:
    chosen = folder or settings.policy
    if chosen is not None:
        return [load_policy(chosen)]
    with database.transaction(installation(database)) as conn:
        running = [load_policy_from(policies.files(conn, one.hash), name=one.name) for one in policies.running(conn)]
    if not running:
        raise UsageError(
            say("Name the policy's folder, or set TASUKI_POLICY: none is running yet."), reason="no_policy"
        )
    return running


def _write_package(chosen: Sequence[Policy], crm: str, folder: Path) -> None:
    if crm == HUBSPOT:
        raise UsageError(say("A package is for Salesforce: HubSpot's portal needs none."), reason="package")
    written = files_of(*chosen)
    for path, text in written.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    line(
        say(
            "{count} files are in {folder}. Deploy them: `sf project deploy start --source-dir {folder}/force-app`, "
            "give the permission set Tasuki to the integration user, then run `tasuki connect salesforce`.",
            count=len(written),
            folder=str(folder),
        )
    )


def show_plan(plan: ProvisionPlan, where: str = "") -> None:
    """The plan as tables: what is done, and what cannot be."""
    rows = [(number, step.says) for number, step in enumerate(plan.steps, start=1)]
    table(where or say("In the portal"), ("No.#", "Change"), rows, none=say("nothing to change."))
    if plan.problems:
        columns = ("", "Property", "What is wrong, and what to do")
        table(
            say("Problems"),
            columns,
            [(word(one.severity), f"{one.object_type}.{one.property_name}", one.message) for one in plan.problems],
        )


def plan_facts(plan: ProvisionPlan) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "steps": [
            {"action": one.action, "object_type": one.object_type, "name": one.name, "says": one.says}
            for one in plan.steps
        ],
        "problems": [
            {
                "severity": one.severity,
                "object_type": one.object_type,
                "property": one.property_name,
                "reason": one.reason,
                "message": one.message,
            }
            for one in plan.problems
        ],
    }

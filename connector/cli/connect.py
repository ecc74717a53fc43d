"""`tasuki connect`: bring the portal in line with a policy, after showing what that changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector.bootstrap import Portal, open_portal
from connector.cli.output import emit, line, progress, table
from connector.cli.session import opened, portal, read_settings, refuse_played_time
from connector.errors import UsageError
from connector.policy.loader import load_policy, load_policy_from
from connector.policy.model import Policy
from connector.settings import Settings
from connector.store import policies
from connector.texts import say, word
from connector.vendors.provisioning import ProvisionPlan


@click.command(name="connect")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--plan", "plan_only", is_flag=True, help="Only show what would change in the portal.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folder: Path | None, plan_only: bool, as_json: bool) -> None:
    """Connect the portal and create what the policy in DIR needs there; doing it again changes nothing.

    Without DIR it is TASUKI_POLICY, else every running policy. Created are properties that begin with `tasuki_`,
    missing options and lifecycle stages; nothing that exists is redefined. Exits with 1 when the portal cannot hold the
    policy.
    """
    settings = read_settings()
    account = portal(settings)
    facts: list[dict[str, Any]] = []
    with opened(settings) as database:
        refuse_played_time(database, settings)
        with open_portal(database, account) as found:
            for policy in _policies(found, settings, folder):
                with progress(say("looking at the portal")):
                    plan = found.plan(policy)
                if not as_json:
                    show_plan(plan)
                applied = not plan_only and not plan.errors
                if applied:
                    with progress(say("bringing the portal in line")):
                        found.provision(plan)
                facts.append(
                    plan_facts(plan) | {"account_id": str(account.portal_id), "policy": policy.name, "applied": applied}
                )
                if plan.errors:
                    break
    if as_json:
        emit(facts[0] if len(facts) == 1 else facts)
    elif applied:
        line(say("Portal {portal_id} is connected. Next: `tasuki activate DIR`.", portal_id=account.portal_id))
    if plan.errors:
        click.get_current_context().exit(1)


def _policies(found: Portal, settings: Settings, folder: Path | None) -> list[Policy]:
    chosen = folder or settings.policy
    if chosen is not None:
        return [load_policy(chosen)]
    with found.database.transaction(found.installation_id) as conn:
        running = [load_policy_from(policies.files(conn, one.hash), name=one.name) for one in policies.running(conn)]
    if not running:
        raise UsageError(
            say("Name the policy's folder, or set TASUKI_POLICY: none is running yet."), reason="no_policy"
        )
    return running


def show_plan(plan: ProvisionPlan) -> None:
    """The plan as tables: what is done, and what cannot be."""
    rows = [(number, step.says) for number, step in enumerate(plan.steps, start=1)]
    table(say("In the portal"), ("No.#", "Change"), rows, none=say("nothing to change."))
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

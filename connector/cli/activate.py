"""`tasuki activate DIR`: make a policy the running one. A broken one changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from connector.bootstrap import Portal, open_portal
from connector.cli.output import emit, line, progress
from connector.cli.session import opened, portal, read_settings, refuse_played_time
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.policy.model import Policy
from connector.policy.source import read_folder
from connector.store import connections, policies
from connector.store.policies import ActivePolicy
from connector.sync.activate import activate
from connector.texts import listing, say


@click.command(name="activate")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folder: Path, as_json: bool) -> None:
    """Make the policy in DIR the running one; leads catch up in the background, nothing is started for old ones.

    A policy with errors exits with 4 and the running one stays. `tasuki connect DIR` must have brought the portal in
    line before.
    """
    files = read_folder(folder)
    policy = load_policy_from(files, name=folder.resolve().name)
    settings = read_settings()
    account = portal(settings)
    with opened(settings) as database:
        refuse_played_time(database, settings)
        with open_portal(database, account) as found:
            _refuse_unconnected(found)
            with progress(say("comparing the portal with the policy")):
                refuse_unfit(found, policy, str(folder))
            before = _running(found)
            changed = activate(database, found.installation_id, policy, files)
    if as_json:
        replaced = before.name if before is not None and changed else None
        emit(
            {
                "policy": policy.name,
                "hash": policy.hash,
                "changed": changed,
                "replaced": replaced,
                "not_run_yet": list(policy.later),
            }
        )
        return
    if not changed:
        line(say("{name} {hash} is running already.", name=policy.name, hash=policy.hash[:12]))
        return
    line(say("{name} {hash} is running. Leads catch up in the background.", name=policy.name, hash=policy.hash[:12]))
    if before is not None and before.name != policy.name:
        line(say("It takes the place of {name}: one policy runs at a time.", name=before.name))
    if policy.later:
        line(
            say(
                "Checked, not run in this release: {number} parts (`tasuki check {folder}` lists them).",
                number=len(policy.later),
                folder=folder,
            )
        )


def _running(found: Portal) -> ActivePolicy | None:
    with found.database.transaction(found.installation_id) as conn:
        return policies.active(conn)


def _refuse_unconnected(found: Portal) -> None:
    with found.database.transaction(found.installation_id) as conn:
        row = next(one for one in connections.listed(conn) if one.id == found.connection_id)
    if "unique_keys" not in row.capabilities:  # written at the end of provisioning
        raise UsageError(
            say("The portal is not connected yet: run `tasuki connect DIR` first."), reason="not_connected"
        )


def refuse_unfit(found: Portal, policy: Policy, folder: str) -> None:
    """Raise `UsageError` with what the portal lacks for this policy."""
    plan = found.plan(policy)
    listed = [step.says for step in plan.steps] + [problem.message for problem in plan.errors]
    if listed:
        raise UsageError(
            say(
                "The portal is not ready for this policy: run `tasuki connect {folder}` first. It lacks:\n{lines}",
                folder=folder,
                lines=listing(listed),
            ),
            reason="portal_not_ready",
        )

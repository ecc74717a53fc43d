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
from connector.store import connections
from connector.sync.activate import activate


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
            with progress("comparing the portal with the policy"):
                refuse_unfit(found, policy, str(folder))
            changed = activate(database, found.installation_id, policy, files)
    if as_json:
        emit({"policy": policy.name, "hash": policy.hash, "changed": changed, "not_run_yet": list(policy.later)})
        return
    if not changed:
        line(f"{policy.name} {policy.hash[:12]} is running already.")
        return
    line(f"{policy.name} {policy.hash[:12]} is running. Leads catch up in the background.")
    if policy.later:
        line(f"Checked, not run in this release: {len(policy.later)} parts (`tasuki check {folder}` lists them).")


def _refuse_unconnected(found: Portal) -> None:
    with found.database.transaction(found.installation_id) as conn:
        row = next(one for one in connections.listed(conn) if one.id == found.connection_id)
    if "unique_keys" not in row.capabilities:  # written at the end of provisioning
        raise UsageError("The portal is not connected yet: run `tasuki connect DIR` first.", reason="not_connected")


def refuse_unfit(found: Portal, policy: Policy, folder: str) -> None:
    """Raise `UsageError` with what the portal lacks for this policy."""
    plan = found.plan(policy)
    listed = [step.says for step in plan.steps] + [problem.message for problem in plan.errors]
    if listed:
        lines = "\n".join(f"  - {one}" for one in listed)
        raise UsageError(
            f"The portal is not ready for this policy: run `tasuki connect {folder}` first. It lacks:\n{lines}",
            reason="portal_not_ready",
        )

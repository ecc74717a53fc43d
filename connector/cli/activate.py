"""`tasuki activate DIR`: let a policy run, alone or beside others. A broken one changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from connector.cli.accounts import Account, opened_accounts, refuse_none
from connector.cli.output import emit, line, progress
from connector.cli.session import installation, opened, read_settings, refuse_played_time
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.policy.model import Policy
from connector.policy.source import read_folder
from connector.store import connections, policies
from connector.store.database import Database
from connector.store.policies import ActivePolicy
from connector.sync.activate import activate
from connector.texts import listing, say


@click.command(name="activate")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--before", metavar="NAME", help="It takes leads before the running policy of this name.")
@click.option("--instead", metavar="NAME", multiple=True, help="It takes the place of the policy of this name.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folder: Path, before: str | None, instead: tuple[str, ...], as_json: bool) -> None:
    """Let the policy in DIR run; leads catch up in the background, nothing is started for old ones.

    It takes the place of its own former version. Beside policies of other names it runs as the last, or where --before
    or --instead puts it: a lead belongs to the first whose `applies_to` takes it.

    A policy with errors exits with 4 and nothing changes. `tasuki connect DIR` must have brought the portal in line
    before.
    """
    files = read_folder(folder)
    policy = load_policy_from(files, name=folder.resolve().name)
    settings = read_settings()
    refuse_none(settings)
    with opened(settings) as database:
        refuse_played_time(database, settings)
        with opened_accounts(database, settings) as accounts:
            for found in accounts:
                _refuse_unconnected(found)
                with progress(say("comparing the portal with the policy")):
                    refuse_unfit(found, policy, str(folder))
        installation_id = installation(database)
        standing = _running(database, installation_id)
        changed = activate(database, installation_id, policy, files, before=before, instead=instead)
        running = _running(database, installation_id)
    if as_json:
        replaced = next((one.name for one in standing if one.name in (*instead, policy.name)), None)
        emit(
            {
                "policy": policy.name,
                "hash": policy.hash,
                "changed": changed,
                "replaced": replaced if changed else None,
                "running": [one.name for one in running],
                "not_run_yet": list(policy.later),
            }
        )
        return
    _print(policy, changed, instead, running)
    if changed and policy.later:
        line(
            say(
                "Checked, not run in this release: {number} parts (`tasuki check {folder}` lists them).",
                number=len(policy.later),
                folder=folder,
            )
        )


def _print(policy: Policy, changed: bool, instead: Sequence[str], running: Sequence[ActivePolicy]) -> None:
    if not changed:
        line(say("{name} {hash} is running already.", name=policy.name, hash=policy.hash[:12]))
        return
    line(say("{name} {hash} is running. Leads catch up in the background.", name=policy.name, hash=policy.hash[:12]))
    if instead:
        line(say("It takes the place of {name}.", name=", ".join(instead)))
    if len(running) > 1:
        names = " → ".join(one.name for one in running)
        line(say("Running, in the order in which they take leads: {names}", names=names))


def _running(database: Database, installation_id: int) -> list[ActivePolicy]:
    with database.transaction(installation_id) as conn:
        return policies.running(conn)


def _refuse_unconnected(found: Account) -> None:
    with found.database.transaction(found.installation_id) as conn:
        row = next(one for one in connections.listed(conn) if one.id == found.connection_id)
    if "unique_keys" not in row.capabilities:  # written at the end of provisioning
        raise UsageError(
            say("The portal is not connected yet: run `tasuki connect DIR` first."), reason="not_connected"
        )


def refuse_unfit(found: Account, policy: Policy, folder: str) -> None:
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

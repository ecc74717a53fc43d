"""`tasuki rollback`: make the policy that ran before the running one again. It is activating an older version."""

from __future__ import annotations

import click

from connector.cli.accounts import opened_accounts, refuse_none
from connector.cli.activate import refuse_unfit
from connector.cli.output import emit, line, progress
from connector.cli.policies import version
from connector.cli.session import installation, opened, read_settings, refuse_played_time
from connector.cli.which import policy_option, running_policy
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.store import policies
from connector.store.database import Connection
from connector.sync.activate import activate
from connector.texts import say


@click.command(name="rollback")
@click.argument("wanted", metavar="[VERSION]", required=False)
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(wanted: str | None, policy_name: str | None, as_json: bool) -> None:
    """Make the policy that ran before the running one again, or the one of VERSION (see `tasuki versions`).

    Where several policies run, --policy says of which one the former version is meant.

    Rolling back is activating: leads catch up in the background, nothing is started for old ones, and what was
    decided in between stays in the history.
    """
    settings = read_settings()
    refuse_none(settings)
    with opened(settings) as database:
        refuse_played_time(database, settings)
        installation_id = installation(database)
        with database.transaction(installation_id) as conn:
            target, instead = _target(conn, wanted, policy_name)
            files = policies.files(conn, target.hash)
        policy = load_policy_from(files, name=target.name)
        with opened_accounts(database, settings) as accounts, progress(say("comparing the portal with the policy")):
            for found in accounts:
                refuse_unfit(found, policy, target.hash[:12])
        changed = activate(database, installation_id, policy, files, instead=instead)
    if as_json:
        emit({"policy": target.name, "hash": target.hash, "changed": changed})
    elif changed:
        line(
            say(
                "{name} {hash} is running again. Leads catch up in the background.",
                name=target.name,
                hash=target.hash[:12],
            )
        )
    else:
        line(say("{name} {hash} is running already.", name=target.name, hash=target.hash[:12]))


def _target(conn: Connection, wanted: str | None, policy_name: str | None) -> tuple[policies.Version, tuple[str, ...]]:
    """The version to go back to, and whose place it takes where it had another name.

    A policy alone gives way to whatever ran before it; of several, each goes back to its own former versions.
    """
    running = [one.name for one in policies.running(conn)]
    if wanted is not None:
        found = version(conn, wanted)
        return found, () if found.name in running else (running_policy(conn, policy_name).name,)
    current = running_policy(conn, policy_name).name
    former = [one for one in policies.versions(conn) if not one.active and (len(running) == 1 or one.name == current)]
    if not former:
        raise UsageError(say("There is no earlier policy to go back to."), reason="no_version")
    return former[0], () if former[0].name == current else (current,)

"""`tasuki backtest DIR`: how would this policy have done with what really happened? Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from connector.bootstrap import Runtime
from connector.bootstrap_bindings import bindings_in
from connector.cli.explain import active_tenant
from connector.cli.moments import MOMENT
from connector.cli.output import emit, line, progress, table
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, running_policy
from connector.engine.backtest import NOBODY, Past, Replay, replay
from connector.engine.plan import Plan, prepare
from connector.engine.rehearsal import turns
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.policy.source import read_folder
from connector.store import connections, policies
from connector.store.clock import BusinessClock
from connector.store.database import Database
from connector.sync.context import Tenant
from connector.sync.replaying import pasts, pool_people
from connector.texts import say

SLICE = 1000
DEFAULT_SPAN = timedelta(days=30)
MOST_LEADS = 100_000
"""Leads that one back-test takes: all of them stand in memory together."""


@click.command(name="backtest")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "start", type=MOMENT, help="Where the replay begins; default: 30 days before its end.")
@click.option("--to", "end", type=MOMENT, help="Where it ends; default: now.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folder: Path, start: datetime | None, end: datetime | None, policy_name: str | None, as_json: bool) -> None:
    """Replay what leads really did under the policy in DIR, beside the running one: volumes, load, breaches, outcomes.

    Signals, answers and people's moves stay as they were. A field's values before its last change are not known and
    count as blank; tasks are counted and never completed, so breaches are those that the logged contacts would have
    left.
    """
    files = read_folder(folder)
    plan = prepare(load_policy_from(files, name=folder.resolve().name))
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            names = [one.name for one in policies.running(conn)]
            running = running_policy(conn, policy_name or (plan.policy.name if plan.policy.name in names else None))
            others = [(one.name, policies.files(conn, one.hash)) for one in policies.running(conn)]
        until = min(end.replace(tzinfo=plan.policy.zone).astimezone(UTC), now) if end is not None else now
        since = start.replace(tzinfo=plan.policy.zone).astimezone(UTC) if start is not None else until - DEFAULT_SPAN
        if since >= until:
            raise UsageError(say("The replay must begin before it ends: see --from and --to."), reason="bad_period")
        ordered = [prepare(load_policy_from(files, name=name)) for name, files in others]
        place = names.index(running.name)
        current, ordered[place] = ordered[place], plan
        with progress(say("reading what happened")):
            found = _pasts(database, installation_id, ordered, plan, since, until)
        tenant = active_tenant(Runtime(database, settings), installation_id)
        with progress(say("living through it under both policies")):
            results = {
                name: _replay(tenant, one, found, since, until) for name, one in (("running", current), ("new", plan))
            }
            people = _names(database, installation_id)
    if as_json:
        emit({"from": since, "to": until, **{name: _counts(result) for name, result in results.items()}})
        return
    _print(plan, results["running"], results["new"], people, since, until)


def _pasts(
    database: Database, installation_id: int, ordered: Sequence[Plan], plan: Plan, since: datetime, until: datetime
) -> list[Past]:
    """What happened to the leads that this policy takes, beside the others in their order."""
    found: list[Past] = []
    after = 0
    while True:
        with database.transaction(installation_id) as conn:
            rows = connections.listed(conn)
            bound = [bindings_in(conn, one, rows) for one in ordered]
            more, after = pasts(conn, bound, plan.policy.name, since, until, after=after, limit=SLICE)
        found += more
        if len(found) > MOST_LEADS:
            raise UsageError(
                say("A back-test takes at most {most_leads:,} leads, and the base has more.", most_leads=MOST_LEADS),
                reason="base_too_large",
            )
        if not after:
            return found


def _replay(tenant: Tenant, plan: Plan, found: list[Past], since: datetime, until: datetime) -> Replay:
    with tenant.database.transaction(tenant.installation_id) as conn:
        people = pool_people(tenant, conn, plan.policy, until)
    return replay(plan, found, turns(people), since, until)


def _names(database: Database, installation_id: int) -> dict[str, str]:
    with database.transaction(installation_id) as conn:
        return {
            owner: name
            for connection in connections.listed(conn)
            for owner, name in connections.owner_names(conn, connection.id).items()
        }


def _print(
    plan: Plan, running: Replay, new: Replay, people: Mapping[str, str], since: datetime, until: datetime
) -> None:
    zone = plan.policy.zone
    period = f"{since.astimezone(zone):%Y-%m-%d %H:%M} – {until.astimezone(zone):%Y-%m-%d %H:%M}"
    line(
        say(
            "{leads:,} leads, {period}, as both policies would have had it. Nothing was written.",
            leads=new.leads,
            period=period,
        )
    )
    for title, one, other in (
        (say("Entries into stages"), running.entered, new.entered),
        (say("Transitions"), running.transitions, new.transitions),
        (say("Tasks opened by rule"), running.tasks, new.tasks),
        (say("Notices by rule"), running.notices, new.notices),
        (say("Rules in shadow that would have acted"), running.shadowed, new.shadowed),
    ):
        rows = [(key, one[key], other[key], f"{other[key] - one[key]:+d}") for key in _keys(one, other)]
        if rows:
            table(title, ("", "Running#", "New#", "Difference#"), rows)
    loads = [
        (people.get(key, key), running.owners[key], new.owners[key], running.load[key], new.load[key])
        for key in _keys(running.owners | running.load, new.owners | new.load)
        if key != NOBODY
    ]
    table(say("Load by person"), ("Person", "Given, running#", "Given, new#", "Tasks, running#", "Tasks, new#"), loads)
    clocks = [(name, *_clock(running, name), *_clock(new, name)) for name in _keys(running.clocks, new.clocks)]
    columns = ("Clock", "Running: started#", "met#", "breached#", "New: started#", "met#", "breached#")
    table(say("Promises (SLA)"), columns, clocks)
    table(
        say("Leads that really got so far, and whether the policy would have promoted them"),
        ("Stage", "Running: found#", "missed#", "New: found#", "missed#"),
        [
            (stage, running.found[stage], running.missed[stage], new.found[stage], new.missed[stage])
            for stage in plan.policy.stages
            if running.found[stage] + running.missed[stage] + new.found[stage] + new.missed[stage]
        ],
    )


def _keys(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return [*one, *(key for key in other if key not in one)]


def _clock(result: Replay, name: str) -> tuple[int, int, int]:
    counted = result.clocks.get(name)
    return (counted["started"], counted["met"], counted["breached"]) if counted is not None else (0, 0, 0)


def _counts(found: Replay) -> dict[str, object]:
    """Every count by its name (`asdict` would rebuild the counters wrongly)."""
    return {one.name: getattr(found, one.name) for one in fields(found)}

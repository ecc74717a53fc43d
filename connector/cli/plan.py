"""`tasuki plan DIR`: what would this policy do to the base? Reads only; nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import MappingProxyType

import click

from connector.cli.forecasting import forecast_base, would_run_beside
from connector.cli.output import emit, line, moment, table
from connector.cli.policy_names import PolicyNames
from connector.cli.session import installation, opened, read_settings
from connector.engine.plan import prepare
from connector.engine.tally import rule_ids
from connector.policy.loader import load_policy_from
from connector.policy.source import read_folder
from connector.store import inspection
from connector.store.connections import listed
from connector.store.database import Database
from connector.sync.forecast import MOVED, Forecast
from connector.texts import joined, say, word
from connector.vendors.hubspot import protocol as hubspot
from connector.vendors.salesforce import protocol as salesforce

BATCHES: Mapping[str, int] = MappingProxyType({"hubspot": hubspot.BATCH_SIZE, "salesforce": salesforce.BATCH_SIZE})
"""Records in one call, by vendor."""

MOST_ROWS = 40

_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "score": say("points"),
        "value": say("rating or value"),
        "transition": say("transition"),
        "work": say("tasks"),
        "routing": say("assignment"),
    }
)
_ON_EVENTS = frozenset(("work", "routing"))


@click.command(name="plan")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--before", metavar="NAME", help="As `activate --before`: it would take leads before this policy.")
@click.option("--instead", metavar="NAME", multiple=True, help="As `activate --instead`: it would take its place.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes to decide with; default: one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folder: Path, before: str | None, instead: tuple[str, ...], processes: int | None, as_json: bool) -> None:
    """Show what the policy in DIR would change on the whole base if it were activated now; nothing is written.

    Every lead is decided under it: which would change stage, rating, owner or tasks, which rules bear on leads and
    which on none, and the calls to the CRM that it would take.
    """
    files = read_folder(folder)
    policy = load_policy_from(files, name=folder.resolve().name)
    plan = prepare(policy)
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        with database.transaction(installation_id) as conn:
            beside = would_run_beside(conn, policy, before=before, instead=instead)
            vendors = {one.vendor for one in listed(conn)}
        found, now = forecast_base(database, installation_id, files, beside=beside, processes=processes)
        quota = _quota(database, installation_id)
    calls = found.calls(batch_of(vendors))
    kinds = dict(rule_ids(plan))
    idle = [rule for rule in kinds if not found.rules[rule]]
    if as_json:
        emit(
            {
                "policy": policy.name,
                "hash": policy.hash,
                "at": now,
                **_counts(found),
                "rules_without_leads": idle,
                "calls": calls,
                "quota": quota,
            }
        )
        return
    line(
        say(
            "{name} {hash}, as if it were activated at {now}. Nothing was written.",
            name=policy.name,
            hash=policy.hash[:12],
            now=moment(now),
        )
    )
    line(say("{changed:,} of {leads:,} leads would change.", changed=found.changed, leads=found.leads))
    if found.failures:
        line(
            say(
                "{failures:,} leads cannot be decided: {names}.",
                failures=found.failures,
                names=_names(found, "cannot be decided"),
            )
        )
    names = PolicyNames(policy)
    _print_changes(found, names)
    _print_rules(names, found, kinds, idle)
    _print_calls(found, calls, quota)


def batch_of(vendors: Collection[str]) -> int:
    """Records in one call where these are connected: with both, as few as the narrower one takes."""
    return min(BATCHES[one] for one in vendors or BATCHES)


def _print_changes(found: Forecast, names: PolicyNames) -> None:
    """In the policy's words; examples are noted under its ids."""
    rows: list[tuple[object, ...]] = [
        (word("policy"), move, count, _names(found, f"passing {move}")) for move, count in found.passing.most_common()
    ]
    for move, count in found.stages.most_common():
        rows.append((word("stage"), _move(move, names.stage), count, _names(found, f"stage {move}")))
    for rating, moves in found.ratings.items():
        called = partial(_choice, names, rating)
        rows += [
            (names.of(rating), _move(move, called), count, _names(found, f"{rating} {move}"))
            for move, count in moves.most_common()
        ]
    for pool, count in found.owners.most_common():
        rows.append((word("owner"), names.pool(pool), count, _names(found, f"owner from {pool}")))
    for what, count in found.tasks.most_common():
        rows.append((word("task"), _done(what, names), count, _names(found, f"task {what}")))
    rows += [(word("score"), names.of(f"score.{score}"), count, "") for score, count in found.scores.most_common()]
    rows += [
        (word("clock"), say("running {clock}", clock=names.clock(clock)), count, "")
        for clock, count in found.clocks.items()
        if count
    ]
    table(say("What would change"), ("What", "How", "Leads#", "For example"), rows, none=say("nothing."))


def _move(move: str, called: Callable[[str], str]) -> str:
    """`lead → mql` in the policy's words."""
    return MOVED.join(called(end) for end in move.split(MOVED))


def _choice(names: PolicyNames, field: str, value: str) -> str:
    return names.value(field, value) or value


def _done(what: str, names: PolicyNames) -> str:
    """`opened mql_call`: what becomes of tasks, and the rule that they are of."""
    verb, _, rule = what.partition(" ")
    return joined(" ", (word(verb), _called(rule, names)))


def _called(rule: str, names: PolicyNames) -> str:
    """A rule by its label, and by its id, under which it stands in the files."""
    label = names.rule(rule)
    return rule if label == rule else f"{label} ({rule})"


def _names(found: Forecast, what: str) -> str:
    return ", ".join(str(lead) for lead in found.examples.get(what, ()))


def _print_rules(names: PolicyNames, found: Forecast, kinds: Mapping[str, str], idle: list[str]) -> None:
    counted = [(rule, count) for rule, count in found.rules.most_common() if rule in kinds]
    busy = [(_KINDS[kinds[rule]], _called(rule, names), count) for rule, count in counted]
    table(say("Rules by leads that they bear on"), ("Kind", "Rule", "Leads#"), busy[:MOST_ROWS])
    if len(busy) > MOST_ROWS:
        line(say("… and {number} more (--json has them all).", number=len(busy) - MOST_ROWS))
    if any(kinds[rule] in _ON_EVENTS for rule in found.rules if rule in kinds):
        line(say("Tasks and assignments: for how many their conditions hold; they act only once their event comes."))
    if idle:
        rules = joined(", ", (joined("", (_called(rule, names), ": ", _KINDS[kinds[rule]])) for rule in idle))
        line(say("No lead is touched by: {rules}", rules=rules))


def _print_calls(found: Forecast, calls: Mapping[str, int], quota: Mapping[str, float] | None) -> None:
    needed = sum(calls.values())
    if found.records:
        names = ", ".join(f"{name} {count:,}" for name, count in found.properties.most_common(8))
        line(say("Records to write: {records:,} ({names}).", records=found.records, names=names))
    else:
        line(say("No record would be written."))
    share: str = ""
    if quota is not None and quota["capacity"]:
        part, used = needed / quota["capacity"], quota["used"]
        share = say(", {part:.1%} of a day's calls ({used:,.0f} used today)", part=part, used=used)
    line(
        say(
            "Calls to the CRM, at least: {needed:,} ({update:,} updates, {tasks:,} for tasks){share}.",
            needed=needed,
            update=calls["update"],
            tasks=calls["tasks"],
            share=share,
        )
    )


def _quota(database: Database, installation_id: int) -> dict[str, float] | None:
    with database.transaction(installation_id) as conn:
        return inspection.day_quota(conn)


def _counts(found: Forecast) -> dict[str, object]:
    """Every count by its name (`asdict` would rebuild the counters wrongly)."""
    return {one.name: getattr(found, one.name) for one in fields(found)}

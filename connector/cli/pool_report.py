"""`tasuki report POOL`: what a pool made of the leads that it was given in a period, such as an agency's week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from connector.bootstrap import Runtime
from connector.cli.moments import MOMENT
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, pools_named, tenant_under
from connector.engine.words import label_in
from connector.policy.model import Label, Policy
from connector.store.clock import BusinessClock
from connector.sync.colleagues import everybody
from connector.sync.pool_report import BROKEN, KEPT, OPEN, PersonReport, pool_report
from connector.texts import joined, say

WEEK = timedelta(days=7)


@click.command(name="report", short_help="Print what a pool made of its leads in a week.")
@click.argument("pool")
@click.option("--from", "start", type=MOMENT, help="Since when leads were given; default: 7 days ago.")
@click.option("--to", "end", type=MOMENT, help="Until when; default: now.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(pool: str, start: datetime | None, end: datetime | None, policy_name: str | None, as_json: bool) -> None:
    """Print what became of the leads that POOL was given in a period: attempts, stages, reasons, promises.

    Only what happened after a lead was given counts. Numbers and staff names stand in it, nothing of the leads: it can
    be sent to an outside agency every week.
    """
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = tenant_under(Runtime(database, settings), installation_id, policy_name)
        (chosen,) = pools_named(tenant, pool)
        policy = tenant.plan.policy
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            until = end.replace(tzinfo=policy.zone).astimezone(UTC) if end is not None else now
            since = start.replace(tzinfo=policy.zone).astimezone(UTC) if start is not None else until - WEEK
            found = pool_report(tenant, conn, pool, since, until)
            names = {one.person: one.name for one in everybody(tenant, conn, now)}
    if as_json:
        said = [asdict(one) | {"name": names.get(one.person, one.person)} for one in found]
        emit({"pool": pool, "from": since, "to": until, "people": said})
        return
    label = label_in(chosen.label, policy.language, pool)
    span = f"{since.astimezone(policy.zone):%Y-%m-%d %H:%M} – {until.astimezone(policy.zone):%Y-%m-%d %H:%M}"
    line(joined("", (label, f" ({pool}), {span}")))
    _print(policy, found, names)


def _print(policy: Policy, found: list[PersonReport], names: Mapping[str, str]) -> None:
    def told(label: Label | None, key: str) -> str:
        return label_in(label or {}, policy.language, key)

    def person(one: PersonReport) -> str:
        return names.get(one.person, one.person)

    kinds = list(dict.fromkeys(kind for one in found for kind in one.activities))
    columns = ("Person", "Given#", *(f"{told(policy.signals[kind].label, kind)}#" for kind in kinds))
    rows = [(person(one), one.given, *(_times(one.activities.get(kind)) for kind in kinds)) for one in found]
    table(say("Leads and activities (times / leads)"), columns, rows, none=say("nobody was given a lead."))
    stages = [stage for stage in policy.stages if any(stage in one.stages for one in found)]
    if stages:
        columns = ("Person", *(f"{told(policy.stages[stage].label, stage)}#" for stage in stages))
        table(
            say("Came to"), columns, [(person(one), *(one.stages.get(stage, 0) for stage in stages)) for one in found]
        )
    table_of = policy.recycle.reasons if policy.recycle is not None else {}
    reasons = [
        (person(one), told(table_of[why].label, why) if why in table_of else why, count)
        for one in found
        for why, count in one.reasons.items()
    ]
    if reasons:
        table(say("Sent back or aside"), ("Person", "Reason", "Leads#"), reasons)
    promises = [
        (person(one), told(policy.clocks[name].label, name), *(counted.get(word, 0) for word in (KEPT, BROKEN, OPEN)))
        for one in found
        for name, counted in one.promises.items()
    ]
    if promises:
        table(say("Promises"), ("Person", "Promise", "Promises kept#", "Broken#", "Open#"), promises)


def _times(found: tuple[int, int] | None) -> str:
    return f"{found[0]} / {found[1]}" if found is not None else "0"

"""`tasuki trial`: how the leads on which the policy acts fare beside the others, and what rules in shadow would do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from connector.bootstrap import Runtime
from connector.cli.moments import MOMENT
from connector.cli.output import age, emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, tenant_under
from connector.engine.makers import CONTACTS
from connector.store import trials
from connector.store.clock import BusinessClock
from connector.sync.context import Tenant
from connector.sync.trial import Group, compare
from connector.texts import say

DEFAULT_SPAN = timedelta(days=30)


@click.command(name="trial")
@click.option("--from", "start", type=MOMENT, help="Since when shadows are counted; default: 30 days.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(start: datetime | None, policy_name: str | None, as_json: bool) -> None:
    """Compare the leads on which the running policy acts with those on which it only decides (`trial:` in policy.yaml).

    Then tell for each rule in `shadow` how often it would have acted, and what people and live rules did there all the
    same.
    """
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = tenant_under(Runtime(database, settings), installation_id, policy_name)
        acting, resting = compare(tenant)
        shadows = _shadows(tenant, start)
    if as_json:
        sides = {
            name: {
                "leads": group.leads,
                "entered": group.entered,
                "contact_median_seconds": group.contact_median_seconds,
            }
            for name, group in (("trial", acting), ("rest", resting))
        }
        emit({**sides, "shadow": [asdict(one) for one in shadows]})
        return
    _print_sides(tenant, acting, resting)
    rows = [(one.rule, one.times, one.leads, one.beside_live_rules, one.contacted, one.moved_on) for one in shadows]
    columns = ("Rule", "Would have acted#", "Leads#", "A live rule acted too#", "Contacted in 3 d#", "Moved on#")
    table(say("What was only recorded (rules in shadow, leads outside the trial)"), columns, rows)


def _shadows(tenant: Tenant, start: datetime | None) -> list[trials.Shadow]:
    policy = tenant.plan.policy
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = BusinessClock.now(conn)
        since = start.replace(tzinfo=policy.zone).astimezone(UTC) if start is not None else now - DEFAULT_SPAN
        main = [stage.id for stage in policy.stages.values() if not stage.side][1:]
        return trials.shadows(conn, since=since, until=now + timedelta(seconds=1), contacts=CONTACTS, main=main)


def _print_sides(tenant: Tenant, acting: Group, resting: Group) -> None:
    if not resting.leads:
        line(say("The policy acts on all {leads:,} leads: there is nothing to compare.", leads=acting.leads))
        return
    rows: list[tuple[object, ...]] = [(say("leads"), acting.leads, "", resting.leads, "")]
    for stage in tenant.plan.policy.stages:
        rows.append((say("entered {stage}", stage=stage), *_share(acting, stage), *_share(resting, stage)))
    rows.append((say("first contact after (median)"), _contact(acting), "", _contact(resting), ""))
    table(say("Since the policy was activated"), ("", "Trial#", "%#", "The rest#", "%#"), rows)


def _share(group: Group, stage: str) -> tuple[int, str]:
    return group.entered[stage], f"{group.entered[stage] / group.leads:.1%}" if group.leads else ""


def _contact(group: Group) -> str:
    seconds = group.contact_median_seconds
    return age(timedelta(seconds=seconds)) if seconds is not None else "—"

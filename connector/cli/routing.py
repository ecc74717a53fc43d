"""`tasuki routing`: what each pool gave to whom, held against the share that was due, and why people were skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import click

from connector.bootstrap import Runtime
from connector.cli.moments import MOMENT
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, pools_named, tenant_under
from connector.engine.allocate import SAME_COMPANY, STICKY, Member, why_not
from connector.engine.routing import TASK
from connector.policy.model import Pool
from connector.store import people
from connector.store.clock import BusinessClock
from connector.store.database import Connection
from connector.store.people import PersonRow
from connector.sync.colleagues import everybody as everybody_of
from connector.sync.context import Tenant
from connector.sync.granting import members_of
from connector.texts import joined, say, word

DEFAULT_SPAN = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One person of a pool: what they got, what was due by weight among those who could take it, and why not more.

    `given` are leads and deals; of these the pool chose the person for `chosen`, held against `expected`, and `kept`
    came with a lead or company that they had. `now` says why they would be skipped at this moment.
    """

    person: str
    name: str
    given: int
    chosen: int
    expected: float
    kept: int
    tasks: int
    load: int
    capacity_left: int | None
    credit: float
    now: str | None
    skipped: Mapping[str, int]


@click.group(name="routing")
def command() -> None:
    """What pools gave to whom, and why others were skipped."""


@command.command(name="show")
@click.argument("pool", required=False)
@click.option("--from", "start", type=MOMENT, help="Since when grants are counted; default: 30 days.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def show(pool: str | None, start: datetime | None, policy_name: str | None, as_json: bool) -> None:
    """Show for each pool (or POOL) the expected and the actual share of its people, and why each was skipped."""
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = tenant_under(Runtime(database, settings), installation_id, policy_name)
        chosen = pools_named(tenant, pool)
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            zone = tenant.plan.policy.zone
            since = start.replace(tzinfo=zone).astimezone(UTC) if start is not None else now - DEFAULT_SPAN
            waiting = people.waiting(conn)
            everybody = everybody_of(tenant, conn, now)
            members = {one.id: members_of(tenant, conn, one, everybody, now) for one in chosen}
            found = {one.id: _shares(tenant, conn, one, since, members[one.id], everybody) for one in chosen}
    if as_json:
        emit({name: [asdict(share) for share in shares] for name, shares in found.items()})
        return
    for one in chosen:
        _print(one, found[one.id], members[one.id], tenant.plan.policy.language)
        if waiting.get(one.id):
            line(
                say(
                    "  ! {waiting} wait for somebody to be free; they are offered again every 15 minutes",
                    waiting=waiting[one.id],
                )
            )


def _shares(
    tenant: Tenant,
    conn: Connection,
    pool: Pool,
    since: datetime,
    members: list[Member],
    everybody: Sequence[PersonRow],
) -> list[Share]:
    names = {one.person: one.name for one in everybody}
    credit = people.credit(conn, pool.id)
    grants = people.grants_of(conn, pool.id, since)
    owners = [one for one in grants if one["owner_of"] != TASK]
    chosen = [one for one in owners if one["why"] not in (STICKY, SAME_COMPANY)]
    expected: dict[str, float] = {}
    skipped: dict[str, Counter[str]] = {}
    for one in chosen:
        _share_out(expected, members, one["skipped"])
    for one in grants:
        for person, why in one["skipped"].items():
            skipped.setdefault(person, Counter())[why] += 1
    given, by_pool, tasks = (
        Counter(one["person"] for one in some)
        for some in (owners, chosen, [one for one in grants if one["owner_of"] == TASK])
    )
    return [
        Share(
            person=one.person,
            name=names.get(one.person, one.person),
            given=given[one.person],
            chosen=by_pool[one.person],
            expected=round(expected.get(one.person, 0.0), 1),
            kept=given[one.person] - by_pool[one.person],
            tasks=tasks[one.person],
            load=one.load,
            capacity_left=max(0, one.capacity - one.taken) if one.capacity is not None else None,
            credit=round(credit.get(one.person, 0.0), 2),
            now=why_not(one),
            skipped=dict(skipped.get(one.person, {})),
        )
        for one in members
    ]


def _share_out(expected: dict[str, float], members: list[Member], skipped: Mapping[str, str]) -> None:
    """One grant is due in equal parts, by weight, to all who were not skipped."""
    able = [one for one in members if one.person not in skipped and one.weight > 0]
    whole = sum(one.weight for one in able)
    for one in able:
        expected[one.person] = expected.get(one.person, 0.0) + one.weight / whole


def _print(pool: Pool, shares: list[Share], members: Sequence[Member], language: str) -> None:
    title = f"{pool.id} ({pool.label.get(language) or pool.id})"
    rows = [
        (
            one.name, one.chosen, one.expected, one.kept, one.tasks, one.load, one.capacity_left, one.credit,
            word(one.now or ""), joined(", ", (joined(" ", (word(why), f"{n}")) for why, n in one.skipped.items())),
        )
        for one in shares
    ]  # fmt: skip
    columns = (
        "Person", "Given#", "Expected#", "Kept#", "Tasks#", "Open leads#", "Capacity left#", "Credit#",
        "Now", "Skipped",
    )  # fmt: skip
    table(title, columns, rows, none=say("nobody belongs to it: is its team in the CRM?"))
    there = sum(one.is_there for one in members)
    if pool.warn_if_fewer_than is not None and there < pool.warn_if_fewer_than:
        line(
            say(
                "  ! {there} are there today, fewer than {least}",
                there=there,
                least=pool.warn_if_fewer_than,
            )
        )
    for one in shares:
        if pool.warn_above is not None and one.load > pool.warn_above:
            line(
                say(
                    "  ! {name} has {load} open leads, more than {most}",
                    name=one.name,
                    load=one.load,
                    most=pool.warn_above,
                )
            )

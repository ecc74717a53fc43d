"""`tasuki routing`: what each pool gave to whom, held against the share that was due, and why people were skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import click

from connector.bootstrap import Runtime
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.engine.allocate import Member
from connector.errors import UsageError
from connector.policy.model import Pool
from connector.store import people
from connector.store.clock import BusinessClock
from connector.store.database import Connection
from connector.sync.context import Tenant
from connector.sync.granting import members_of

DEFAULT_SPAN = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One person of a pool: what they got, what was due by weight among those who could take it, and why not more."""

    person: str
    name: str
    given: int
    expected: float
    load: int
    capacity_left: int | None
    credit: float
    skipped: Mapping[str, int]


@click.command(name="routing")
@click.argument("pool", required=False)
@click.option("--from", "start", type=click.DateTime(), help="Since when grants are counted; default: 30 days.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(pool: str | None, start: datetime | None, as_json: bool) -> None:
    """Show for each pool (or POOL) the expected and the actual share of its people, and why each was skipped."""
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = Runtime(database, settings).tenant(installation_id)
        routing = tenant.plan.policy.routing if tenant is not None else None
        if tenant is None or routing is None:
            raise UsageError("The running policy has no routing.yaml.", reason="no_routing")
        if pool is not None and pool not in routing.pools:
            known = ", ".join(routing.pools)
            raise UsageError(f"There is no pool {pool!r}; there are: {known}.", reason="unknown_pool")
        chosen = [routing.pools[pool]] if pool is not None else list(routing.pools.values())
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            zone = tenant.plan.policy.zone
            since = start.replace(tzinfo=zone).astimezone(UTC) if start is not None else now - DEFAULT_SPAN
            waiting = people.waiting(conn)
            found = {one.id: _shares(tenant, conn, one, since, now) for one in chosen}
    if as_json:
        emit({name: [asdict(share) for share in shares] for name, shares in found.items()})
        return
    for one in chosen:
        _print(one, found[one.id], tenant.plan.policy.language)
        if waiting.get(one.id):
            line(f"  ! {waiting[one.id]} wait for somebody to be free; they are offered again every 15 minutes")


def _shares(tenant: Tenant, conn: Connection, pool: Pool, since: datetime, now: datetime) -> list[Share]:
    everybody = people.people(conn, now)
    names = {one.person: one.name for one in everybody}
    members = members_of(tenant, conn, pool, everybody, now)
    credit = people.lock_pools(conn, tenant.installation_id, [pool.id])[pool.id]
    grants = people.grants_of(conn, pool.id, since)
    given = Counter(one["person"] for one in grants)
    expected: dict[str, float] = {}
    skipped: dict[str, Counter[str]] = {}
    for one in grants:
        _share_out(expected, members, one["skipped"])
        for person, why in one["skipped"].items():
            skipped.setdefault(person, Counter())[why] += 1
    return [
        Share(
            person=one.person,
            name=names.get(one.person, one.person),
            given=given[one.person],
            expected=round(expected.get(one.person, 0.0), 1),
            load=one.load,
            capacity_left=max(0, one.capacity - one.taken) if one.capacity is not None else None,
            credit=round(credit.get(one.person, 0.0), 2),
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


def _print(pool: Pool, shares: list[Share], language: str) -> None:
    title = f"{pool.id} ({pool.label.get(language) or pool.id})"
    rows = [
        (
            one.name, one.given, one.expected, one.load, one.capacity_left, one.credit,
            ", ".join(f"{why} {count}" for why, count in one.skipped.items()),
        )
        for one in shares
    ]  # fmt: skip
    columns = ("Person", "Given#", "Due#", "Open leads#", "Capacity left#", "Credit#", "Skipped")
    table(title, columns, rows, none="nobody belongs to it: is its team in the CRM?")
    if pool.warn_if_fewer_than is not None and len(shares) < pool.warn_if_fewer_than:
        line(f"  ! fewer than {pool.warn_if_fewer_than} people")
    for one in shares:
        if pool.warn_above is not None and one.load > pool.warn_above:
            line(f"  ! {one.name} has {one.load} open leads, more than {pool.warn_above}")

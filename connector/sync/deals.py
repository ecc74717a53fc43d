"""Deals are read with the people who have them, and again when events tell of them.

Least calls: a person's own count of deals tells whether there is anything to ask for (an association read takes a
thousand people a call), and only deals that the mirror lacks are read with people. Nothing of this happens for a
policy that does not speak of deals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import QuotaError, RetryableError
from connector.store import associations, leads, managed, mirrors, tombstones, wanted
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.store.wanted import Wanted
from connector.sync.context import Line, Tenant
from connector.sync.deal_view import counted
from connector.sync.observe import observe_record
from connector.sync.stumbling import read_marked
from connector.vendors.base import Lane, Record
from connector.vendors.dialect import Dialect

MERGED = "merged"
"""How a deal has gone that people merged into another one."""


@dataclass(slots=True)
class DealHarvest:
    """What the vendor answered: whose deals are which, and the deals themselves (`asked` without a record: gone).

    `became`: of those that were asked for and merged away, what each has become. `later` are to be read by themselves:
    over one of them the vendor stumbles.
    """

    belongs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    became: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)

    def merged(self, dialect: Dialect) -> dict[str, str]:
        """Deals that people merged away → the deal that holds everything now, as either of them tells."""
        name = dialect.deal.merged
        if name is None:
            return self.became
        told = ((one.id, (one.properties.get(name) or "").split(";")) for one in self.records.values())
        return {loser: winner for winner, losers in told for loser in losers if loser} | self.became


def whose_deals(dialect: Dialect) -> str:
    """The mark on a person whose deals are to be asked for."""
    return f"{dialect.person_type}>{dialect.deal.object_type}"


def fetch_deals(line: Line, people: Mapping[str, Record], lane: Lane, *, deep: frozenset[str]) -> DealHarvest:
    """The deals of people who have just been read, as far as the mirror does not hold them; all of those in `deep`."""
    harvest = DealHarvest()
    if not line.binding.deal_properties or not people:
        return harvest
    dialect = line.dialect
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        known = associations.of(conn, line.connection_id, dialect.person_type, list(people), dialect.deal.object_type)
    ask = sorted(one for one, record in people.items() if one in deep or _must_ask(dialect, record, known.get(one)))
    if ask:
        harvest.belongs = line.vendor.associated(dialect.person_type, ask, dialect.deal.object_type, lane=lane)
        again = {deal for one in deep & people.keys() for deal in harvest.belongs.get(one, ())}
        _read(line, harvest, (), lane, with_people=again)
    return harvest


def _must_ask(dialect: Dialect, person: Record, known: tuple[str, ...] | None) -> bool:
    """True when the person's own count of deals is not what we know."""
    name = dialect.deal.person_count
    if name is None or name not in person.properties:
        return known is None
    return counted(person.properties[name]) != len(known or ())


def _read(
    line: Line, harvest: DealHarvest, again: Iterable[str], lane: Lane, *, with_people: Iterable[str] = ()
) -> None:
    """Read these deals again, and those that the mirror lacks.

    A place is held in the mirror first: an event that comes while we read finds the deal, and has it read again. Over
    deals that are read for their people alone (`with_people`, and what the mirror lacks) no person's read fails.
    """
    deal_type, tenant = line.dialect.deal.object_type, line.tenant
    ids = sorted({one for found in harvest.belongs.values() for one in found})
    with tenant.database.transaction(tenant.installation_id) as conn:
        held = mirrors.load(conn, line.connection_id, deal_type, ids)
        fresh = [one for one in ids if one not in held]
        places = [MirrorRow(object_type=deal_type, vendor_id=one) for one in fresh]
        mirrors.put(conn, tenant.installation_id, line.connection_id, places)
        unread = [one for one, row in held.items() if row.read_at is None or row.gone is not None]
        beside = {*with_people, *fresh, *unread} - set(again)
        beside -= wanted.failing(conn, line.connection_id, deal_type, beside)  # read by themselves
    asked = sorted({*again, *beside})
    try:
        found = line.vendor.read(deal_type, asked, line.binding.deal_properties, lane=lane) if asked else {}
    except RetryableError as error:
        if again or isinstance(error, QuotaError):
            raise
        harvest.later = beside
        return
    harvest.asked = set(asked)
    harvest.records = {one: record for one, record in found.items() if record.became is None}
    harvest.became = {one: record.became.id for one, record in found.items() if record.became is not None}


def store_deals(line: Line, conn: Connection, harvest: DealHarvest, now: datetime) -> None:
    """Bring the mirror of deals up to date. What that says of deals of ours is stored last: `settle_made`."""
    dialect = line.dialect
    deal_type, installation_id = dialect.deal.object_type, line.tenant.installation_id
    erased = tombstones.among(conn, line.connection_id, dialect.person_type, list(harvest.belongs))
    belongs = {one: deals for one, deals in harvest.belongs.items() if one not in erased}
    associations.put(conn, installation_id, line.connection_id, dialect.person_type, deal_type, belongs)
    merged = harvest.merged(dialect)
    mirrors.lock(conn, line.connection_id, deal_type, sorted({*harvest.asked, *merged}))
    follow_merges(line.tenant, conn, line.connection_id, dialect, merged)
    rows = mirrors.load(conn, line.connection_id, deal_type, sorted(harvest.asked), lock=True)
    for vendor_id in harvest.asked:
        row = rows.setdefault(vendor_id, MirrorRow(object_type=deal_type, vendor_id=vendor_id))
        record = harvest.records.get(vendor_id)
        if record is not None:
            observe_record(line, conn, row, record, now=now)
        else:
            row.gone, row.read_at = row.gone or "archived", now
    mirrors.put(conn, installation_id, line.connection_id, list(rows.values()))
    wanted.want(conn, installation_id, line.connection_id, deal_type, harvest.later, lane=Lane.HOT.value)


def settle_made(line: Line, conn: Connection, harvest: DealHarvest) -> None:
    """Deals of ours that people merged are those that stand now, those that are gone were deleted. To be stored behind
    everything else: managed records are locked last (`links.lock`)."""
    dialect = line.dialect
    managed.follow(conn, line.connection_id, dialect.deal.object_type, harvest.merged(dialect))
    gone = sorted(harvest.asked - harvest.records.keys())
    managed.gone(conn, line.connection_id, dialect.deal.object_type, gone)


def follow_merges(
    tenant: Tenant, conn: Connection, connection_id: int, dialect: Dialect, merged: Mapping[str, str]
) -> None:
    """Deals that people merged (loser → winner) have gone so. Whose they are now is read: the people of a loser have
    the winner. What we made is the deal that stands now, with its packet (`managed.follow`): never made again, and
    never taken for deleted."""
    if not merged:
        return
    deal_type, installation_id = dialect.deal.object_type, tenant.installation_id
    rows = mirrors.load(conn, connection_id, deal_type, sorted(merged), lock=True)
    losers = [one for one in merged if one not in rows or rows[one].gone != MERGED]  # the others are known to be
    for row in rows.values():
        row.gone = MERGED
    mirrors.put(conn, installation_id, connection_id, list(rows.values()))
    having = associations.having(conn, connection_id, dialect.person_type, deal_type, losers) if losers else {}
    known = leads.identities(conn, connection_id, dialect.person_type, sorted(having))
    people = [one for one, (_, gone) in known.items() if gone is None]
    wanted.want(conn, installation_id, connection_id, whose_deals(dialect), people, lane=Lane.HOT.value)


# ── what events told of ──────────────────────────────────────────────────────────────────────────────────────
def read_deals(line: Line, lane: Lane) -> int:
    """Read the deals, and whose they are, that events told of; their leads become due. Returns how many were read."""
    if not line.binding.deal_properties:
        return 0
    tenant, dialect = line.tenant, line.dialect
    marks, limit = (whose_deals(dialect), dialect.deal.object_type), tenant.limits.slice_records
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        rows = [
            row
            for mark in marks
            for row in wanted.wanted(conn, line.connection_id, mark, lanes=[lane.value], limit=limit, now=now)
        ]
    return read_marked(
        line,
        rows,
        fetch=lambda part: _fetch_marked(line, part, lane),
        store=lambda conn, part, harvest: _conclude(line, conn, part, harvest, lane),
    )


def _fetch_marked(line: Line, rows: Sequence[Wanted], lane: Lane) -> DealHarvest:
    harvest, dialect = DealHarvest(), line.dialect
    people = [row.vendor_id for row in rows if row.object_type == whose_deals(dialect)]
    if people:
        deal_type = dialect.deal.object_type
        harvest.belongs = line.vendor.associated(dialect.person_type, sorted(people), deal_type, lane=lane)
    _read(line, harvest, [row.vendor_id for row in rows if row.object_type == dialect.deal.object_type], lane)
    return harvest


def _conclude(line: Line, conn: Connection, rows: Sequence[Wanted], harvest: DealHarvest, lane: Lane) -> None:
    now, dialect = line.tenant.now(conn), line.dialect
    deal_type = dialect.deal.object_type
    store_deals(line, conn, harvest, now)
    people = [row.vendor_id for row in rows if row.object_type == whose_deals(dialect)]
    having = associations.having(conn, line.connection_id, dialect.person_type, deal_type, sorted(harvest.asked))
    known = leads.identities(conn, line.connection_id, dialect.person_type, sorted({*people, *having}))
    due = sorted({lead_id for lead_id, gone in known.values() if gone is None})
    leads.mark_due(conn, line.tenant.installation_id, due, at=now, why="deal", lane=lane.value)
    settle_made(line, conn, harvest)

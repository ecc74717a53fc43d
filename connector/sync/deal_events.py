"""What events tell of deals: a change of one that somebody has, and that a person has got or lost one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from connector.store import associations, leads, mirrors, wanted
from connector.store.database import Connection
from connector.sync import mirror
from connector.sync.binding import Binding
from connector.sync.context import Tenant
from connector.sync.deals import follow_merges, whose_deals
from connector.sync.facts import same_on
from connector.vendors.base import EventKind, InboundEvent, Lane


def hear_deals(
    tenant: Tenant, conn: Connection, connection_id: int, events: Sequence[InboundEvent]
) -> Mapping[str, str]:
    """Mark what has to be read; deals of people who are no leads of ours concern nobody. Returns what was merged (loser
    → winner): those of ours follow (`managed.follow`), behind everything else that the events say."""
    binding = tenant.reading[connection_id]
    if not binding.deal_properties:
        return {}
    deal_type = binding.dialect.deal.object_type
    of_deals = [event for event in events if event.object_type == deal_type and event.object_id]
    merged = {loser: winner for one in of_deals for loser, winner in _merged(one).items()}
    _hear_changes(tenant, conn, connection_id, binding, of_deals, merged)
    _hear_owners(tenant, conn, connection_id, binding, events)
    return merged


def _hear_changes(
    tenant: Tenant,
    conn: Connection,
    connection_id: int,
    binding: Binding,
    events: Sequence[InboundEvent],
    merged: Mapping[str, str],
) -> None:
    """A known deal that changed, went or came back is read again."""
    deal_type = binding.dialect.deal.object_type
    telling = [one for one in events if one.kind not in (EventKind.CREATED, EventKind.ASSOCIATED, EventKind.UNKNOWN)]
    mirrors.lock(conn, connection_id, deal_type, sorted({*merged, *map(_id, telling)}))
    follow_merges(tenant, conn, connection_id, binding.dialect, merged)
    rows = mirrors.load(conn, connection_id, deal_type, sorted({_id(one) for one in telling}), lock=True)
    same = same_on(binding, deal_type)
    stale: dict[str, bool] = {}
    for event in sorted(telling, key=lambda one: one.occurred_at):
        row = rows.get(_id(event))
        if row is None or (event.kind is EventKind.CHANGED and not mirror.hear(row, event, same=same)):
            continue
        stale[row.vendor_id] = stale.get(row.vendor_id, True) and event.is_bulk
    mirrors.put(conn, tenant.installation_id, connection_id, list(rows.values()))
    for lane, ids in _lanes(stale):
        wanted.want(conn, tenant.installation_id, connection_id, deal_type, ids, lane=lane)


def _hear_owners(
    tenant: Tenant, conn: Connection, connection_id: int, binding: Binding, events: Sequence[InboundEvent]
) -> None:
    """People whose deals are not what we know."""
    dialect = binding.dialect
    deal_type = dialect.deal.object_type
    pairs = list(_pairs(dialect.person_type, deal_type, events))
    people = sorted({person for person, _, _ in pairs})
    if not people:
        return
    belongs = associations.of(conn, connection_id, dialect.person_type, people, deal_type)
    stale: dict[str, bool] = {}
    for person, deal, event in pairs:
        if (deal in belongs.get(person, ())) == event.removed:
            stale[person] = stale.get(person, True) and event.is_bulk
    known = leads.identities(conn, connection_id, dialect.person_type, list(stale))
    found = {one: bulk for one, bulk in stale.items() if one in known and known[one][1] is None}
    for lane, ids in _lanes(found):
        wanted.want(conn, tenant.installation_id, connection_id, whose_deals(dialect), ids, lane=lane)


def _pairs(person_type: str, deal_type: str, events: Iterable[InboundEvent]) -> Iterator[tuple[str, str, InboundEvent]]:
    """(person, deal, event) of every association told of, from whichever side."""
    for event in events:
        if event.kind is not EventKind.ASSOCIATED or event.object_id is None or event.other_id is None:
            continue
        if (event.object_type, event.other_type) == (person_type, deal_type):
            yield event.object_id, event.other_id, event
        elif (event.object_type, event.other_type) == (deal_type, person_type):
            yield event.other_id, event.object_id, event


def _merged(event: InboundEvent) -> dict[str, str]:
    """Loser → winner, which may be a new deal: then the one that people chose to keep has gone too."""
    if event.kind is not EventKind.MERGED:
        return {}
    winner = str(event.new_id or event.object_id)
    return {one: winner for one in (event.object_id, *event.merged_ids) if one is not None and one != winner}


def _lanes(stale: dict[str, bool]) -> list[tuple[str, list[str]]]:
    """(lane, ids): nobody waits for what comes by the thousand."""
    hot = [one for one, bulk in stale.items() if not bulk]
    bulk = [one for one, is_bulk in stale.items() if is_bulk]
    return [(Lane.HOT.value, hot), (Lane.BACKGROUND.value, bulk)]


def _id(event: InboundEvent) -> str:
    return str(event.new_id or event.object_id)

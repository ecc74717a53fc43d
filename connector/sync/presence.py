"""Whose work waits for somebody who is away: absences and departures as the engine reads them, and whom they wake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.domain.effects import WorkState
from connector.domain.lead import Away, Lead
from connector.domain.state import LeadState
from connector.policy.model import Policy
from connector.store import leads, people
from connector.store.clock import BusinessClock
from connector.store.database import Connection
from connector.store.people import AwayRow
from connector.sync.binding import Binding
from connector.sync.colleagues import by_vendor, canonical, every_id
from connector.sync.context import Tenant

Presence = Mapping[str, tuple[Away, ...]]
"""Person → what keeps them away, now or later; who is there is absent."""


def presence(conn: Connection, policy: Policy, bindings: Iterable[Binding]) -> Presence:
    """Everybody who is away or has left, at this business time; empty where the policy routes nothing."""
    if policy.routing is None:
        return {}
    found: dict[str, tuple[Away, ...]] = {}
    crms = by_vendor(bindings)
    for row in people.away(conn, BusinessClock.now(conn)):
        person = canonical(crms, row.vendor, row.person)
        found[person] = (*found.get(person, ()), _away(policy, row, person))
    return found


def _away(policy: Policy, row: AwayRow, person: str) -> Away:
    pools = policy.routing.pools.values() if policy.routing is not None else ()
    return Away(
        person=person,
        cause_id=f"absence-{row.absence_id}" if row.absence_id is not None else _left(row.person, row.since),
        since=row.since,
        until=row.until,
        left=row.absence_id is None,
        pools=tuple(pool.id for pool in pools if pool.members.get(row.vendor) in row.teams),
    )


def _left(person: str, at: datetime) -> str:
    return f"left-{person}-{int(at.timestamp())}"


def concerning(found: Presence, lead: Lead, state: LeadState) -> tuple[Away, ...]:
    """What of it concerns this lead: its owners, shown or given, and those who have its open tasks."""
    if not found:
        return ()
    return tuple(one for person in dict.fromkeys(_people(lead, state)) for one in found.get(person, ()))


def _people(lead: Lead, state: LeadState) -> Iterator[str]:
    yield from (one for one in (lead.owner, lead.deal_owner) if one is not None)
    yield from (given.person for given in state.assigned.values())
    yield from (task.owner for task in state.tasks if task.owner is not None and task.state is WorkState.OPEN)


@dataclass(frozen=True, slots=True)
class Woken:
    """How many leads are looked at again: with open work of the people who changed, and waiting for anybody."""

    theirs: int
    waiting: int


def people_changed(tenant: Tenant, conn: Connection, persons: Sequence[str], now: datetime) -> Woken:
    """These people left, are away, are back or take another share: their leads, and those that wait, are due."""
    persons = every_id(tenant, persons)
    theirs = set(people.with_open_work(conn, persons)) | set(people.owned(conn, persons))
    waiting = set(people.unrouted(conn)) - theirs
    leads.mark_due(conn, tenant.installation_id, sorted(theirs | waiting), at=now, why="owner", lane="background")
    return Woken(theirs=len(theirs), waiting=len(waiting))

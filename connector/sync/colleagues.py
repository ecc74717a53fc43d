"""The people who work in several CRMs: each is one, under the id by which they go everywhere (`Binding.colleagues`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.store import people
from connector.store.database import Connection
from connector.store.people import PersonRow
from connector.sync.binding import Binding
from connector.sync.context import Tenant


def everybody(tenant: Tenant, conn: Connection, now: datetime) -> list[PersonRow]:
    """Everybody who may own records, at this business time, each once and in the teams of every CRM.

    Who may own none in one of the CRMs any more is given nothing. What was set for them under either id counts.
    """
    rows = people.people(conn, now)
    if len(tenant.bindings) < 2:
        return rows
    names = by_vendor(tenant.bindings.values())
    of: dict[str, list[PersonRow]] = {}
    for row in rows:
        of.setdefault(canonical(names, row.vendor, row.person), []).append(row)
    return [_one(person, same) for person, same in of.items()]


def by_vendor(bindings: Iterable[Binding]) -> Mapping[str, Binding]:
    """The bindings by the name of their CRM."""
    return {one.dialect.vendor: one for one in bindings}


def canonical(bindings: Mapping[str, Binding], vendor: str, person: str) -> str:
    """The id by which a user of this CRM goes everywhere."""
    binding = bindings.get(vendor)
    return binding.canonical_person(person) if binding is not None else person


def every_id(tenant: Tenant, persons: Sequence[str]) -> list[str]:
    """All ids of these people, in whichever CRM they were named."""
    bindings = list(tenant.bindings.values())
    found = {one.canonical_person(person) for one in bindings for person in persons}
    own = {mine for one in bindings for person in found if (mine := one.own_person(person)) is not None}
    return sorted({*persons, *found, *own})


def _one(person: str, same: Sequence[PersonRow]) -> PersonRow:
    if len(same) == 1:
        return replace(same[0], person=person)
    first = next((one for one in same if one.person == person), same[0])
    others = [one for one in same if one is not first]
    return replace(
        first,
        person=person,
        elsewhere={one.vendor: one.teams for one in others},
        active=all(one.active for one in same),
        absent=any(one.absent for one in same),
        weight=next((one.weight for one in (first, *others) if one.weight != 1), 1.0),
        capacity=next((one.capacity for one in (first, *others) if one.capacity is not None), None),
        calendar=next((one.calendar for one in (first, *others) if one.calendar is not None), None),
    )

"""What a look at the CRM shows and we do not know is marked to be read; reading it is the ordinary way.

Marking never decides anything: a mark that was not needed costs a read. What is known as it stands is not marked, so
that looking again at the same records does nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from connector.domain.codec_work import moment_text
from connector.store import activity_signals, associations, leads, links, managed, merging, mirrors, wanted
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync.activities import record_name
from connector.sync.company_reads import want_found
from connector.sync.comparing import Difference
from connector.sync.context import Line, Tenant
from connector.sync.deals import whose_deals
from connector.sync.looking import confirm, is_outdated, look_into, tell_missed
from connector.sync.task_reports import hear_tasks, want_tasks
from connector.vendors.base import Lane, Record
from connector.vendors.dialect import RoleWords

BACKGROUND = Lane.BACKGROUND.value
FINAL = ("erased", "merged")
"""Who has gone so is never brought back by what is seen or heard later."""

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Marked:
    """How many records were marked to be read; of how many it was told that they had drifted."""

    count: int = 0
    drifted: int = 0


def mark(
    line: Line,
    object_type: str,
    records: Sequence[Record],
    differing: Sequence[Difference],
    *,
    shown: Mapping[str, str] = NOTHING,
) -> Marked:
    """Mark those of these records that are to be read: `differing` are those that are not as we hold them.

    People and companies go by their values alone: what we wrote ourselves is as we hold it, whenever it was modified.
    Deals and activities go by the time of modification too: it tells of what hangs on them. What the vendor lists as
    `archived` is marked where we still take it for standing. `shown`: activities that an earlier look has marked, with
    when they were modified then; what says nothing to us leaves no other trace.
    """
    role = line.dialect.deal.role
    if role is not None and object_type == role.object_type:
        return _mark_roles(line, role, records)
    gone = mark_gone(line, object_type, [one.id for one in records if one.archived])
    differing = [one for one in differing if not one.record.archived]
    if object_type == line.dialect.person_type:
        found = mark_people(line, differing)
    elif object_type == line.dialect.company_type:
        found = _mark_companies(line, differing)
    else:
        found = _mark_others(line, object_type, [one for one in records if not one.archived], differing, shown)
    return Marked(found.count + gone, found.drifted)


def behind(line: Line, object_type: str, records: Sequence[Record]) -> list[Difference]:
    """By the time of modification alone, where values were not asked for: those that we do not hold as they stand."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        held = mirrors.standing(conn, line.connection_id, object_type, [one.id for one in records])
    return [
        Difference(one, (), held=one.id in held and held[one.id][1] is None)
        for one in records
        if one.id not in held or _is_behind(*held[one.id], one)
    ]


def mark_gone(line: Line, object_type: str, ids: Sequence[str]) -> int:
    """Mark those of these records that we take for standing, though the vendor shows them no more; returns how many."""
    if not ids:
        return 0
    tenant, dialect, connection_id = line.tenant, line.dialect, line.connection_id
    with tenant.database.transaction(tenant.installation_id) as conn:
        if object_type == dialect.task_type:
            found = managed.not_gone(conn, connection_id, object_type, ids)
            want_tasks(conn, tenant.installation_id, connection_id, dialect, found)
            if object_type not in line.binding.activity_types:
                return len(found)
        if object_type in line.binding.activity_types:
            names = {record_name(connection_id, object_type, one): one for one in ids}
            found = [names[name] for name in activity_signals.modified(conn, list(names))]
            wanted.want(conn, tenant.installation_id, connection_id, object_type, found, lane=BACKGROUND)
            return len(found)
        if object_type == dialect.person_type:
            known = leads.identities(conn, connection_id, object_type, ids)
            here = {lead_id: one for one, (lead_id, gone) in known.items() if gone is None}
            links.want_read(conn, tenant.installation_id, connection_id, here, lane=BACKGROUND)
            return len(here)
        held = mirrors.standing(conn, connection_id, object_type, ids)
        found = [one for one, (_, gone) in held.items() if gone is None]
        if object_type == dialect.company_type:
            rows = mirrors.load(conn, connection_id, object_type, found, lock=True)
            want_found(tenant, conn, connection_id, found)
            return want_companies(tenant, conn, connection_id, list(rows.values()))
        wanted.want(conn, tenant.installation_id, connection_id, object_type, found, lane=BACKGROUND)
        return len(found)


# ── people and companies ─────────────────────────────────────────────────────────────────────────────────────
def want_people(
    tenant: Tenant,
    conn: Connection,
    connection_id: int,
    found: Mapping[str, datetime | None],
    *,
    lane: str,
) -> None:
    """Mark these people to be read, by their vendor ids; whom nobody has met becomes a lead.

    `found` says since when somebody waits for it (machine time), or None.
    """
    if not found:
        return
    person_type, installation_id = tenant.bindings[connection_id].dialect.person_type, tenant.installation_id
    known = leads.identities(conn, connection_id, person_type, list(found))
    found = {one: at for one, at in found.items() if one not in known or known[one][1] != "erased"}
    unknown = [vendor_id for vendor_id in found if vendor_id not in known]
    if unknown:
        fresh = leads.new_leads(conn, installation_id, [tenant.now(conn)] * len(unknown))
        leads.identify(conn, installation_id, connection_id, person_type, list(zip(unknown, fresh, strict=True)))
        # Read back: another worker may have met the same person first, and its lead stands.
        known = leads.identities(conn, connection_id, person_type, list(found))
        merging.forget(conn, sorted(set(fresh) - {lead_id for lead_id, _ in known.values()}))
    marked = {known[one][0]: one for one in found}
    since = {known[one][0]: at for one, at in found.items()}
    links.want_read(conn, installation_id, connection_id, marked, lane=lane, since=since)


def want_companies(tenant: Tenant, conn: Connection, connection_id: int, rows: Sequence[MirrorRow]) -> int:
    """These companies (held by the caller) are stale: they are read with the people who belong to them.

    Returns how many were not stale before.
    """
    dialect = tenant.bindings[connection_id].dialect
    fresh = [row for row in rows if row.read_at is not None]
    for row in fresh:
        row.read_at = None
    mirrors.put(conn, tenant.installation_id, connection_id, fresh)
    people = mirrors.contacts_of(conn, connection_id, [row.vendor_id for row in rows])
    known = leads.identities(conn, connection_id, dialect.person_type, people)
    marked = {lead_id: vendor_id for vendor_id, (lead_id, gone) in known.items() if gone is None}
    links.want_read(conn, tenant.installation_id, connection_id, marked, lane=BACKGROUND)
    return len(fresh)


def mark_people(line: Line, differing: Sequence[Difference]) -> Marked:
    """People who are not as we hold them: judged, told, and marked to be read; not those whose read is coming, nor
    those of whom the list shows less than we know."""
    if not differing:
        return Marked()
    tenant, person_type = line.tenant, line.dialect.person_type
    with tenant.database.transaction(tenant.installation_id) as conn:
        # where two CRMs agree on fields, what a look shows bounds when they changed: it is told of everybody
        ids = [] if line.binding.shared else [one.record.id for one in differing]
        left = links.to_be_read(conn, line.connection_id, ids) if ids else set()
        rows, now = mirrors.load(conn, line.connection_id, person_type, ids), tenant.now(conn)
        left |= {
            one.record.id for one in differing if one.record.id in rows and is_outdated(rows[one.record.id], one, now)
        }
        differing = [one for one in differing if one.record.id not in left]
        if not differing:
            return Marked()
        known = leads.identities(conn, line.connection_id, person_type, [one.record.id for one in differing])
    confirmed = confirm(line, differing, known)
    with tenant.database.transaction(tenant.installation_id) as conn:
        known = leads.identities(conn, line.connection_id, person_type, [one.record.id for one in differing])
        alive = [one for one in differing if one.record.id not in known or known[one.record.id][1] not in FINAL]
        drifted = look_into(line, conn, alive, known, confirmed, now=tenant.now(conn))
        want_people(tenant, conn, line.connection_id, {one.record.id: None for one in alive}, lane=BACKGROUND)
    return Marked(len(alive), drifted)


def _mark_companies(line: Line, differing: Sequence[Difference]) -> Marked:
    """Companies that we have read with people, and that differ; others come with their people, or are read by
    themselves where people find them."""
    if not differing:
        return Marked()
    tenant, company_type = line.tenant, line.dialect.company_type
    with tenant.database.transaction(tenant.installation_id) as conn:
        ids = [one.record.id for one in differing]
        rows = mirrors.load(conn, line.connection_id, company_type, ids, lock=True)
        drifted = tell_missed(line, conn, differing, rows, now=tenant.now(conn))
        want_found(tenant, conn, line.connection_id, ids)
        return Marked(want_companies(tenant, conn, line.connection_id, list(rows.values())), drifted)


def _mark_others(
    line: Line,
    object_type: str,
    records: Sequence[Record],
    differing: Sequence[Difference],
    shown: Mapping[str, str],
) -> Marked:
    if not records:
        return Marked()
    if object_type == line.dialect.deal.object_type:
        return _mark_deals(line, records, differing)
    ours = _mark_tasks(line, records) if object_type == line.dialect.task_type else 0
    if object_type not in line.binding.activity_types:
        return Marked(ours)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return Marked(ours + _mark_activities(line, conn, object_type, records, shown))


def _is_behind(mirrored: datetime | None, gone: str | None, record: Record) -> bool:
    return gone is not None or mirrored is None or record.modified_at is None or mirrored < record.modified_at


# ── tasks, deals and activities ─────────────────────────────────────────────────────────────────────────────────────
def _mark_tasks(line: Line, records: Sequence[Record]) -> int:
    """Tasks of ours that show something else than when we last saw them, or made them."""
    names = [name for name in line.dialect.task_properties if name != line.dialect.key_property]
    told = [
        (record.id, name, record.properties[name]) for record in records for name in names if name in record.properties
    ]
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return hear_tasks(conn, line.tenant.installation_id, line.connection_id, line.dialect, told)


def _mark_activities(
    line: Line, conn: Connection, object_type: str, records: Sequence[Record], shown: Mapping[str, str]
) -> int:
    others = [one for one in records if not one.properties.get(line.dialect.key_property)]  # ours say nothing here
    names = {record_name(line.connection_id, object_type, one.id): one for one in others}
    known = {name: shown[one.id] for name, one in names.items() if one.id in shown}
    known |= activity_signals.modified(conn, list(names))
    ids = [one.id for name, one in names.items() if one.modified_at is None or _is_newer(one, known.get(name))]
    wanted.want(conn, line.tenant.installation_id, line.connection_id, object_type, ids, lane=BACKGROUND)
    return len(ids)


def _is_newer(record: Record, known: str | None) -> bool:
    assert record.modified_at is not None
    return known is None or moment_text(record.modified_at) > known


def _mark_deals(line: Line, records: Sequence[Record], differing: Sequence[Difference]) -> Marked:
    """A known deal that changed is read again; whose a new one is, is asked of the vendor."""
    tenant, dialect = line.tenant, line.dialect
    deal_type, ids = dialect.deal.object_type, [one.id for one in records]
    with tenant.database.transaction(tenant.installation_id) as conn:
        held = mirrors.standing(conn, line.connection_id, deal_type, ids)
    fresh = [one for one in ids if one not in held]
    people = line.vendor.associated(deal_type, fresh, dialect.person_type, lane=Lane.BACKGROUND) if fresh else {}
    with tenant.database.transaction(tenant.installation_id) as conn:
        held = mirrors.standing(conn, line.connection_id, deal_type, ids)
        stale = {one.id for one in records if one.id in held and _is_behind(*held[one.id], one)}
        stale |= {one.record.id for one in differing if one.record.id in held}
        rows = mirrors.load(conn, line.connection_id, deal_type, sorted(stale), lock=True)
        drifted = tell_missed(line, conn, differing, rows, now=tenant.now(conn))
        wanted.want(conn, tenant.installation_id, line.connection_id, deal_type, stale, lane=BACKGROUND)
        owners = _unaware(line, conn, people)
        wanted.want(conn, tenant.installation_id, line.connection_id, whose_deals(dialect), owners, lane=BACKGROUND)
    return Marked(len(stale) + len(owners), drifted)


def _mark_roles(line: Line, role: RoleWords, records: Sequence[Record]) -> Marked:
    """People who got a deal, or lost one, of which we do not know: whose deals are which is asked anew."""
    dialect = line.dialect
    told = [
        (person, deal, one.archived)
        for one in records
        if (person := one.properties.get(role.person)) and (deal := one.properties.get(role.deal))
    ]
    people = sorted({person for person, _, _ in told})
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        known = leads.identities(conn, line.connection_id, dialect.person_type, people)
        belongs = associations.of(conn, line.connection_id, dialect.person_type, people, dialect.deal.object_type)
        found = {
            person
            for person, deal, is_lost in told
            if person in known and known[person][1] is None and (deal in belongs.get(person, ())) is is_lost
        }
        mark = whose_deals(dialect)
        wanted.want(conn, line.tenant.installation_id, line.connection_id, mark, found, lane=BACKGROUND)
    return Marked(len(found))


def _unaware(line: Line, conn: Connection, people: Mapping[str, Collection[str]]) -> list[str]:
    """The people, known to us, of whom we do not know that they have these deals."""
    dialect = line.dialect
    ids = sorted({one for found in people.values() for one in found})
    known = leads.identities(conn, line.connection_id, dialect.person_type, ids)
    belongs = associations.of(conn, line.connection_id, dialect.person_type, ids, dialect.deal.object_type)
    return sorted(
        {
            one
            for deal, found in people.items()
            for one in found
            if one in known and known[one][1] is None and deal not in belongs.get(one, ())
        }
    )

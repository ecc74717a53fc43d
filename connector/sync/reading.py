"""Read slice: what was marked is read in batches, the mirror grows, and the leads become due."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from connector.errors import RetryableError
from connector.store import leads, links, managed, mirrors
from connector.store.database import Connection
from connector.store.links import ReadClaim
from connector.store.mirrors import MirrorRow
from connector.store.signals import NewSignal
from connector.sync import mirror
from connector.sync.context import Line, backoff
from connector.sync.facts import same_on
from connector.sync.submissions import signals_of, store_signals
from connector.vendors.base import Create, Lane, Outcome, Record

log = structlog.get_logger()

COUNTED_AT_ONCE = 20
"""A counter that jumps by more than this in one read says "many": more signals would tell nothing."""


@dataclass(slots=True)
class _Harvest:
    """What the vendor answered for one slice."""

    people: dict[str, Record] = field(default_factory=dict)
    companies: dict[str, Record] = field(default_factory=dict)
    arrived: dict[int, str] = field(default_factory=dict)  #: lead → the contact found or created for it
    refused: dict[int, str] = field(default_factory=dict)  #: lead → why no contact could be made


def read_slice(line: Line, lane: Lane) -> int:
    """Read up to a slice of marked records of one lane; returns how many were claimed."""
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        token, claims = links.claim_reads(
            conn,
            line.connection_id,
            lane=lane.value,
            limit=tenant.limits.slice_records,
            lease_seconds=tenant.limits.lease_seconds,
        )
        task_ids = managed.wanted_reads(conn, line.connection_id, line.dialect.task_type, tenant.limits.slice_records)
    if not claims and not task_ids:
        return 0
    try:
        harvest = _fetch(line, claims, lane)
        tasks = (
            line.vendor.read(line.dialect.task_type, task_ids, line.dialect.task_properties, lane=lane)
            if task_ids
            else {}
        )
    except RetryableError as error:
        _postpone(line, token, error)
        raise
    try:
        with tenant.database.transaction(tenant.installation_id) as conn:
            now = tenant.now(conn)
            _store(line, conn, token, claims, harvest, now, lane)
            _store_tasks(line, conn, task_ids, tasks, now)
    except RetryableError:
        with tenant.database.transaction(tenant.installation_id) as conn:
            links.release(conn, line.connection_id, token)
        raise
    return len(claims) + len(task_ids)


def _postpone(line: Line, token: uuid.UUID, error: RetryableError) -> None:
    tenant = line.tenant
    seconds = error.retry_after_seconds or backoff(tenant.limits, 0)
    with tenant.database.transaction(tenant.installation_id) as conn:
        links.postpone_reads(conn, line.connection_id, token, seconds=seconds)


# ── the vendor ───────────────────────────────────────────────────────────────────────────────────────────────
def _fetch(line: Line, claims: Sequence[ReadClaim], lane: Lane) -> _Harvest:
    harvest = _Harvest()
    known = [claim.vendor_id for claim in claims if claim.vendor_id]
    if known:
        harvest.people = line.vendor.read(line.dialect.person_type, known, line.binding.person_properties, lane=lane)
    arrivals = [claim for claim in claims if not claim.vendor_id and claim.arrival]
    if arrivals:
        _meet(line, arrivals, harvest, lane)
    missing = _companies_to_read(line, harvest.people.values())
    if missing:
        harvest.companies = line.vendor.read(
            line.dialect.company_type, missing, line.binding.company_properties, lane=lane
        )
    return harvest


def _companies_to_read(line: Line, people: Iterable[Record]) -> list[str]:
    """Companies of these people that the mirror does not hold, or holds as stale."""
    if not line.binding.company_properties:
        return []
    ids = sorted({one for person in people if (one := person.properties.get(line.dialect.company_property))})
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        held = mirrors.load(conn, line.connection_id, line.dialect.company_type, ids)
    return [one for one in ids if one not in held or held[one].read_at is None]


def _meet(line: Line, arrivals: Sequence[ReadClaim], harvest: _Harvest, lane: Lane) -> None:
    """Find the people behind these addresses, or create them. E-mail is unique at the vendor: a repeat conflicts."""
    properties = line.binding.person_properties
    by_email = {str(claim.arrival["email"]): claim for claim in arrivals if claim.arrival}
    found = line.vendor.find_by_email(list(by_email), properties, lane=lane)
    creates = [
        Create(key=email, properties=_first_values(line, claim), associate=())
        for email, claim in by_email.items()
        if email not in found
    ]
    results = line.vendor.create(line.dialect.person_type, creates, lane=lane) if creates else []
    for create, result in zip(creates, results, strict=True):
        lead_id = by_email[create.key].lead_id
        if result.outcome is Outcome.APPLIED and result.record is not None:
            harvest.arrived[lead_id] = result.record.id
        elif result.existing_id is not None:
            harvest.arrived[lead_id] = result.existing_id
        elif result.outcome is Outcome.REJECTED:
            harvest.refused[lead_id] = result.reason or "rejected"
        else:
            raise RetryableError("Creating a contact came to no clear end; it is looked up again.", reason="uncertain")
    for email, record in found.items():
        harvest.arrived[by_email[email].lead_id] = record.id
        harvest.people[record.id] = record
    fresh = sorted(set(harvest.arrived.values()) - set(harvest.people))
    if fresh:
        harvest.people |= line.vendor.read(line.dialect.person_type, fresh, properties, lane=lane)


def _first_values(line: Line, claim: ReadClaim) -> dict[str, str]:
    """A new person's first values: the address, and what the form gave for fields that the policy maps."""
    assert claim.arrival is not None
    given: Mapping[str, str] = claim.arrival.get("values") or {}
    fields = line.tenant.plan.policy.fields
    values = {line.dialect.email_property: str(claim.arrival["email"])}
    for name, text in given.items():
        for home in fields[name].homes if name in fields else ():
            if home.vendor == line.dialect.vendor and home.object_type == line.dialect.person_type:
                values.setdefault(home.name, text)
    return values


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────
def _store(
    line: Line,
    conn: Connection,
    token: uuid.UUID,
    claims: Sequence[ReadClaim],
    harvest: _Harvest,
    now: datetime,
    lane: Lane,
) -> None:
    mirrors.lock(conn, line.connection_id, line.dialect.company_type, sorted(harvest.companies))
    mirrors.lock(conn, line.connection_id, line.dialect.person_type, sorted(harvest.people))
    links.lock(conn, [claim.lead_id for claim in claims])
    held = links.settle_reads(conn, line.connection_id, token, claims)
    claims = [_recognise(line, conn, claim, harvest) for claim in claims if claim.lead_id in held]
    people = sorted({claim.vendor_id for claim in claims if claim.vendor_id})
    rows = mirrors.load(conn, line.connection_id, line.dialect.person_type, people, lock=True)
    found: list[NewSignal] = []
    changed: list[MirrorRow] = []
    gone: list[str] = []
    for claim in claims:
        record = harvest.people.get(claim.vendor_id)
        if record is None:
            if claim.vendor_id:
                gone.append(claim.vendor_id)
            continue
        row = rows.setdefault(
            claim.vendor_id, MirrorRow(object_type=line.dialect.person_type, vendor_id=claim.vendor_id)
        )
        before = {name: row.properties.get(name) for name in line.binding.counters if name in row.properties}
        mirror.absorb(row, record, now=now, same=same_on(line.binding, line.dialect.person_type))
        changed.append(row)
        found += _signals(line, claim.lead_id, record, before)
    _store_gone(line, conn, gone)
    changed += _absorb_companies(line, conn, harvest, now)
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, changed)
    store_signals(line.tenant, conn, found, now=now)
    due = [claim.lead_id for claim in claims if claim.vendor_id not in gone]
    leads.mark_due(conn, line.tenant.installation_id, due, at=now, why="read", lane=lane.value)


def _recognise(line: Line, conn: Connection, claim: ReadClaim, harvest: _Harvest) -> ReadClaim:
    """An arrival has a contact now: if that contact was a lead already, the two are one."""
    if claim.vendor_id:
        return claim
    if claim.lead_id in harvest.refused:
        conn.execute(
            "UPDATE link SET parked_reason = %s, parked_property = %s, parked_at = now()"
            " WHERE lead_id = %s AND connection_id = %s",
            [harvest.refused[claim.lead_id], line.dialect.email_property, claim.lead_id, line.connection_id],
        )
        return claim
    vendor_id = harvest.arrived.get(claim.lead_id, "")
    if not vendor_id:
        return claim
    person_type, installation_id = line.dialect.person_type, line.tenant.installation_id
    leads.identify(conn, installation_id, line.connection_id, person_type, [(vendor_id, claim.lead_id)])
    owner = leads.identities(conn, line.connection_id, person_type, [vendor_id])[vendor_id][0]
    if owner != claim.lead_id:
        leads.lock(conn, sorted((owner, claim.lead_id)))
        leads.merge(conn, installation_id, claim.lead_id, owner)
    else:
        conn.execute(
            "UPDATE link SET vendor_id = %s WHERE lead_id = %s AND connection_id = %s",
            [vendor_id, claim.lead_id, line.connection_id],
        )
    return ReadClaim(lead_id=owner, vendor_id=vendor_id, wanted_at=claim.wanted_at, arrival=None)


def _signals(line: Line, lead_id: int, record: Record, counters_before: Mapping[str, str | None]) -> list[NewSignal]:
    """What a person's record tells of: its latest form submission, and counters that have grown."""
    found: list[NewSignal] = []
    submission = line.dialect.submission(record)
    if submission is not None:
        found += signals_of(line.binding, lead_id, submission, source="record")
    for name, kinds in line.binding.counters.items():
        if name not in counters_before or name not in record.properties:
            continue  # first sight sets the baseline
        before, now = _number(counters_before[name]), _number(record.properties[name])
        for count in range(max(before, now - COUNTED_AT_ONCE) + 1, now + 1):
            found += [
                NewSignal(
                    lead_id=lead_id,
                    kind=kind,
                    source="counter",
                    source_key=f"counter:{kind}:{lead_id}:{name}:{count}",
                    occurred_at=record.modified_at
                    or line.dialect.moment(record.properties.get("createdate"))
                    or _EPOCH,
                )
                for kind in kinds
            ]
    return found


def _number(text: str | None) -> int:
    try:
        return int(float(text or 0))
    except ValueError:
        return 0


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _store_gone(line: Line, conn: Connection, vendor_ids: Sequence[str]) -> None:
    """The vendor no longer has these people: their leads rest until they are restored."""
    if vendor_ids:
        leads.set_gone(conn, line.connection_id, vendor_ids, "archived")
        conn.execute(
            "UPDATE mirror SET gone = 'archived' WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)",
            [line.connection_id, line.dialect.person_type, list(vendor_ids)],
        )


def _absorb_companies(line: Line, conn: Connection, harvest: _Harvest, now: datetime) -> list[MirrorRow]:
    rows = mirrors.load(conn, line.connection_id, line.dialect.company_type, sorted(harvest.companies), lock=True)
    same = same_on(line.binding, line.dialect.company_type)
    for vendor_id, record in harvest.companies.items():
        row = rows.setdefault(vendor_id, MirrorRow(object_type=line.dialect.company_type, vendor_id=vendor_id))
        mirror.absorb(row, record, now=now, same=same)
    return list(rows.values())


def _store_tasks(line: Line, conn: Connection, ids: Sequence[str], found: Mapping[str, Record], now: datetime) -> None:
    """What people did with our tasks: done, or deleted (then they are settled, and never made again)."""
    kind = line.dialect.task_type
    touched: list[int] = []
    for vendor_id in ids:
        record = found.get(vendor_id)
        reported = "deleted" if record is None else line.dialect.task_report(record)
        shown = dict(record.properties) if record else {}
        touched += managed.report(conn, line.connection_id, kind, vendor_id, reported=reported, mirror=shown)
    leads.mark_due(conn, line.tenant.installation_id, touched, at=now, why="task", lane="hot")

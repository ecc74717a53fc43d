"""Read slice: what was marked is read in batches, the mirror grows, and the leads become due.

Depth comes before breadth. What has been read is decided and written before more is read: a read grows old while it
waits, and contested properties are not written on an old one, so that reading ahead would be reading twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime

from connector.errors import AuthError, RetryableError
from connector.failpoints import Place, reach
from connector.store import leads, links, mirrors, outstanding, read_failures, wanted
from connector.store.database import Connection
from connector.store.leads import LeadRow
from connector.store.links import ReadClaim
from connector.store.mirrors import MirrorRow
from connector.store.read_failures import Later
from connector.store.signals import NewSignal
from connector.sync.activities import read_activities, read_activities_of
from connector.sync.apart import read_apart
from connector.sync.arrivals import Harvest, meet, recognise
from connector.sync.company_reads import belonging, read_companies
from connector.sync.context import Line, backoff, conclude
from connector.sync.deals import MERGED, fetch_deals, read_deals, settle_made, store_deals, whose_deals
from connector.sync.found_companies import CompanyRule, keep_companies
from connector.sync.heirs import followed
from connector.sync.observe import observe, observe_record, seen_until_of
from connector.sync.stumbling import Patience
from connector.sync.submissions import signals_of, store_signals
from connector.sync.succession import merged_into
from connector.sync.task_reports import our_tasks, read_tasks
from connector.vendors.base import Lane, Record

COUNTED_AT_ONCE = 20
"""A counter that jumps by more than this in one read says "many": more signals would tell nothing."""


def read_slice(line: Line, lane: Lane) -> int:
    """Read up to a batch of marked people of one lane, and a slice of what hangs on them; returns how many records."""
    count = _read_people(line, lane)
    marked = _marked(line, lane)
    count += read_companies(line, lane) if line.dialect.company_type in marked else 0
    count += read_deals(line, lane) if marked & _deal_marks(line) else 0
    count += read_activities(line, [one for one in line.binding.activity_types if one in marked], lane)
    count += read_tasks(line, lane) if our_tasks(line.dialect) in marked else 0
    if count == 0:
        _forget_marks(line)
    return count


def _marked(line: Line, lane: Lane) -> frozenset[str]:
    """The types of which records were marked, besides people and companies."""
    types = _types(line)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        now = line.tenant.now(conn)
        return outstanding.marked(conn, line.connection_id, types, lane=lane.value, now=now) if types else frozenset()


def _types(line: Line) -> frozenset[str]:
    """Of what records are marked, by this policy."""
    types = _deal_marks(line) | {*line.binding.activity_types, our_tasks(line.dialect)}
    return types | {line.dialect.company_type} if CompanyRule(line.reading).fields else types


def _deal_marks(line: Line) -> frozenset[str]:
    return frozenset((line.dialect.deal.object_type, whose_deals(line.dialect)) if line.binding.deal_properties else ())


def _forget_marks(line: Line) -> None:
    """Nothing was read: what is still marked is of types that the running policy does not read."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        wanted.forget(conn, line.connection_id, but=_types(line))


def _read_people(line: Line, lane: Lane) -> int:
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        if _is_ahead(line, conn, lane):
            return 0
        begun = tenant.now(conn)
        token, claims = links.claim_reads(
            conn,
            line.connection_id,
            lane=lane.value,
            limit=min(line.vendor.batch_size, tenant.limits.slice_records),
            lease_seconds=tenant.limits.lease_seconds,
        )
    if not claims:
        return 0
    reach(Place.CLAIMED)
    try:
        read = read_apart(claims, name=_lead, attempts=_attempts, fetch=lambda part: _harvest(line, part, lane))
    except (RetryableError, AuthError) as error:
        _postpone(line, token, claims, error)
        raise
    for part, harvest in read.parts:
        conclude(
            tenant,
            lambda conn, part=part, harvest=harvest: _store(  # type: ignore[misc]
                line, conn, token, part, harvest, tenant.now(conn), lane, begun
            ),
            give_back=lambda conn: links.release(conn, line.connection_id, token),
        )
    if read.failed is not None:
        stored = {claim.lead_id for part, _ in read.parts for claim in part}
        left = [claim for claim in claims if claim.lead_id not in stored]
        _postpone(line, token, left, read.failed, stumbled={claim.lead_id for claim in read.stumbled})
    return len(claims)


def _harvest(line: Line, claims: Sequence[ReadClaim], lane: Lane) -> Harvest:
    harvest = _fetch(line, claims, lane)
    read_activities_of(line, sorted(_deep(claims)), lane)
    return harvest


def _lead(claim: ReadClaim) -> str:
    return str(claim.lead_id)


def _attempts(claim: ReadClaim) -> int:
    return claim.attempts


def _deep(claims: Sequence[ReadClaim]) -> frozenset[str]:
    """The people of whom something is to be decided because nothing has happened."""
    return frozenset(claim.vendor_id for claim in claims if claim.deep and claim.vendor_id)


def _is_ahead(line: Line, conn: Connection, lane: Lane) -> bool:
    """True while what was read waits: a batch for its decision, or a second one while the first is being written."""
    batch = line.vendor.batch_size
    if leads.count_due(conn, now=line.tenant.now(conn), lane=lane.value, most=batch) >= batch:
        return True
    return links.count_writable(conn, line.connection_id, lane=lane.value, most=2 * batch) >= 2 * batch


def _postpone(
    line: Line,
    token: uuid.UUID,
    claims: Sequence[ReadClaim],
    error: RetryableError | AuthError,
    *,
    stumbled: Set[int] | None = None,
) -> None:
    """Nothing is lost: the claims go back, a refused token counts as nobody's attempt. Who `stumbled` alone, though
    others passed, waits longer each time, and then for a person. `stumbled` None: nothing passed."""
    failed = isinstance(error, RetryableError)
    asked = error.retry_after_seconds if isinstance(error, RetryableError) else 0.0
    seconds = backoff(line.tenant.limits, min(claim.attempts for claim in claims)) if asked is None else asked
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        patience = Patience(line, conn, error if isinstance(error, RetryableError) else None)
        later = list[Later]()
        for claim in claims:
            alone = claim.lead_id in (stumbled or ())
            counts = failed and (stumbled is None or alone)
            stumbles, since = claim.stumbles + alone, claim.failing_since
            later.append(
                Later(
                    lead_id=claim.lead_id,
                    seconds=patience.pause(stumbles=stumbles if alone else 0, since=since, asked=seconds),
                    stumbled=alone,
                    parked=counts and patience.is_over(stumbles=stumbles, since=since),
                )
            )
        read_failures.postpone(conn, line.connection_id, token, later, failed=failed)


# ── the vendor ───────────────────────────────────────────────────────────────────────────────────────────────
def _fetch(line: Line, claims: Sequence[ReadClaim], lane: Lane) -> Harvest:
    harvest = Harvest()
    known = [claim.vendor_id for claim in claims if claim.vendor_id]
    if known:
        harvest.people = line.vendor.read(line.dialect.person_type, known, line.binding.person_properties, lane=lane)
    arrivals = [claim for claim in claims if not claim.vendor_id and claim.arrival]
    if arrivals:
        meet(line, arrivals, harvest, lane)
    heirs = sorted({one.became.id for one in harvest.people.values() if one.became} - harvest.people.keys())
    if heirs:
        harvest.people |= line.vendor.read(line.dialect.person_type, heirs, line.binding.person_properties, lane=lane)
    harvest.came_of = _came_of(line, claims, harvest, lane)
    harvest.deals = fetch_deals(line, harvest.people, lane, deep=_deep(claims))
    missing = _companies_to_read(line, harvest.people.values())
    if missing:
        harvest.companies = line.vendor.read(
            line.dialect.company_type, missing, line.binding.company_properties, lane=lane
        )
    return harvest


def _came_of(line: Line, claims: Sequence[ReadClaim], harvest: Harvest, lane: Lane) -> dict[str, str]:
    """People's records that are read for the first time → the record, of a lead of ours, that was converted into each.

    A contact may be told of before the conversion is (before our own call for it has answered): as a lead of its own it
    would be decided, and worked, beside the one whom it is.
    """
    if not line.dialect.converts:
        return {}
    read = sorted({claim.vendor_id for claim in claims} & harvest.people.keys())
    person_type = line.dialect.person_type
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        met = mirrors.standing(conn, line.connection_id, person_type, read)
    fresh = [one for one in read if one not in met and harvest.people[one].became is None]
    came_of = line.vendor.converted_into(fresh, lane=lane) if fresh else {}
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        known = leads.identities(conn, line.connection_id, person_type, sorted(came_of.values()))
    return {one: earlier for one, earlier in came_of.items() if earlier in known}


def _companies_to_read(line: Line, people: Iterable[Record]) -> list[str]:
    """Companies of these people that the mirror does not hold, or holds as stale."""
    if not line.binding.company_properties:
        return []
    people = list(people)
    named = {one for person in people if (one := person.properties.get(line.dialect.company_property))}
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        ids = sorted(named | belonging(line, conn, [one.id for one in people]))
        held = mirrors.load(conn, line.connection_id, line.dialect.company_type, ids)
    return [one for one in ids if one not in held or held[one].read_at is None]


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────
def _store(
    line: Line,
    conn: Connection,
    token: uuid.UUID,
    claims: Sequence[ReadClaim],
    harvest: Harvest,
    now: datetime,
    lane: Lane,
    begun: datetime,
) -> None:
    named = {claim.vendor_id for claim in claims if claim.vendor_id}  # also of those whom the vendor no longer has
    deals = sorted({*harvest.deals.asked, *harvest.deals.merged(line.dialect)})
    mirrors.lock(conn, line.connection_id, line.dialect.deal.object_type, deals)
    merged = dict(merged_into(line.dialect, harvest.companies.values()))
    mirrors.lock(conn, line.connection_id, line.dialect.company_type, sorted({*harvest.companies, *merged}))
    mirrors.lock(conn, line.connection_id, line.dialect.person_type, sorted({*harvest.people, *named}))
    links.lock(conn, [claim.lead_id for claim in claims])
    claims = links.settle_reads(conn, line.connection_id, token, claims, begun=begun)
    claims = recognise(line, conn, claims, harvest)
    claims = followed(line, conn, claims, harvest, now)
    people = sorted({claim.vendor_id for claim in claims})
    rows = mirrors.load(conn, line.connection_id, line.dialect.person_type, people, lock=True)
    known = leads.load(conn, [claim.lead_id for claim in claims])
    seen_until = seen_until_of(line, conn)
    found: list[NewSignal] = []
    changed: list[MirrorRow] = []
    gone: list[str] = []
    were_gone: set[str] = set()
    for claim in claims:
        record = harvest.people.get(claim.vendor_id)
        if record is None:
            gone += [claim.vendor_id] if claim.vendor_id else []
            continue
        row = rows.setdefault(
            claim.vendor_id, MirrorRow(object_type=line.dialect.person_type, vendor_id=claim.vendor_id)
        )
        before = {name: row.properties.get(name) for name in line.binding.counters if name in row.properties}
        were_gone |= {row.vendor_id} if row.gone is not None else set()
        lead = known.get(claim.lead_id)
        observe(line, conn, lead, row, record, now=now, unanswered=claim.unanswered, seen_until=seen_until)
        changed.append(row)
        found += _signals(line, claim.lead_id, record, before)
    _store_gone(line, conn, gone)
    _store_back(line, conn, [claim for claim in claims if claim.vendor_id in harvest.people], known, were_gone)
    store_deals(line, conn, harvest.deals, now)
    companies = _absorb_companies(line, conn, harvest, now)
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, [*changed, *companies])
    concerned = keep_companies(line.tenant, conn, line.connection_id, companies)
    store_signals(line.tenant, conn, found, now=now)
    # whose record has gone may live on in another CRM
    due = [claim.lead_id for claim in claims if claim.vendor_id not in gone or line.binding.partners]
    _wake(line, conn, concerned - set(due), now)
    leads.mark_due(conn, line.tenant.installation_id, due, at=now, why="read", lane=lane.value)
    settle_made(line, conn, harvest.deals)


def _wake(line: Line, conn: Connection, lead_ids: Iterable[int], now: datetime) -> None:
    """Companies have changed by which these leads find theirs."""
    background = Lane.BACKGROUND.value
    leads.mark_due(conn, line.tenant.installation_id, sorted(lead_ids), at=now, why="company", lane=background)


def _signals(line: Line, lead_id: int, record: Record, counters_before: Mapping[str, str | None]) -> list[NewSignal]:
    """What a person's record tells of: its latest form submission, and counters that have grown."""
    found: list[NewSignal] = []
    submission = line.dialect.submission(record)
    if submission is not None:
        found += signals_of(line.binding, lead_id, submission, source="record")
    found += _arrival(line, lead_id, record)
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


def _arrival(line: Line, lead_id: int, record: Record) -> list[NewSignal]:
    """That somebody came in, once for each record."""
    came_in = line.dialect.came_in(record) if line.binding.arrivals.told_by else None
    if came_in is None:
        return []
    return [
        NewSignal(
            lead_id=lead_id,
            kind=kind,
            source="arrival",
            source_key=f"arrival:{line.connection_id}:{record.id}:{kind}",
            occurred_at=came_in,
        )
        for kind in line.binding.arrivals.signals(record.properties)
    ]


def _number(text: str | None) -> int:
    try:
        return int(float(text or 0))
    except ValueError:
        return 0


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _store_gone(line: Line, conn: Connection, vendor_ids: Sequence[str]) -> None:
    """The vendor no longer has these people: their leads rest until they are restored."""
    if vendor_ids:
        leads.set_gone(conn, line.connection_id, vendor_ids, "archived", object_type=line.dialect.person_type)
        conn.execute(
            "UPDATE mirror SET gone = 'archived' WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)",
            [line.connection_id, line.dialect.person_type, list(vendor_ids)],
        )


def _store_back(
    line: Line, conn: Connection, claims: Sequence[ReadClaim], known: Mapping[int, LeadRow], were_gone: Set[str]
) -> None:
    """Restored at the vendor: these leads, which had gone with their records, go on."""
    leads_gone = {lead_id for lead_id, row in known.items() if row.gone == "archived"}
    back = [one.vendor_id for one in claims if one.lead_id in leads_gone or one.vendor_id in were_gone]
    if back:
        leads.set_gone(conn, line.connection_id, back, None, object_type=line.dialect.person_type)


def _absorb_companies(line: Line, conn: Connection, harvest: Harvest, now: datetime) -> list[MirrorRow]:
    """Companies as read. Those that people merged away stand no more: their people are with the winner already."""
    merged = dict(merged_into(line.dialect, harvest.companies.values()))
    ids = sorted({*harvest.companies, *merged})
    rows = mirrors.load(conn, line.connection_id, line.dialect.company_type, ids, lock=True)
    for loser in merged.keys() & rows.keys():
        rows[loser].gone = MERGED
    for vendor_id, record in harvest.companies.items():
        row = rows.setdefault(vendor_id, MirrorRow(object_type=line.dialect.company_type, vendor_id=vendor_id))
        observe_record(line, conn, row, record, now=now)
    return list(rows.values())

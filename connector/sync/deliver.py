"""Deliver slice: desired minus mirror is written in batches, and what the vendor says it stored is kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.domain import codec
from connector.domain.drift import DriftClass
from connector.errors import AuthError, RetryableError
from connector.failpoints import Place, reach
from connector.store import clock_runs, drifts, leads, links, managed, mirrors
from connector.store.database import Connection
from connector.store.links import WriteClaim
from connector.store.managed import ManagedRow
from connector.store.mirrors import MirrorRow
from connector.sync import mirror, overtaking, stage_move, unanswered
from connector.sync.apart import apart, read_apart
from connector.sync.company_writes import write_companies
from connector.sync.context import Line, backoff, conclude
from connector.sync.deal_writes import write_deals
from connector.sync.difference import difference, must_clear
from connector.sync.drifting import end, leave, new_drift, note
from connector.sync.enrolments import deliver_enrolments
from connector.sync.facts import same_on
from connector.sync.observe import observe
from connector.sync.overtaking import note_overtaken, tell_lost, tell_overtaken, unseen
from connector.sync.parcel import Parcel, attempts, stumbled, vendor_id
from connector.sync.proof import prove
from connector.sync.records import deliver_records
from connector.sync.settling import later, outcome
from connector.sync.stumbling import Patience
from connector.sync.succession import standing
from connector.vendors.base import Lane, Outcome, Record, Update, WriteResult

log = structlog.get_logger()


def deliver_slice(line: Line, lane: Lane) -> int:
    """Write up to a slice of outstanding links of one lane; returns how many were claimed."""
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        token, claims = links.claim_writes(
            conn,
            line.connection_id,
            lane=lane.value,
            limit=tenant.limits.slice_records,
            lease_seconds=tenant.limits.lease_seconds,
        )
        parcels = _parcels(line, conn, claims, now)
        unanswered.write_down(line, conn, token, parcels, now)
    if parcels:
        reach(Place.CLAIMED)
    parts = _by_policy(line, parcels)
    try:
        for policy, its in parts.items():
            _deliver(line.under(policy), token, its, now, lane)
    except (RetryableError, AuthError):
        if len(parts) > 1:  # the others have not been tried: they need not wait for the lease
            with tenant.database.transaction(tenant.installation_id) as conn:
                links.release(conn, line.connection_id, token)
        raise
    return len(claims)


def _by_policy(line: Line, parcels: Sequence[Parcel]) -> Mapping[str | None, Sequence[Parcel]]:
    """The parcels by the policy that their leads are under: each says for itself where values stand."""
    if len(line.tenant.running) == 1:
        return {line.tenant.policy.name: parcels} if parcels else {}
    found: dict[str | None, list[Parcel]] = {}
    for parcel in parcels:
        found.setdefault(parcel.lead.policy, []).append(parcel)
    return found


def _deliver(line: Line, token: uuid.UUID, parcels: Sequence[Parcel], now: datetime, lane: Lane) -> None:
    tenant = line.tenant
    try:
        _refresh(line, token, parcels, now, lane)
        stage_move.prepare(line, token, parcels, lane)
        _write(line, parcels, lane)
        prove(line, parcels, lane)
        deliver_records(line, parcels, lane)
        deliver_enrolments(line, parcels, lane)
        write_deals(line, parcels, lane)
        write_companies(line, parcels, lane)
    except (RetryableError, AuthError) as error:
        _postpone(line, token, parcels, error)
        raise
    conclude(
        tenant,
        lambda conn: _store(line, conn, token, parcels, tenant.now(conn)),
        # The writes went out and are idempotent: the next slice finds what still differs.
        give_back=lambda conn: links.release(conn, line.connection_id, token),
    )


def _parcels(line: Line, conn: Connection, claims: Sequence[WriteClaim], now: datetime) -> list[Parcel]:
    rows = leads.load(conn, [claim.lead_id for claim in claims])
    people = mirrors.load(conn, line.connection_id, line.dialect.person_type, [claim.vendor_id for claim in claims])
    records: dict[int, list[ManagedRow]] = {}
    for record in managed.of_leads(conn, line.connection_id, list(rows), dirty_only=True):
        records.setdefault(record.lead_id, []).append(record)
    parcels = [
        Parcel(
            claim=claim,
            lead=rows[claim.lead_id],
            person=people.get(claim.vendor_id)
            or MirrorRow(object_type=line.dialect.person_type, vendor_id=claim.vendor_id),
            records=records.get(claim.lead_id, []),
            failing=dict(claim.failing),
        )
        for claim in claims
    ]
    for parcel in parcels:
        _plan(line, parcel, now)
    return parcels


def _plan(line: Line, parcel: Parcel, now: datetime) -> None:
    """What to write for this lead, as far as the mirror knows."""
    line = line.under(parcel.lead.policy)
    gone = parcel.lead.gone is not None or parcel.person.gone is not None
    if gone or not line.tenant.policy.has(parcel.lead.policy):
        parcel.changes = {}  # of another policy, which no longer runs, is not known here where its values stand
        return
    parcel.changes = difference(
        line.binding,
        parcel.person,
        codec.decode_values(parcel.lead.desired),
        parcel.lead.desired_stage,
        dropped=parcel.claim.not_to_write,
        now=now,
    )
    stage_move.plan(line.binding, parcel)


def _refresh(line: Line, token: uuid.UUID, parcels: Sequence[Parcel], now: datetime, lane: Lane) -> None:
    """Contested properties are not written on an old read: read again, and where somebody changed one, decide again."""
    oldest = now - timedelta(seconds=line.tenant.limits.fresh_seconds)
    stale = {
        parcel.person.vendor_id: parcel
        for parcel in parcels
        if parcel.changes.keys() & line.binding.contested
        and parcel.person.read_at is not None
        and parcel.person.read_at < oldest
    }
    if not stale:
        return
    records = standing(_look(line, list(stale.values()), lane))
    stale = {one: parcel for one, parcel in stale.items() if parcel.retry_seconds is None}
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        rows = mirrors.load(conn, line.connection_id, line.dialect.person_type, sorted(stale), lock=True)
        for vendor_id, parcel in stale.items():
            record, row = records.get(vendor_id), rows.get(vendor_id)
            if row is None:  # erased meanwhile
                parcel.moved_on, parcel.changes, parcel.clear = True, {}, None
                continue
            before = parcel.claim.unanswered
            changed = observe(line, conn, parcel.lead, row, record, now=now, unanswered=before) if record else {"gone"}
            parcel.person = row
            if changed:
                parcel.moved_on = True
                parcel.changes = {}
                parcel.clear = None
            else:
                _plan(line, parcel, now)
        mirrors.put(conn, tenant.installation_id, line.connection_id, list(rows.values()))
        unanswered.write_down(line, conn, token, list(stale.values()), now)
        again = {parcel.lead.id: parcel.person.vendor_id for parcel in stale.values() if parcel.moved_on}
        if again:
            links.want_read(conn, tenant.installation_id, line.connection_id, again, lane=lane.value)


def _look(line: Line, parcels: Sequence[Parcel], lane: Lane) -> dict[str, Record]:
    """The records of these parcels; one that cannot be read is not written either, and keeps no other back."""

    def fetch(part: Sequence[Parcel]) -> dict[str, Record]:
        for parcel in part:
            parcel.tried = True
        ids = sorted(map(vendor_id, part))
        return line.vendor.read(line.dialect.person_type, ids, line.reading.person_properties, lane=lane)

    read = read_apart(parcels, name=vendor_id, attempts=attempts, fetch=fetch)
    for parcel in read.stumbled:
        parcel.stumbled = True
    found = {vendor_id(parcel) for part, _ in read.parts for parcel in part}
    for parcel in parcels:
        if vendor_id(parcel) not in found:
            failed = WriteResult(id=vendor_id(parcel), outcome=Outcome.RETRY, reason="vendor_failed")
            parcel.results.append((parcel.changes, failed))
            parcel.clear = None
            parcel.wait(backoff(line.tenant.limits, parcel.claim.attempts))
    return {one: record for _, records in read.parts for one, record in records.items()}


def _write(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """One update a lead, batched; a property that is refused is dropped alone and the rest goes again."""
    waiting = [parcel for parcel in parcels if parcel.changes and not parcel.moved_on and parcel.retry_seconds is None]

    def send(part: Sequence[Parcel]) -> Sequence[WriteResult]:
        updates = [
            Update(id=one.person.vendor_id, properties=one.changes, known_at=overtaking.known_at(one.person))
            for one in part
        ]
        for parcel in part:
            parcel.tried = parcel.in_doubt = True
        reach(Place.PRE_CALL)
        results = line.vendor.update(line.dialect.person_type, updates, lane=lane)
        reach(Place.APPLIED)
        return results

    while waiting:
        again: list[Parcel] = []
        for parcel, result in apart(waiting, name=vendor_id, attempts=attempts, send=send, stumbled=stumbled):
            parcel.results.append((parcel.changes, result))
            parcel.in_doubt &= result.outcome in (Outcome.RETRY, Outcome.UNCERTAIN)
            at_fault = result.property_name
            if result.outcome is Outcome.REJECTED and at_fault in parcel.changes:
                parcel.changes = {name: value for name, value in parcel.changes.items() if name != at_fault}
                if parcel.changes:
                    again.append(parcel)
        waiting = again


def _postpone(line: Line, token: uuid.UUID, parcels: Sequence[Parcel], error: RetryableError | AuthError) -> None:
    """What went through is stored, the rest is tried later; a refused token counts as nobody's attempt."""
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        _store_results(line, conn, token, parcels, tenant.now(conn))
        patience = Patience(line, conn, error if isinstance(error, RetryableError) else None)
        outcomes = [(parcel, later(line, parcel, error, patience)) for parcel in parcels]
        unanswered.settle(line, conn, token, outcomes)


# ── storing ──────────────────────────────────────────────────────────────────────────────────────────────────
def _store(line: Line, conn: Connection, token: uuid.UUID, parcels: Sequence[Parcel], now: datetime) -> None:
    _store_results(line, conn, token, parcels, now)
    patience = Patience(line, conn)
    outcomes = [(parcel, outcome(line, parcel, patience)) for parcel in parcels]
    unanswered.settle(line, conn, token, outcomes)
    clock_runs.written(conn, [one.lead_id for _, one in outcomes if one.confirmed], now=now)
    gone = {parcel.lead.id: parcel.person.vendor_id for parcel in parcels if parcel.missing}
    _want_read(line, conn, gone)
    reach(Place.PRE_STORE)


def _store_results(line: Line, conn: Connection, token: uuid.UUID, parcels: Sequence[Parcel], now: datetime) -> None:
    """Take our writes into the mirror, on the rows as they stand now: events may have come in meanwhile.

    Where we lost the lease somebody else may have written since: nothing of ours is stored, the record is read again.
    """
    written = [parcel for parcel in parcels if any(r.outcome is Outcome.APPLIED for _, r in parcel.results)]
    if not written:
        return
    ids = sorted({parcel.person.vendor_id for parcel in written})
    rows = mirrors.load(conn, line.connection_id, line.dialect.person_type, ids, lock=True)
    held = links.held_writes(conn, line.connection_id, token)
    _want_read(line, conn, {one.lead.id: one.person.vendor_id for one in written if one.lead.id not in held})
    for parcel in written:
        row = rows.get(parcel.person.vendor_id)
        if parcel.lead.id not in held or row is None:
            continue
        for sent, result in parcel.results:
            if result.outcome is Outcome.APPLIED:
                _take_in(line, conn, parcel, row, sent, result, now)
        parcel.person = row
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, list(rows.values()))


def _want_read(line: Line, conn: Connection, wanted: Mapping[int, str]) -> None:
    if wanted:
        links.want_read(conn, line.tenant.installation_id, line.connection_id, wanted, lane=Lane.HOT.value)


def _take_in(
    line: Line,
    conn: Connection,
    parcel: Parcel,
    row: MirrorRow,
    sent: Mapping[str, str],
    result: WriteResult,
    now: datetime,
) -> None:
    """One accepted write: what it replaced and what it turned into is told."""
    same = same_on(line.binding, line.dialect.person_type)
    before = {name: (row.properties.get(name), dict(row.meta.get(name, {}))) for name in sent}
    edits = unseen(parcel.person, sent, result.before, same, parcel.claim.unanswered)
    # where another CRM's value takes a person's place, what was lost by that is told with the decision
    told = edits.keys() | line.binding.merged_properties
    lost = {name: value for name, value in overtaking.persons_values(row, sent, same).items() if name not in told}
    tell_lost(line.tenant, conn, parcel.lead.id, sent, lost, now=now)
    if result.before is not None:
        note_overtaken(row, parcel.person, edits, result.before, now=now, same=same)
    forward_only = line.dialect.forward_only
    stored = mirror.wrote(row, sent, result.record, now=now, same=same, forward_only=forward_only, cleared=parcel.clear)
    fresh = [
        name
        for name in overtaking.overtaken(row).keys() & sent.keys()
        if name in edits or "overtaken" not in before[name][1]
    ]
    tell_overtaken(line.tenant, conn, parcel.lead.id, row, fresh, now=now)
    moved = [name for name in forward_only & sent.keys() if row.meta[name].get("seen") != before[name][1].get("seen")]
    if fresh or moved:
        _want_read(line, conn, {parcel.lead.id: row.vendor_id})
    sent = {name: value for name, value in sent.items() if name not in moved}
    _tell_differences(line, conn, parcel, row, sent, stored, before, now)


def _tell_differences(
    line: Line,
    conn: Connection,
    parcel: Parcel,
    row: MirrorRow,
    sent: Mapping[str, str],
    stored: Mapping[str, str | None],
    before: Mapping[str, tuple[str | None, Mapping[str, Any]]],
    now: datetime,
) -> None:
    """Accepted is not stored: what the vendor kept as it was, or turned into something else, is told until it ends."""
    same = same_on(line.binding, line.dialect.person_type)
    found: dict[str, DriftClass] = {}
    for name, value in sent.items():
        if not same(name, stored[name], value or None):
            found[name] = DriftClass.NOT_STORED if same(name, stored[name], before[name][0]) else DriftClass.NORMALISED
    end(line, conn, row, [name for name in sent if name not in found], now=now)
    if parcel.claim.left_alone.keys() & sent.keys():
        drifts.write_again(conn, line.connection_id, parcel.lead.id, sent.keys())
    if not found:
        return
    for name, one in found.items():
        note(row, name, one)
    told = [
        new_drift(line, row, parcel.lead.id, name, one, found_at=now, cause=parcel.causes.get(name))
        for name, one in found.items()
    ]
    drifts.add(conn, line.tenant.installation_id, line.connection_id, told)
    # a stage that is cleared first next time is on its way
    left = {name: one for name, one in found.items() if not must_clear(line.binding, row, name, sent[name])}
    leave(line, conn, parcel.lead.id, left, sent)

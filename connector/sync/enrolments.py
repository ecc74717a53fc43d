"""Enrolments: the CRM itself is to send. Each once for its key, and never started again blindly.

A list is filled in one call for many people, and twice is once. A sequence is looked up by person before an uncertain
start is made again. What the account cannot do (no such list or sequence, no seat, nobody in whose name to send) is
left to a person: the engine is told, and makes a task of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from connector.domain.effects import EffectKey, NotEnrolled
from connector.store import connections, leads, managed
from connector.store.database import Connection
from connector.store.managed import ManagedRow, Settlement
from connector.store.outstanding import ALWAYS_FAILS
from connector.sync.apart import write_apart
from connector.sync.context import Line
from connector.sync.parcel import Parcel
from connector.sync.stumbling import Patience
from connector.sync.works import Work, attempts, due, is_hopeless, key, looked_up, note_failures
from connector.vendors.base import Enrolee, Lane, Outcome, WriteResult

ENROLMENT = "enrolment"
"""The kind of these managed records."""

WHY = "why"
"""In the mirror of an enrolment that is left to a person: what the CRM said."""


def deliver_enrolments(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Enrol these leads' people, many at once where the place takes many. What fails waits by itself."""
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    every = due([Work(parcel, record) for parcel in live for record in parcel.records if record.kind == ENROLMENT])
    for place, name in sorted({_where(one) for one in every}):
        mine = [one for one in every if _where(one) == (place, name)]
        again = _looked_up(line, place, name, [one for one in mine if one.record.step == "creating"], lane)
        _start(line, place, name, [*again, *(one for one in mine if one.record.step == "wanted")], lane)


def _where(one: Work) -> tuple[str, str]:
    """(place, name)."""
    return str(one.record.desired["place"]), str(one.record.desired["name"])


def _looked_up(line: Line, place: str, name: str, uncertain: Sequence[Work], lane: Lane) -> list[Work]:
    """Those whose start turned out not to have been made; the others are enrolled. What came to nothing so often is
    parked, now that it is known not to have been made."""
    if not uncertain:
        return []
    enroller = line.vendor.enroller
    read, known = looked_up(
        line, uncertain, lambda part: enroller.enrolled(place, name, _enrolees(line, part), lane=lane)
    )
    there = set().union(*read)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        patience = Patience(line, conn)
        missing = [one for one in known if one.record.key not in there]
        hopeless = {one.record.key for one in missing if is_hopeless(patience, one)}
        found = [_enrolled(one.record) for one in known if one.record.key in there]
        found += [_given_up(one.record) if one.record.key in hopeless else _wanted(one.record) for one in missing]
        managed.settle(conn, line.connection_id, found)
    return [one for one in missing if one.record.key not in hopeless]


def _start(line: Line, place: str, name: str, wanted: Sequence[Work], lane: Lane) -> None:
    if not wanted:
        return
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        keys = managed.intend(
            conn, line.connection_id, [one.record.key for one in wanted], settle_seconds=line.settle_seconds
        )
    todo = [one for one in wanted if one.record.key in keys]
    missing = place not in line.vendor.enroller.places or place in line.unavailable

    def send(part: Sequence[Work]) -> Sequence[WriteResult]:
        if missing:
            return [_not_here(one) for one in part]
        return line.vendor.enroller.enrol(place, name, _enrolees(line, part), lane=lane)

    written = write_apart(todo, name=key, attempts=attempts, send=send)
    with tenant.database.transaction(tenant.installation_id) as conn:
        started = [_started(line, conn, one, result, place, lane) for one, result in written.told]
        started += [_again(one.record, place) for one in written.not_sent]
        managed.settle(conn, line.connection_id, [one for one in started if one is not None])
        note_failures(line, conn, written)
    written.end()


def _not_here(one: Work) -> WriteResult:
    return WriteResult(id=one.record.key, outcome=Outcome.REJECTED, reason="not_available")


def _started(line: Line, conn: Connection, one: Work, result: WriteResult, place: str, lane: Lane) -> Settlement | None:
    """What became of an enrolment; None where it is not known yet."""
    if result.outcome is Outcome.APPLIED:
        return _enrolled(one.record)
    if result.outcome in (Outcome.REJECTED, Outcome.MISSING):
        return _left_to_a_person(line, conn, one, result, lane)
    return _again(one.record, place) if result.outcome is Outcome.RETRY else None


def _again(record: ManagedRow, place: str) -> Settlement | None:
    """A list that did not answer may be filled again; of sequences and campaigns some may have been started: None, look
    first."""
    return _wanted(record) if place == "hubspot_list" else None


def _given_up(record: ManagedRow) -> Settlement:
    return Settlement(record=record, step="parked", dirty=True, parked_reason=ALWAYS_FAILS)


def _enrolled(record: ManagedRow) -> Settlement:
    return Settlement(record=record, step="exists", mirror={})


def _wanted(record: ManagedRow) -> Settlement:
    return Settlement(record=record, step="wanted", dirty=True)


def _enrolees(line: Line, wanted: Sequence[Work]) -> list[Enrolee]:
    owners = sorted({str(sender) for one in wanted if (sender := one.record.desired.get("sender"))})
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        senders = connections.senders(conn, line.connection_id, owners) if owners else {}
    found: list[Enrolee] = []
    for one in wanted:
        user_id, address = senders.get(str(one.record.desired.get("sender")), (None, None))
        found.append(
            Enrolee(key=one.record.key, person_id=one.parcel.person.vendor_id, user_id=user_id, sender=address)
        )
    return found


# ── what the account cannot do ───────────────────────────────────────────────────────────────────────────────
def _left_to_a_person(line: Line, conn: Connection, one: Work, result: WriteResult, lane: Lane) -> Settlement:
    """The enrolment is settled with its reason, and the lead is looked at: whoever owns it is asked to do it."""
    tenant, reason = line.tenant, result.reason or "rejected"
    is_gone = result.outcome is Outcome.MISSING  # nothing is to be sent to anybody
    told = {} if is_gone else {WHY: result.message or reason}
    at, lead_id = tenant.now(conn), one.record.lead_id
    leads.mark_due(conn, tenant.installation_id, [lead_id], at=at, why="enrolment", lane=lane.value)
    return Settlement(record=one.record, step="settled", mirror=told, parked_reason=reason)


def not_enrolled(records: Iterable[ManagedRow]) -> tuple[NotEnrolled, ...]:
    """Those of these records that the CRM could not bring about, and that are left to people."""
    return tuple(
        NotEnrolled(
            key=EffectKey(**one.desired["key"]),
            place=str(one.desired["place"]),
            name=str(one.desired["name"]),
            at=datetime.fromisoformat(one.desired["at"]),
            why=str(one.mirror[WHY]),
        )
        for one in records
        if one.kind == ENROLMENT and one.step == "settled" and WHY in one.mirror
    )

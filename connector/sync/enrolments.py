"""Enrolments: the CRM itself is to send. Each once for its key, and never started again blindly.

A list is filled in one call for many people, and twice is once. A sequence is looked up by person before an uncertain
start is made again. What the account cannot do (no such list or sequence, no seat, nobody in whose name to send) is
left to a person: the engine is told, and makes a task of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.domain.effects import EffectKey, NotEnrolled
from connector.errors import AuthError, RetryableError
from connector.store import connections, leads, managed
from connector.store.database import Connection
from connector.store.managed import ManagedRow, Settlement
from connector.sync.context import Line, backoff
from connector.sync.parcel import Parcel
from connector.vendors.base import Enrolee, Lane, Outcome, WriteResult

ENROLMENT = "enrolment"
"""The kind of these managed records."""

WHY = "why"
"""In the mirror of an enrolment that is left to a person: what the CRM said."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One enrolment with the lead that it is for."""

    parcel: Parcel
    record: ManagedRow

    @property
    def where(self) -> tuple[str, str]:
        """(place, name)."""
        return str(self.record.desired["place"]), str(self.record.desired["name"])


def deliver_enrolments(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Enrol these leads' people, many at once where the place takes many."""
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    every = [_Wanted(parcel, record) for parcel in live for record in parcel.records if record.kind == ENROLMENT]
    for place, name in sorted({one.where for one in every}):
        mine = [one for one in every if one.where == (place, name)]
        again = _looked_up(line, place, name, [one for one in mine if one.record.step == "creating"], lane)
        _start(line, place, name, [*again, *(one for one in mine if one.record.step == "wanted")], lane)


def _looked_up(line: Line, place: str, name: str, uncertain: Sequence[_Wanted], lane: Lane) -> list[_Wanted]:
    """Those whose start turned out not to have been made; the others are enrolled."""
    ready = [one for one in uncertain if one.record.settled]
    for one in uncertain:
        if not one.record.settled:
            one.parcel.wait(line.tenant.limits.retry_seconds)
    if not ready:
        return []
    there = line.vendor.enroller.enrolled(place, name, _enrolees(line, ready), lane=lane)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        found = [_enrolled(one.record) if one.record.key in there else _wanted(one.record) for one in ready]
        managed.settle(conn, line.connection_id, found)
    return [one for one in ready if one.record.key not in there]


def _start(line: Line, place: str, name: str, wanted: Sequence[_Wanted], lane: Lane) -> None:
    if not wanted:
        return
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        keys = managed.intend(
            conn, line.connection_id, [one.record.key for one in wanted], settle_seconds=line.settle_seconds
        )
    todo = [one for one in wanted if one.record.key in keys]
    if not todo:
        return
    if place not in line.vendor.enroller.places or place in line.unavailable:
        results = [_not_here(one) for one in todo]
    else:
        try:
            results = line.vendor.enroller.enrol(place, name, _enrolees(line, todo), lane=lane)
        except (RetryableError, AuthError):
            _take_back(line, todo, place)
            raise
    with tenant.database.transaction(tenant.installation_id) as conn:
        started = [_started(line, conn, one, result, lane) for one, result in zip(todo, results, strict=True)]
        managed.settle(conn, line.connection_id, [one for one in started if one is not None])


def _take_back(line: Line, todo: Sequence[_Wanted], place: str) -> None:
    """A list that did not answer may be filled again; of sequences some may have been started: look first."""
    if place == "hubspot_list":
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            managed.settle(conn, line.connection_id, [_wanted(one.record) for one in todo])


def _not_here(one: _Wanted) -> WriteResult:
    return WriteResult(id=one.record.key, outcome=Outcome.REJECTED, reason="not_available")


def _started(line: Line, conn: Connection, one: _Wanted, result: WriteResult, lane: Lane) -> Settlement | None:
    """What became of an enrolment; None where it is not known yet."""
    if result.outcome is Outcome.APPLIED:
        return _enrolled(one.record)
    if result.outcome in (Outcome.REJECTED, Outcome.MISSING):
        return _left_to_a_person(line, conn, one, result, lane)
    if result.outcome is Outcome.UNCERTAIN:
        one.parcel.wait(line.settle_seconds)
        return None
    one.parcel.wait(result.retry_after_seconds or backoff(line.tenant.limits, one.parcel.claim.attempts))
    return _wanted(one.record)


def _enrolled(record: ManagedRow) -> Settlement:
    return Settlement(record=record, step="exists", mirror={})


def _wanted(record: ManagedRow) -> Settlement:
    return Settlement(record=record, step="wanted", dirty=True)


def _enrolees(line: Line, wanted: Sequence[_Wanted]) -> list[Enrolee]:
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
def _left_to_a_person(line: Line, conn: Connection, one: _Wanted, result: WriteResult, lane: Lane) -> Settlement:
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

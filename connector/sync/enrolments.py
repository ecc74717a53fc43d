"""Enrolments: the CRM itself is to send. Each once for its key, and never started again blindly.

A list is filled in one call for many people, and twice is once. A sequence is looked up by person before an uncertain
start is made again. What the account cannot do (no such list or sequence, no seat, nobody in whose name to send) is
left to a person: a task says what was to be sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain import codec_work
from connector.domain.effects import EffectKey, Task
from connector.errors import AuthError, RetryableError
from connector.store import connections, managed
from connector.store.database import Connection
from connector.store.managed import ManagedRow
from connector.sync.context import Line, backoff
from connector.vendors.base import Enrolee, Lane, Outcome, WriteResult

if TYPE_CHECKING:
    from connector.sync.deliver import Parcel

ENROLMENT = "enrolment"
"""The kind of these managed records."""

INSTEAD = "instead"
"""The slot of the task that stands in for an enrolment, behind the enrolment's own."""

_TITLES = {
    "hubspot_sequence": {"ja": "シーケンス「{name}」を手動で開始", "en": "Start the sequence “{name}” by hand"},
    "hubspot_list": {"ja": "リスト「{name}」に手動で追加", "en": "Add to the list “{name}” by hand"},
}
_TEXTS = {"ja": "自動では行えませんでした: {why}", "en": "It could not be done automatically: {why}"}


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
        for one in ready:
            if one.record.key in there:
                _settle(line, conn, one.record, "exists")
            else:
                managed.settle(conn, line.connection_id, one.record, step="wanted", dirty=True)
    return [one for one in ready if one.record.key not in there]


def _start(line: Line, place: str, name: str, wanted: Sequence[_Wanted], lane: Lane) -> None:
    if not wanted:
        return
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        keys = managed.intend(
            conn, line.connection_id, [one.record.key for one in wanted], settle_seconds=tenant.limits.settle_seconds
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
        for one, result in zip(todo, results, strict=True):
            _started(line, conn, one, result)


def _take_back(line: Line, todo: Sequence[_Wanted], place: str) -> None:
    """A list that did not answer may be filled again; of sequences some may have been started: look first."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for one in todo:
            if place == "hubspot_list":
                managed.settle(conn, line.connection_id, one.record, step="wanted", dirty=True)


def _not_here(one: _Wanted) -> WriteResult:
    return WriteResult(id=one.record.key, outcome=Outcome.REJECTED, reason="not_available")


def _started(line: Line, conn: Connection, one: _Wanted, result: WriteResult) -> None:
    limits = line.tenant.limits
    if result.outcome is Outcome.APPLIED:
        _settle(line, conn, one.record, "exists")
    elif result.outcome in (Outcome.REJECTED, Outcome.MISSING):
        _leave_to_a_person(line, conn, one, result)
    elif result.outcome is Outcome.UNCERTAIN:
        one.parcel.wait(limits.settle_seconds)
    else:
        managed.settle(conn, line.connection_id, one.record, step="wanted", dirty=True)
        one.parcel.wait(result.retry_after_seconds or backoff(limits, one.parcel.claim.attempts))


def _settle(line: Line, conn: Connection, record: ManagedRow, step: str, reason: str | None = None) -> None:
    managed.settle(conn, line.connection_id, record, step=step, mirror={}, parked_reason=reason)


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
def _leave_to_a_person(line: Line, conn: Connection, one: _Wanted, result: WriteResult) -> None:
    """The enrolment is settled with its reason; a task for the lead's owner takes its place, once."""
    _settle(line, conn, one.record, "settled", result.reason or "rejected")
    if result.outcome is Outcome.MISSING:
        return  # the person is gone: nothing is to be sent to anybody
    task = _task(line, one, result)
    row = {
        "key": f"{one.record.key}.{INSTEAD}",
        "lead_id": one.record.lead_id,
        "kind": line.dialect.task_type,
        "desired": codec_work.encode_task(task),
        "state": task.state.value,
    }
    managed.want(conn, line.tenant.installation_id, line.connection_id, [row])
    one.parcel.wait(0.0)


def _task(line: Line, one: _Wanted, result: WriteResult) -> Task:
    policy, desired = line.tenant.plan.policy, one.record.desired
    place, name = one.where
    titles = _TITLES.get(place, _TITLES["hubspot_list"])
    key = EffectKey(**desired["key"])
    at = datetime.fromisoformat(desired["at"])
    text = _TEXTS.get(policy.language, _TEXTS["en"]).format(why=result.message or result.reason or "")
    return Task(
        key=replace(key, slot=f"{key.slot}.{INSTEAD}"),
        kind="mail",
        title=titles.get(policy.language, titles["en"]).format(name=name),
        text=text,
        due_at=at,
        priority=None,
        owner=desired.get("sender"),
        queue=None,
        follows_owner=True,
        opened_at=at,
        opened_in=0,
    )

"""Tasks: created once for their cause, changed and closed as the state asks; an uncertain create is looked up first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from connector.domain.effects import WorkState
from connector.errors import AuthError, RetryableError
from connector.store import leads, managed
from connector.store.database import Connection
from connector.store.managed import ManagedRow
from connector.sync.context import Line, backoff
from connector.vendors.base import Create, Lane, Outcome, Record, Update, WriteResult

if TYPE_CHECKING:
    from connector.sync.deliver import Parcel


def deliver_tasks(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Bring the managed records of these leads in line: look up the uncertain, create the wanted, change the rest."""
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    pairs = [(parcel, record) for parcel in live for record in parcel.records]
    _look_up(line, [(p, r) for p, r in pairs if r.step == "creating"], lane)
    _create(line, [(p, r) for p, r in pairs if r.step == "wanted"], lane)
    _change(line, [(p, r) for p, r in pairs if r.step == "exists"], lane)


def _create(line: Line, pairs: Sequence[tuple[Parcel, ManagedRow]], lane: Lane) -> None:
    if not pairs:
        return
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        keys = managed.intend(
            conn, line.connection_id, [record.key for _, record in pairs], settle_seconds=tenant.limits.settle_seconds
        )
    todo = [(parcel, record) for parcel, record in pairs if record.key in keys]
    creates = [_input(line, parcel, record) for parcel, record in todo]
    try:
        results = line.vendor.create(line.dialect.task_type, creates, lane=lane) if creates else []
    except (RetryableError, AuthError):
        # Raised before anything went out for the rows that have no result: nothing is uncertain about them.
        _take_back(line, [record for _, record in todo])
        raise
    with tenant.database.transaction(tenant.installation_id) as conn:
        for (parcel, record), result in zip(todo, results, strict=True):
            _created(line, conn, parcel, record, result)


def _input(line: Line, parcel: Parcel, record: ManagedRow) -> Create:
    content = line.dialect.task_content(record.desired, record.desired_state)
    return Create(
        key=record.key,
        properties=content | {line.dialect.key_property: record.key},
        associate=((line.dialect.person_type, parcel.person.vendor_id),),
    )


def _take_back(line: Line, records: Sequence[ManagedRow]) -> None:
    """These were not created; what is no longer to be open never will be."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for record in records:
            still = _is_open(record)
            managed.settle(conn, line.connection_id, record, step="wanted" if still else "settled", dirty=still)


def _created(line: Line, conn: Connection, parcel: Parcel, record: ManagedRow, result: WriteResult) -> None:
    limits = line.tenant.limits
    if result.outcome is Outcome.APPLIED and result.record is not None:
        _exists(line, conn, record, result.record.id)
    elif result.existing_id is not None:
        # An earlier call of ours made it; what people did with it since is read before anything is changed.
        managed.settle(
            conn, line.connection_id, record, step="exists", vendor_id=result.existing_id, mirror=_shown(line, record)
        )
        managed.want_read(conn, line.connection_id, line.dialect.task_type, [(result.existing_id, None, None)])
    elif result.outcome is Outcome.REJECTED:
        reason = result.reason or "rejected"
        managed.settle(conn, line.connection_id, record, step="parked", dirty=True, parked_reason=reason)
    elif result.outcome is Outcome.UNCERTAIN:
        parcel.wait(limits.settle_seconds)
    else:
        managed.settle(conn, line.connection_id, record, step="wanted", dirty=True)
        parcel.wait(result.retry_after_seconds or backoff(limits, parcel.claim.attempts))


def _exists(line: Line, conn: Connection, record: ManagedRow, vendor_id: str) -> None:
    """The record stands at the vendor as it is desired."""
    managed.settle(
        conn,
        line.connection_id,
        record,
        step="exists",
        vendor_id=vendor_id,
        mirror=_shown(line, record),
        reported=_reported(record),
    )


def _found(line: Line, conn: Connection, record: ManagedRow, shown: Record) -> None:
    """An earlier create of ours went through; a person may have worked on the task since."""
    managed.settle(
        conn,
        line.connection_id,
        record,
        step="exists",
        vendor_id=shown.id,
        mirror={name: value or "" for name, value in shown.properties.items()},
        dirty=True,
        reported=line.dialect.task_report(shown),
    )
    _tell_lead(line, conn, record)


def _tell_lead(line: Line, conn: Connection, record: ManagedRow) -> None:
    """What people did with a task is a fact that the lead is decided by."""
    now = line.tenant.now(conn)
    leads.mark_due(conn, line.tenant.installation_id, [record.lead_id], at=now, why="task", lane="hot")


def _shown(line: Line, record: ManagedRow) -> Mapping[str, str]:
    return line.dialect.task_content(record.desired, record.desired_state)


def _is_open(record: ManagedRow) -> bool:
    return record.desired_state == WorkState.OPEN.value


def _reported(record: ManagedRow) -> str:
    return "open" if _is_open(record) else "done"


# ── looking up what may have been created ────────────────────────────────────────────────────────────────────
def _look_up(line: Line, pairs: Sequence[tuple[Parcel, ManagedRow]], lane: Lane) -> None:
    """Never by search: by the unique key where the account enforces it, else through the lead's associations."""
    ready = [(parcel, record) for parcel, record in pairs if record.settled]
    for parcel, record in pairs:
        if not record.settled:
            parcel.wait(line.tenant.limits.retry_seconds)
    if not ready:
        return
    found = _by_key(line, ready, lane) if line.unique_keys else _by_association(line, ready, lane)
    missing = [(parcel, record) for parcel, record in ready if record.key not in found]
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for parcel, record in ready:
            if record.key in found:
                _found(line, conn, record, found[record.key])
                parcel.wait(0.0)
    _take_back(line, [record for _, record in missing])
    _create(line, [(parcel, record) for parcel, record in missing if _is_open(record)], lane)


def _by_key(line: Line, pairs: Sequence[tuple[Parcel, ManagedRow]], lane: Lane) -> dict[str, Record]:
    keys = [record.key for _, record in pairs]
    return line.vendor.find_by_key(line.dialect.task_type, keys, line.dialect.task_properties, lane=lane)


def _by_association(line: Line, pairs: Sequence[tuple[Parcel, ManagedRow]], lane: Lane) -> dict[str, Record]:
    dialect = line.dialect
    people = sorted({parcel.person.vendor_id for parcel, _ in pairs})
    ids = line.vendor.associated(dialect.person_type, people, dialect.task_type, lane=lane)
    all_ids = sorted({task_id for found in ids.values() for task_id in found})
    records = line.vendor.read(dialect.task_type, all_ids, dialect.task_properties, lane=lane) if all_ids else {}
    return {str(key): record for record in records.values() if (key := record.properties.get(dialect.key_property))}


# ── changing what exists ─────────────────────────────────────────────────────────────────────────────────────
def _change(line: Line, pairs: Sequence[tuple[Parcel, ManagedRow]], lane: Lane) -> None:
    """Owner, due date and closing follow the state; what a person did with the task already stands."""
    if not pairs:
        return
    todo = [(parcel, record, changes) for parcel, record in pairs if (changes := _changes(line, record))]
    updates = [Update(id=str(record.vendor_id), properties=changes) for _, record, changes in todo]
    results = line.vendor.update(line.dialect.task_type, updates, lane=lane) if updates else []
    changing = {record.key for _, record, _ in todo}
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for (parcel, record, _), result in zip(todo, results, strict=True):
            _changed(line, conn, parcel, record, result)
        for _, record in pairs:
            if record.key not in changing:
                _exists(line, conn, record, str(record.vendor_id))


def _changes(line: Line, record: ManagedRow) -> dict[str, str]:
    wanted = line.dialect.task_content(record.desired, record.desired_state)
    if record.desired_state in (WorkState.DONE.value, WorkState.SETTLED.value) or record.reported == "done":
        return {}
    if not record.mirror:
        return wanted
    return {name: value for name, value in wanted.items() if (record.mirror.get(name) or "") != value}


def _changed(line: Line, conn: Connection, parcel: Parcel, record: ManagedRow, result: WriteResult) -> None:
    if result.outcome is Outcome.APPLIED:
        _exists(line, conn, record, str(record.vendor_id))
    elif result.outcome is Outcome.MISSING:
        managed.settle(conn, line.connection_id, record, step="settled", reported="deleted")
        _tell_lead(line, conn, record)
    elif result.outcome is Outcome.REJECTED:
        reason = result.reason or "rejected"
        managed.settle(conn, line.connection_id, record, step="parked", dirty=True, parked_reason=reason)
    else:
        parcel.wait(result.retry_after_seconds or backoff(line.tenant.limits, parcel.claim.attempts))

"""What we make in a CRM: created once for its cause, changed as the state asks; an uncertain create is looked up first.

One batch a kind; a note or task that hangs on a deal waits until the deal stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.failpoints import Place, reach
from connector.store import leads, managed, wanted
from connector.store.database import Connection
from connector.store.managed import ManagedRow, Settlement
from connector.store.outstanding import ALWAYS_FAILS
from connector.sync.apart import write_apart
from connector.sync.context import Line, backoff
from connector.sync.deal_records import Plan, adopt, claimed, deal_ids, landed, merged
from connector.sync.deals import whose_deals
from connector.sync.parcel import Parcel
from connector.sync.record_kinds import DealKind, Ends, Kind, is_open, kinds_of
from connector.sync.stumbling import Patience
from connector.sync.task_reports import want_tasks
from connector.sync.works import Work, attempts, due, is_hopeless, key, looked_up, note_failures
from connector.vendors.base import Create, Lane, Outcome, Record, Update, WriteResult


def deliver_records(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Bring the managed records of these leads in line: look up the uncertain, create the wanted, change the rest. What
    fails waits by itself: neither the lead's own record nor another one of these waits for it."""
    live = [parcel for parcel in parcels if not parcel.moved_on and parcel.lead.gone is None]
    every = [Work(parcel, record) for parcel in live for record in parcel.records]
    for kind in kinds_of(line.binding) if every else ():
        # What becomes another record by what was just made waits until that one is read.
        work = due([one for one in every if one.record.kind == kind.kind and not one.parcel.missing])
        again = _look_up(line, kind, [one for one in work if one.record.step == "creating"], lane)
        # together: over what the CRM stumbles is told by what passes beside it
        _create(line, kind, [*again, *(one for one in work if one.record.step == "wanted")], lane)
        _change(line, kind, [one for one in work if one.record.step == "exists"], lane)


# ── creating ─────────────────────────────────────────────────────────────────────────────────────────────────
def _create(line: Line, kind: Kind, work: Sequence[Work], lane: Lane) -> None:
    work = _sound(line, kind, work)
    plan = _planned(line, work, lane) if isinstance(kind, DealKind) and work else None
    todo, hangs_on = _intended(line, work, plan)
    if not todo:
        return

    def send(part: Sequence[Work]) -> Sequence[WriteResult]:
        creates = [_input(line, kind, one, hangs_on[one.record.key]) for one in part]
        reach(Place.PRE_CALL)
        results = line.vendor.create(kind.object_type, creates, lane=lane)
        reach(Place.APPLIED)
        return results

    written = write_apart(todo, name=key, attempts=attempts, send=send)
    # Raised before anything went out for these: nothing is uncertain about them.
    _take_back(line, written.not_sent)
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        made = [_created(line, conn, kind, one, result) for one, result in written.told]
        managed.settle(conn, line.connection_id, [one for one in made if one is not None])
        note_failures(line, conn, written)
        reach(Place.PRE_STORE)
    written.end()


def _planned(line: Line, work: Sequence[Work], lane: Lane) -> Plan:
    """What stands already in place of these deals, as far as the CRM answers; the others wait."""
    plans, _ = looked_up(line, work, lambda part: adopt(line, [(one.record, one.parcel.person) for one in part], lane))
    return merged(plans)


def _intended(line: Line, work: Sequence[Work], plan: Plan | None) -> tuple[list[Work], Mapping[str, str | None]]:
    """What is created now, with the deals that it hangs on; the rest waits. `plan` says which deals are to be made."""
    tenant = line.tenant
    ready = [one for one in work if plan is None or one.record.key in plan.make]
    deals, resting = deal_ids(line, [(one.record, one.parcel.person) for one in ready])
    for one in ready:
        if one.record.key not in deals and one.record.key not in resting and not one.parcel.waits:
            one.parcel.wait(backoff(tenant.limits, one.parcel.claim.attempts))
    names = [one.record.key for one in ready if one.record.key in deals]
    keys = set[str]()
    if names:
        with tenant.database.transaction(tenant.installation_id) as conn:
            if plan is not None:
                names = claimed(line, conn, plan, names)
            keys = managed.intend(conn, line.connection_id, names, settle_seconds=line.settle_seconds)
    for one in work:
        if plan is not None and one.record.key in plan.wait:
            one.parcel.wait(tenant.limits.retry_seconds)
    return [one for one in ready if one.record.key in keys], deals


def _sound(line: Line, kind: Kind, work: Sequence[Work]) -> list[Work]:
    """What can be made in this account; the rest waits for a person."""
    flawed = [(one, why) for one in work if (why := kind.flaw(one.record)) is not None]
    if flawed:
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            managed.settle(conn, line.connection_id, [_parked(one.record, why) for one, why in flawed])
    names = {one.record.key for one, _ in flawed}
    return [one for one in work if one.record.key not in names]


def _input(line: Line, kind: Kind, one: Work, deal: str | None) -> Create:
    person = one.parcel.person
    ends = Ends(person=person.vendor_id, company=line.binding.company_of(person), deal=deal)
    return Create(
        key=one.record.key,
        properties=kind.content(one.record) | {line.dialect.key_property: one.record.key},
        associate=kind.ends(one.record, ends),
    )


def _take_back(line: Line, work: Sequence[Work]) -> None:
    """These were not created; what is no longer to be open never will be."""
    if work:
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            managed.settle(conn, line.connection_id, [_to_be_made(one.record) for one in work])


def _to_be_made(record: ManagedRow) -> Settlement:
    still = is_open(record)
    return Settlement(record=record, step="wanted" if still else "settled", dirty=still)


def _parked(record: ManagedRow, reason: str) -> Settlement:
    return Settlement(record=record, step="parked", dirty=True, parked_reason=reason)


def _created(line: Line, conn: Connection, kind: Kind, one: Work, result: WriteResult) -> Settlement | None:
    """What became of a create; None where it is not known yet."""
    record = one.record
    one.parcel.missing |= result.became is not None or result.outcome is Outcome.MISSING
    if result.outcome is Outcome.APPLIED and result.record is not None:
        if isinstance(kind, DealKind):
            landed(line, conn, kind.content(record), result.record, one.parcel.person.vendor_id)
        return _standing(record, result.record.id, kind.content(record))
    if result.existing_id is not None:
        # An earlier call of ours made it; what people did with it since is read before anything is changed.
        found = Settlement(record=record, step="exists", vendor_id=result.existing_id, mirror=kind.content(record))
        managed.settle(conn, line.connection_id, [found])
        _read_later(line, conn, kind, result.existing_id, one.parcel.person.vendor_id)
        return None
    if result.outcome is Outcome.REJECTED:
        return _parked(record, result.reason or "rejected")
    if result.outcome is Outcome.UNCERTAIN:
        return None
    return _to_be_made(record)


def _read_later(line: Line, conn: Connection, kind: Kind, vendor_id: str, person_id: str) -> None:
    """A task is read as a record of ours, a deal as the lead's; a note says nothing."""
    if kind.kind == line.dialect.task_type:
        want_tasks(conn, line.tenant.installation_id, line.connection_id, line.dialect, [vendor_id])
    elif isinstance(kind, DealKind):
        wanted.want(
            conn,
            line.tenant.installation_id,
            line.connection_id,
            whose_deals(line.dialect),
            [person_id],
            lane=Lane.HOT.value,
        )


def _standing(record: ManagedRow, vendor_id: str, shown: Mapping[str, str]) -> Settlement:
    """The record stands at the vendor as it is desired; `shown` is what it shows besides what it showed."""
    return Settlement(
        record=record,
        step="exists",
        vendor_id=vendor_id,
        mirror={**record.mirror, **shown},
        reported="open" if is_open(record) else "done",
    )


def _found(line: Line, conn: Connection, kind: Kind, one: Work, shown: Record) -> None:
    """An earlier create of ours went through; a person may have worked on the record since."""
    found = Settlement(
        record=one.record,
        step="exists",
        vendor_id=shown.id,
        mirror={name: value or "" for name, value in shown.properties.items()},
        dirty=True,
        reported=kind.report(shown),
    )
    managed.settle(conn, line.connection_id, [found])
    if isinstance(kind, DealKind):
        landed(line, conn, {}, shown, one.parcel.person.vendor_id)
    _tell_lead(line, conn, one.record)


def _tell_lead(line: Line, conn: Connection, record: ManagedRow) -> None:
    """What people did with a record of ours is a fact that the lead is decided by."""
    now = line.tenant.now(conn)
    leads.mark_due(conn, line.tenant.installation_id, [record.lead_id], at=now, why=record.kind, lane="hot")


# ── looking up what may have been created ────────────────────────────────────────────────────────────────────
def _look_up(line: Line, kind: Kind, work: Sequence[Work], lane: Lane) -> list[Work]:
    """What was not made, and is to be created again. Looked for never by search: by the unique key where the account
    enforces it, else through the lead's associations. What came to nothing so often is parked, now that it is known not
    to have been made."""
    if not work:
        return []
    look = _by_key if kind.object_type in line.unique_keys else _by_association
    read, ready = looked_up(line, work, lambda part: look(line, kind, part, lane))
    found = {name: record for records in read for name, record in records.items()}
    missing = [one for one in ready if one.record.key not in found]
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        for one in ready:
            if one.record.key in found:
                _found(line, conn, kind, one, found[one.record.key])
                one.parcel.wait(0.0)
        patience = Patience(line, conn)
        hopeless = {one.record.key for one in missing if is_open(one.record) and is_hopeless(patience, one)}
        given_up = [_parked(one.record, ALWAYS_FAILS) for one in missing if one.record.key in hopeless]
        managed.settle(conn, line.connection_id, given_up)
    again = [one for one in missing if one.record.key not in hopeless]
    _take_back(line, again)
    return [one for one in again if is_open(one.record)]


def _by_key(line: Line, kind: Kind, work: Sequence[Work], lane: Lane) -> dict[str, Record]:
    keys = [one.record.key for one in work]
    return line.vendor.find_by_key(kind.object_type, keys, kind.properties, lane=lane)


def _by_association(line: Line, kind: Kind, work: Sequence[Work], lane: Lane) -> dict[str, Record]:
    people = sorted({one.parcel.person.vendor_id for one in work})
    ids = line.vendor.associated(line.dialect.person_type, people, kind.object_type, lane=lane)
    all_ids = sorted({one for found in ids.values() for one in found})
    records = line.vendor.read(kind.object_type, all_ids, kind.properties, lane=lane) if all_ids else {}
    name = line.dialect.key_property
    return {str(key): record for record in records.values() if (key := record.properties.get(name))}


# ── changing what exists ─────────────────────────────────────────────────────────────────────────────────────
def _change(line: Line, kind: Kind, work: Sequence[Work], lane: Lane) -> None:
    """What people did with a record stands; the rest follows the state."""
    if not work:
        return
    changing = {one.record.key: changes for one in work if (changes := kind.changes(one.record))}

    def send(part: Sequence[Work]) -> Sequence[WriteResult]:
        updates = [Update(id=str(one.record.vendor_id), properties=changing[one.record.key]) for one in part]
        return line.vendor.update(kind.object_type, updates, lane=lane)

    todo = [one for one in work if one.record.key in changing]
    written = write_apart(todo, name=key, attempts=attempts, send=send)
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        done = [_changed(line, conn, kind, one, changing[one.record.key], result) for one, result in written.told]
        done += [_kept(kind, one.record, {}) for one in work if one.record.key not in changing]
        managed.settle(conn, line.connection_id, [one for one in done if one is not None])
        note_failures(line, conn, written)
    written.end()


def _changed(
    line: Line, conn: Connection, kind: Kind, one: Work, changes: Mapping[str, str], result: WriteResult
) -> Settlement | None:
    """What became of a change; None where it is tried again."""
    if result.outcome is Outcome.APPLIED:
        if isinstance(kind, DealKind) and result.record is not None:
            landed(line, conn, changes, result.record, None)
        return _kept(kind, one.record, changes)
    if result.outcome is Outcome.MISSING:
        _tell_lead(line, conn, one.record)
        return Settlement(record=one.record, step="settled", reported="deleted")
    if result.outcome is Outcome.REJECTED:
        return _parked(one.record, result.reason or "rejected")
    return None


def _kept(kind: Kind, record: ManagedRow, changes: Mapping[str, str]) -> Settlement:
    """Nothing is left to be done to it."""
    return _standing(record, str(record.vendor_id), kind.shown(record, changes))

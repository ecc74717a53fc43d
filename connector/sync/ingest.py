"""Inbox → facts. Each delivery is parsed alone, each event taken once; what it has to say becomes marks on leads."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial

import structlog

from connector.errors import InboundError
from connector.store import (
    connections,
    erasing,
    history,
    inbox,
    leads,
    links,
    managed,
    mirrors,
    tombstones,
    unanswered,
)
from connector.store.database import REFUSALS, Connection, Database
from connector.store.inbox import InboxRow, InboxState, Settled
from connector.store.inbox_erasing import name_addresses
from connector.store.mirrors import MirrorRow
from connector.store.tombstones import RecordName
from connector.sync import echoes, mirror, overtaking
from connector.sync.activities import hear_activities
from connector.sync.company_reads import want_found
from connector.sync.context import Tenant, conclude
from connector.sync.deal_events import hear_deals
from connector.sync.facts import same_on
from connector.sync.following import hear_of_losses
from connector.sync.late import take_out_the_erased
from connector.sync.marking import FINAL, want_companies, want_people
from connector.sync.overtaking import tell_overtaken
from connector.sync.submissions import WEBSITE, hear_submissions
from connector.sync.succession import succeed
from connector.sync.task_reports import hear_tasks
from connector.sync.unanswered import NOTHING_SENT, Unanswered, may_stand
from connector.vendors.base import EventKind, InboundEvent

log = structlog.get_logger()

Parse = Callable[[InboxRow], list[InboundEvent]]
"""Bytes to events; raises InboundError for what is not a delivery at all."""

HOT = "hot"
BACKGROUND = "background"

_OUR_DOING = (EventKind.CREATED, EventKind.ASSOCIATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Where events belong, if not to the account that they name. `websites`: installation → the connection to which its
    own websites' forms go. The receiver says whose website it serves (`vendor:account`); else it is the first's."""

    websites: Mapping[int, int]


@dataclass(slots=True)
class _Batch:
    """The events of one connection in this slice, with when their deliveries arrived."""

    events: list[tuple[InboundEvent, InboxRow]] = field(default_factory=list)


def ingest(
    database: Database,
    tenants: Mapping[int, Tenant],
    parse: Parse,
    accounts: Accounts,
    *,
    limit: int,
    lease_seconds: float,
) -> int:
    """Take in up to `limit` deliveries; returns how many were settled. Nothing that a sender sends blocks the queue.

    A delivery that was claimed before and never settled is taken alone: if it kills its reader, it takes nobody along.
    """
    token, rows = inbox.claim(database, limit=limit, lease_seconds=lease_seconds)
    fresh = [row for row in rows if row.attempts <= 1]
    for together in [fresh, *([row] for row in rows if row.attempts > 1)]:
        if together:
            _ingest(database, tenants, parse, accounts, token, together)
    return len(rows)


def _ingest(
    database: Database,
    tenants: Mapping[int, Tenant],
    parse: Parse,
    accounts: Accounts,
    token: uuid.UUID,
    rows: Sequence[InboxRow],
) -> None:
    """All of them together; where the database cannot hold what one of them says, each alone."""
    try:
        _take_in(database, tenants, parse, accounts, token, rows)
    except REFUSALS as error:
        if len(rows) > 1:
            for row in rows:
                _ingest(database, tenants, parse, accounts, token, [row])
            return
        log.error("delivery_parked", inbox_id=rows[0].id, source=rows[0].source, sqlstate=error.sqlstate)
        with database.transaction(None) as conn:
            inbox.settle(conn, token, [Settled(id=rows[0].id, state=InboxState.PARKED, reason="not_storable")])


def _take_in(
    database: Database,
    tenants: Mapping[int, Tenant],
    parse: Parse,
    accounts: Accounts,
    token: uuid.UUID,
    rows: Sequence[InboxRow],
) -> None:
    batches: dict[tuple[int, int], _Batch] = {}
    home_of = cache(partial(_home, database, accounts))
    settled = [_sort(row, parse, home_of, batches) for row in rows]
    by_tenant: dict[int, list[tuple[int, _Batch]]] = {}
    for (installation_id, connection_id), batch in batches.items():
        by_tenant.setdefault(installation_id, []).append((connection_id, batch))
    for installation_id, found in by_tenant.items():
        if installation_id in tenants:
            _take_all(tenants[installation_id], found)
    with database.transaction(None) as conn:
        inbox.settle(conn, token, settled)


def _take_all(tenant: Tenant, found: Sequence[tuple[int, _Batch]]) -> None:
    def work(conn: Connection) -> None:
        for connection_id, batch in found:
            _take(tenant, conn, connection_id, batch)

    conclude(tenant, work, give_back=lambda conn: None)


def _sort(
    row: InboxRow,
    parse: Parse,
    home_of: Callable[[str, str, str | None], tuple[int, int] | None],
    batches: dict[tuple[int, int], _Batch],
) -> Settled:
    try:
        events = parse(row)
    except InboundError as error:
        log.warning("delivery_parked", inbox_id=row.id, source=row.source, reason=error.reason)
        return Settled(id=row.id, state=InboxState.PARKED, reason=error.reason)
    unknown = 0
    for event in events:
        home = home_of(vendor_of(row.source), event.account_id, row.connection_hint)
        if home is None:
            unknown += 1
            continue
        unknown += event.kind is EventKind.UNKNOWN
        batches.setdefault(home, _Batch()).events.append((event, row))
    if unknown:
        return Settled(id=row.id, state=InboxState.UNKNOWN, reason="unknown_events")
    return Settled(id=row.id, state=InboxState.DONE)


def vendor_of(source: str) -> str:
    """Whose delivery it is: `hubspot_workflow` is HubSpot's, `salesforce_callout:acme` is Salesforce's."""
    return source.partition(":")[0].partition("_")[0]


def _home(
    database: Database, accounts: Accounts, vendor: str, account_id: str, hint: str | None
) -> tuple[int, int] | None:
    if account_id.startswith(WEBSITE):
        vendor, _, named = (hint or "").partition(":")
        whose = _account(database, vendor, named) if named else None
        installation_id = whose[0] if whose is not None else next(iter(accounts.websites), None)
        found = None if installation_id is None else accounts.websites.get(installation_id)
        return None if installation_id is None or found is None else (installation_id, found)
    return _account(database, vendor, account_id)


def _account(database: Database, vendor: str, account_id: str) -> tuple[int, int] | None:
    with database.autocommit() as conn:
        return connections.account_of(conn, vendor, account_id)


def _take(tenant: Tenant, conn: Connection, connection_id: int, batch: _Batch) -> None:
    """Events of one connection become facts, in one transaction with their keys: all of it or nothing."""
    if any(event.kind is EventKind.ERASED for event, _ in batch.events):
        tombstones.hold(conn)
    fresh = history.take_events(conn, tenant.installation_id, [event.key for event, _ in batch.events])
    seen: set[bytes] = set()
    new: list[tuple[InboundEvent, InboxRow]] = []
    for event, row in batch.events:
        if event.key in fresh and event.key not in seen:
            seen.add(event.key)
            new.append((event, row))
    counts: Counter[tuple[str, str]] = Counter()
    counts["events", "taken"] = len(new)
    counts["events", "duplicate"] = len(batch.events) - len(new)
    for event, _ in new:
        if event.kind is EventKind.UNKNOWN:
            counts["unknown_event", event.type_name or "unnamed"] += 1
    _Intake(tenant, conn, connection_id).take(new)
    take_out_the_erased(conn, connection_id, tenant.bindings[connection_id].dialect.person_type, batch.events)
    history.add_tallies(conn, tenant.installation_id, {name: count for name, count in counts.items() if count})


class _Intake:
    """Turns the new events of one connection into marks, mirrors' hints and signals."""

    def __init__(self, tenant: Tenant, conn: Connection, connection_id: int) -> None:
        self._tenant = tenant
        self._conn = conn
        self._connection_id = connection_id
        self._binding = tenant.reading[connection_id]
        self._dialect = self._binding.dialect
        self._now = tenant.now(conn)

    def take(self, new: Sequence[tuple[InboundEvent, InboxRow]]) -> None:
        """Everything that these events say."""
        dialect = self._dialect
        people = [pair for pair in new if pair[0].object_type == dialect.person_type and pair[0].object_id]
        self._subjects(new)
        self._gone([event for event, _ in people])
        self._people(people)
        self._companies([event for event, _ in new if event.object_type == dialect.company_type])
        self._tasks([event for event, _ in new if event.object_type == dialect.task_type])
        every = [event for event, _ in new]
        hear_of_losses(self._conn, self._tenant.installation_id, self._connection_id, every)
        merged = hear_deals(self._tenant, self._conn, self._connection_id, every)
        hear_activities(self._tenant, self._conn, self._connection_id, every)
        hear_submissions(self._tenant, self._conn, self._connection_id, new, now=self._now)
        managed.follow(self._conn, self._connection_id, dialect.deal.object_type, merged)

    def _subjects(self, new: Sequence[tuple[InboundEvent, InboxRow]]) -> None:
        rows = {(event.object_type, event.object_id, row.id) for event, row in new if event.object_id}
        inbox.add_subjects(self._conn, self._tenant.installation_id, self._connection_id, sorted(rows))
        given = [(one.submission.email, row.id) for one, row in new if one.submission and not one.object_id]
        addresses = sorted({(email, inbox_id) for email, inbox_id in given if email})
        name_addresses(self._conn, self._tenant.installation_id, self._connection_id, addresses)

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────
    def _gone(self, people: Sequence[InboundEvent]) -> None:
        for event in people:
            if event.kind is EventKind.MERGED:
                self._merged(event)
        ids = [str(event.object_id) for event in people if event.kind is EventKind.ERASED]
        if ids:
            erased = [RecordName(self._connection_id, self._dialect.person_type, one) for one in ids]
            known = leads.identities(self._conn, self._connection_id, self._dialect.person_type, ids)
            lead_ids = {lead_id for lead_id, _ in known.values()} - {leads.NOBODY}
            erasing.erase(self._conn, self._tenant.installation_id, now=self._now, lead_ids=lead_ids, people=erased)

    def _merged(self, event: InboundEvent) -> None:
        """The losers' leads become the winner's; the winner may be a record that nobody has seen before."""
        conn, connection_id, person_type = self._conn, self._connection_id, self._dialect.person_type
        winner = str(event.new_id or event.object_id)
        losers = sorted({one for one in (*event.merged_ids, event.object_id) if one and one != winner})
        known = leads.identities(conn, connection_id, person_type, [winner, *losers])
        if not known:
            want_people(self._tenant, conn, connection_id, {winner: self._now}, lane=HOT)
            return
        # The record that people chose to keep is the one whose history goes on, under whatever id.
        first = (winner, str(event.object_id), *losers)
        target = succeed(self._tenant, conn, connection_id, winner=winner, losers=losers, first=first)
        if target is not None:
            links.want_read(conn, self._tenant.installation_id, connection_id, {target: winner}, lane=HOT)

    def _people(self, people: Sequence[tuple[InboundEvent, InboxRow]]) -> None:
        by_id: dict[str, list[tuple[InboundEvent, InboxRow]]] = {}
        for event, row in people:
            if event.kind not in (EventKind.MERGED, EventKind.ERASED, EventKind.UNKNOWN, EventKind.SUBMITTED):
                by_id.setdefault(str(event.object_id), []).append((event, row))
        known = leads.identities(self._conn, self._connection_id, self._dialect.person_type, list(by_id))
        rows = mirrors.load(self._conn, self._connection_id, self._dialect.person_type, list(by_id), lock=True)
        named = [
            known[one][0]
            for one, events in by_id.items()
            if one in known and any(echoes.may_be_ours(one) for one, _ in events)
        ]
        sent = unanswered.of(self._conn, self._connection_id, named) if named else {}
        wanted: dict[str, dict[str, datetime]] = {HOT: {}, BACKGROUND: {}}
        heard: list[MirrorRow] = []
        echoing: dict[int, tuple[str, dict[str, str | None]]] = {}
        for vendor_id, events in by_id.items():
            if vendor_id in known and known[vendor_id][1] in FINAL:
                continue  # nothing is ever resurrected by a late event
            mirrored = rows.get(vendor_id)
            before = mirror.heard_so_far(mirrored)
            pending = sent.get(known[vendor_id][0], NOTHING_SENT) if vendor_id in known else NOTHING_SENT
            telling = self._hear([event for event, _ in events], mirrored, known.get(vendor_id), pending)
            if mirrored is not None and mirror.heard_so_far(mirrored) != before:
                heard.append(mirrored)
            if not telling:
                continue
            lane = BACKGROUND if all(one.is_bulk for one in telling) else HOT
            wanted[lane][vendor_id] = min(row.received_at for _, row in events)
            if vendor_id in known and all(map(echoes.seems_ours, telling)):
                echoing[known[vendor_id][0]] = vendor_id, {str(one.property_name): one.value for one in telling}
        for vendor_id in echoes.answered_soon(self._tenant, self._conn, self._connection_id, echoing):
            wanted[HOT].pop(vendor_id, None)
            wanted[BACKGROUND].pop(vendor_id, None)
        mirrors.put(self._conn, self._tenant.installation_id, self._connection_id, heard)
        for lane, found in wanted.items():
            want_people(self._tenant, self._conn, self._connection_id, found, lane=lane)

    def _hear(
        self,
        events: Sequence[InboundEvent],
        row: MirrorRow | None,
        identity: tuple[int, str | None] | None,
        pending: Unanswered,
    ) -> list[InboundEvent]:
        """Those of a person's events that say something new: the person must be read."""
        same = same_on(self._binding, self._dialect.person_type)
        ours = partial(may_stand, pending, same=same)
        telling: list[InboundEvent] = []
        for event in sorted(events, key=lambda one: one.occurred_at):
            if row is None or row.gone is not None:
                needs_read = row is not None or event.kind is not EventKind.DELETED
            elif event.kind is EventKind.CHANGED:
                before = overtaking.overtaken(row)
                needs_read = mirror.hear(row, event, same=same, ours=ours)
                after = overtaking.overtaken(row)
                self._tell_overtaken(row, [name for name in after if before.get(name) != after[name]], identity)
            else:
                needs_read = self._says_more(row, event)
            if needs_read:
                telling.append(event)
        return telling

    def _says_more(self, row: MirrorRow, event: InboundEvent) -> bool:
        """False for a creation or restoration that the mirror has seen, and for associations that decide nothing."""
        if event.kind is EventKind.ASSOCIATED:
            return event.other_type == self._dialect.company_type
        if event.kind in (EventKind.CREATED, EventKind.RESTORED):
            return row.modified_at is None or event.occurred_at > row.modified_at
        return True

    def _tell_overtaken(self, row: MirrorRow, names: Sequence[str], identity: tuple[int, str | None] | None) -> None:
        if identity is not None and names:
            tell_overtaken(self._tenant, self._conn, identity[0], row, names, now=self._now)

    # ── companies and tasks ──────────────────────────────────────────────────────────────────────────────────
    def _companies(self, events: Sequence[InboundEvent]) -> None:
        """A changed company is read again with the people who belong to it."""
        if not events:
            return
        ids = sorted({event.object_id for event in events if event.object_id})
        rows = mirrors.load(self._conn, self._connection_id, self._dialect.company_type, ids, lock=True)
        same = same_on(self._binding, self._dialect.company_type)
        before = {one: mirror.heard_so_far(row) for one, row in rows.items()}
        stale = [
            rows[event.object_id]
            for event in events
            if event.object_id in rows
            and (event.kind is not EventKind.CHANGED or mirror.hear(rows[event.object_id], event, same=same))
        ]
        # What an event said of the others is kept with them.
        heard = [row for one, row in rows.items() if mirror.heard_so_far(row) != before[one]]
        mirrors.put(self._conn, self._tenant.installation_id, self._connection_id, heard)
        unmet = [one for one in ids if one not in rows]
        want_found(self._tenant, self._conn, self._connection_id, [*unmet, *(row.vendor_id for row in stale)])
        want_companies(self._tenant, self._conn, self._connection_id, stale)

    def _tasks(self, events: Sequence[InboundEvent]) -> None:
        """What others did with tasks of ours; that one was created, or linked, is no news: we do that ourselves."""
        told = [
            (event.object_id, None if event.redacted else event.property_name or None, event.value)
            for event in events
            if event.object_id and not event.actor_is_us and event.kind not in _OUR_DOING
        ]
        if told:
            hear_tasks(self._conn, self._tenant.installation_id, self._connection_id, self._dialect, told)

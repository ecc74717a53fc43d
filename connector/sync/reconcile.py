"""Events get lost: what the CRM shows is looked through, by what changed and by everything there is.

A pass looks at one object type. Its window is frozen when it begins, its pages go by ascending id, and what it finds is
only marked (`marking.py`). Where it is stands in the store, so that a pass that was killed goes on where it was; the
marks of a page are stored before the place, so that a page is looked at twice rather than never.

    changes     what was modified since the last pass began (search lags: windows overlap), then archived records
    everything  every list page, then every archived record: also what was lost before anybody looked
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from connector.errors import RetryableError
from connector.store import mirrors, reconcile_passes
from connector.store.clock import machine_now
from connector.store.database import Connection
from connector.store.reconcile_passes import Pass, Scope, Step
from connector.sync.context import Line, backoff
from connector.sync.marking import mark, mark_gone
from connector.sync.sweep import sweep_wanted
from connector.vendors.base import Lane, Page

OVERLAP = timedelta(minutes=2)
"""Beyond the lag of any vendor's search."""

PAGES_A_SLICE = 5
ARCHIVED_PAGES = 10
"""A pass over changes looks through so many pages of what is in the bin; the next one goes on from there."""

NIGHT = time(2)
"""When everything is looked through, in the policy's time zone."""


def reconcile_due(line: Line) -> bool:
    """True when a pass is under way and may go on, or is due to begin."""
    return _next(line) is not None


def reconcile_slice(line: Line) -> int:
    """Look at a few pages of what is due; returns how many."""
    one = _next(line)
    if one is None:
        return 0
    if not one.under_way:
        one = begin(line, one.scope, [one.object_type])[0]
    seen = 0
    while one.under_way and seen < PAGES_A_SLICE:
        one = look(line, one)
        seen += 1
    return seen


def types(line: Line) -> Mapping[Scope, tuple[str, ...]]:
    """The object types that each scope looks at: those that the policy reads.

    People and companies only once they were seen for the first time: until then they are read anyway. Everything that
    ever happened is no list to be read every night: activities are looked at by what changed. Our tasks are looked at
    where nothing else need tell of them.
    """
    dialect = line.dialect
    seen = () if sweep_wanted(line) else (dialect.company_type, dialect.person_type)
    deals = (dialect.deal.object_type,) if line.binding.deal_properties else ()
    tasks = (dialect.task_type,) if line.poll_seconds is not None else ()
    changes = dict.fromkeys((*seen, *deals, *line.binding.activity_types, *tasks))
    return {Scope.CHANGES: tuple(changes), Scope.EVERYTHING: (*seen, *deals)}


def begin(line: Line, scope: Scope, object_types: Sequence[str]) -> list[Pass]:
    """Begin a pass over each of these; one that is under way goes on, and is what is returned."""
    tenant, connection_id = line.tenant, line.connection_id
    with tenant.database.transaction(tenant.installation_id) as conn:
        known = reconcile_passes.listed(conn, connection_id)
        for object_type in object_types:
            fresh = _fresh(line, conn, scope, object_type, known.get((object_type, scope)))
            reconcile_passes.begin(conn, tenant.installation_id, connection_id, fresh)
        known = reconcile_passes.listed(conn, connection_id)
    return [known[object_type, scope] for object_type in object_types]


def look(line: Line, one: Pass) -> Pass:
    """Look at the pass's next page; returns how far it is then. An error leaves it where it was, to be tried again."""
    _refuse_early(line, one)
    try:
        page = _page(line, one)
        after = _marked(line, one, page)
    except RetryableError as error:
        _postpone(line, one, error)
        raise
    return _store(line, one, after)


def failing(line: Line) -> int:
    """How many records were marked, tried, and could not be read yet: they stay marked until they are."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return reconcile_passes.failing(conn, line.connection_id)


# ── when ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _next(line: Line) -> Pass | None:
    """The pass that goes on or begins now: changes before everything."""
    tenant, found = line.tenant, types(line)
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = machine_now(conn)
        known = reconcile_passes.listed(conn, line.connection_id)
        for scope, object_types in found.items():
            for object_type in object_types:
                one = known.get((object_type, scope)) or _first(line, conn, scope, object_type, now)
                if one is not None and _is_due(one, now):
                    return one
    return None


def _is_due(one: Pass, now: datetime) -> bool:
    if one.under_way:
        return one.not_before is None or one.not_before <= now
    return one.due_at <= now


def _first(line: Line, conn: Connection, scope: Scope, object_type: str, now: datetime) -> Pass | None:
    """A type that was never looked at: its changes now, everything in the night that comes (it was just read)."""
    fresh = _fresh(line, conn, scope, object_type, None)
    if scope is Scope.CHANGES:
        return replace(fresh, ended_at=now, due_at=now)
    ended = replace(fresh, step=Step.DONE, ended_at=now)
    reconcile_passes.begin(conn, line.tenant.installation_id, line.connection_id, ended)
    return None


def _fresh(line: Line, conn: Connection, scope: Scope, object_type: str, last: Pass | None) -> Pass:
    now, started = line.tenant.now(conn), machine_now(conn)
    policy = line.tenant.plan.policy
    since = last.until if last is not None else line.tenant.policy.activated_at
    changes = scope is Scope.CHANGES
    return Pass(
        object_type=object_type,
        scope=scope,
        since=since - OVERLAP,
        until=now,
        archived_after=last.archived_after if last is not None and changes else None,
        archived_left=ARCHIVED_PAGES if changes else None,
        started_at=started,
        due_at=started + _every(line, object_type) if changes else next_night(started, policy.zone),
    )


def _every(line: Line, object_type: str) -> timedelta:
    """How often changes are looked for: of people, and of our tasks, sooner where nothing else tells of them."""
    every = line.tenant.plan.policy.check_every
    waited_for = object_type in (line.dialect.person_type, line.dialect.task_type)
    if line.poll_seconds is None or not waited_for:
        return every
    return min(every, timedelta(seconds=line.poll_seconds))


def next_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The next moment after `now` at which everything is looked through."""
    local = now.astimezone(zone)
    tonight = datetime.combine(local.date(), NIGHT, tzinfo=zone)
    return tonight if tonight > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, tzinfo=zone)


# ── one page ─────────────────────────────────────────────────────────────────────────────────────────────────
def _page(line: Line, one: Pass) -> Page:
    vendor, lane = line.vendor, Lane.BACKGROUND
    if one.step is Step.ARCHIVED:
        return vendor.page(one.object_type, (), after=one.archived_after, lane=lane, archived=True)
    if one.scope is Scope.EVERYTHING:
        return vendor.page(one.object_type, (), after=one.after, lane=lane)
    shown = line.dialect.task_properties if one.object_type == line.dialect.task_type else ()
    return vendor.changed(one.object_type, shown, since=one.since, until=one.until, after=one.after, lane=lane)


def _marked(line: Line, one: Pass, page: Page) -> Pass:
    """Mark what the page shows; returns the pass with this page behind it."""
    marked = mark(line, one.object_type, page.records)
    seen = replace(one, pages=one.pages + 1, looked=one.looked + len(page.records), attempts=0, not_before=None)
    if one.step is Step.ARCHIVED:
        left = None if one.archived_left is None else one.archived_left - 1
        step = Step.DONE if page.after is None or left == 0 else Step.ARCHIVED
        archived = one.archived + marked
        return replace(seen, archived=archived, step=step, archived_after=page.after, archived_left=left)
    missing = mark_gone(line, one.object_type, _missing(line, one, page))
    above = page.records[-1].id if page.records else one.above
    over = Step.ARCHIVED if one.scope is Scope.CHANGES else Step.DONE
    step = Step.LIVE if page.after is not None else over
    archived = one.archived + missing
    return replace(seen, marked=one.marked + marked, archived=archived, step=step, after=page.after, above=above)


def _missing(line: Line, one: Pass, page: Page) -> list[str]:
    """What we hold and a list of everything does not show where it should stand; a list that is not by id says nothing.

    It was archived, merged or erased, or it is newer than the page: the read tells.
    """
    ids = [record.id for record in page.records]
    places = [_place(record_id) for record_id in ids]
    low = _place(one.above or "")
    if one.scope is Scope.CHANGES or places != sorted(places) or any(place <= low for place in places):
        return []
    if not ids and page.after is not None:
        return []
    upto = ids[-1] if page.after is not None else None
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        held = mirrors.between(conn, line.connection_id, one.object_type, one.above, upto)
    return sorted(set(held).difference(ids), key=_place)


def _place(vendor_id: str) -> tuple[int, str]:
    """Where an id stands in a list by id: a number, written out."""
    return len(vendor_id), vendor_id


def _store(line: Line, before: Pass, after: Pass) -> Pass:
    connection_id = line.connection_id
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        if after.step is Step.DONE:
            after = replace(after, ended_at=machine_now(conn))
        if reconcile_passes.move(conn, connection_id, before, after):
            return after
        return reconcile_passes.listed(conn, connection_id)[before.object_type, before.scope]


def _refuse_early(line: Line, one: Pass) -> None:
    if one.not_before is None:
        return
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        seconds = (one.not_before - machine_now(conn)).total_seconds()
    if seconds > 0:
        raise RetryableError(
            f"The look through {one.object_type} records waits for the CRM.",
            reason="waiting",
            retry_after_seconds=seconds,
        )


def _postpone(line: Line, one: Pass, error: RetryableError) -> None:
    """The pass waits as long as the vendor says, or backs off; other passes go on."""
    asked = error.retry_after_seconds
    seconds = backoff(line.tenant.limits, one.attempts) if asked is None else asked
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        until = machine_now(conn) + timedelta(seconds=seconds)
        waiting = replace(one, attempts=one.attempts + 1, not_before=until)
        reconcile_passes.move(conn, line.connection_id, one, waiting)

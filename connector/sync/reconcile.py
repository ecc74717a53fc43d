"""Events get lost: what the CRM shows is looked through, by what changed and by everything there is.

A pass looks at one object type. Its window is frozen when it begins, its pages go by ascending id, and what it finds to
differ is told (`looking.py`) and marked (`marking.py`). Where it is stands in the store, so that a pass that was killed
goes on where it was; the marks of a page are stored before the place, so that a page is looked at twice rather than
never.

    changes     what was modified since the last pass began (search lags: windows overlap), then archived records
    everything  every list page, value by value: also what was lost before anybody looked, and what changed unseen
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from connector.domain.codec_work import moment_text
from connector.errors import RetryableError
from connector.store import reconcile_passes
from connector.store.clock import machine_now
from connector.store.database import Connection
from connector.store.reconcile_passes import OVERLAP, Pass, Scope, Step
from connector.sync.comparing import Difference
from connector.sync.context import Line, backoff
from connector.sync.everything import Rounds, asked_of, closer
from connector.sync.marking import behind, mark, mark_gone
from connector.sync.mending import mend
from connector.sync.stretches import stretches_of
from connector.sync.sweep import sweep_wanted
from connector.texts import say
from connector.vendors.base import Lane, Page, Record

LOOKS_A_SLICE = 5
LONGEST_SEARCH = 2_000
"""Letters of the names of properties that a search may ask for: the question as a whole is limited to 3,000."""

ARCHIVED_PAGES = 10
"""A pass over changes looks through so many pages of what is in the bin; the next one goes on from there."""

MOST_SHOWN = 5_000
"""So many activities of an overlap are remembered; the others are read again by the next look."""

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
    before = one.pages
    for looked in looks(line, one, most=LOOKS_A_SLICE):
        one = looked
    return one.pages - before


def types(line: Line) -> Mapping[Scope, tuple[str, ...]]:
    """The object types that each scope looks at: those that the policy reads, and who got or lost a deal where that is
    a record of its own.

    Of tasks what people did with ours is looked for. People and companies only once they were seen for the first
    time: until then they are read anyway. Everything that ever happened is no list to be read every night: activities
    are looked at by what changed.
    """
    dialect = line.dialect
    seen = () if sweep_wanted(line) else (dialect.company_type, dialect.person_type)
    deals = (dialect.deal.object_type,) if line.binding.deal_properties else ()
    roles = (dialect.deal.role.object_type,) if deals and dialect.deal.role is not None else ()
    policy = line.binding.plan.policy
    tasks = (dialect.task_type,) if policy.rules or policy.cadences or line.poll_seconds is not None else ()
    changes = dict.fromkeys((*seen, *deals, *roles, *tasks, *line.binding.activity_types))
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
    """Look at the pass's next pages; returns how far it is then. An error leaves it where it was, to be tried again."""
    return next(looks(line, one, most=1))


def looks(line: Line, one: Pass, *, most: int | None = None) -> Iterator[Pass]:
    """Look again and again, `most` times or to the pass's end; gives how far it is after each. A list of everything is
    read ahead meanwhile."""
    rounds, left = Rounds(line), most
    try:
        while one.under_way and left != 0:
            left = None if left is None else left - 1
            one = _look(line, one, rounds, ahead=left != 0)
            yield one
    finally:
        rounds.drop()


def _look(line: Line, one: Pass, rounds: Rounds, *, ahead: bool) -> Pass:
    _refuse_early(line, one)
    try:
        after = _next_pages(line, one, rounds, ahead=ahead)
        if after.step is Step.DONE and one.scope is Scope.EVERYTHING and one.object_type == line.dialect.person_type:
            mend(line)
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
    policy = line.binding.plan.policy
    since = last.until if last is not None else line.tenant.policy.activated_at
    changes = scope is Scope.CHANGES
    shown = last.shown if last is not None and changes else {}
    places = () if changes else tuple(stretches_of(line, conn, object_type))
    return Pass(
        object_type=object_type,
        scope=scope,
        since=since - OVERLAP,
        until=now,
        places=places,
        shown={one: at for one, at in shown.items() if at >= moment_text(since - OVERLAP)},
        archived_after=last.archived_after if last is not None and changes else None,
        archived_left=ARCHIVED_PAGES if changes else None,
        started_at=started,
        due_at=started + _every(line, object_type) if changes else next_night(started, policy.zone),
    )


def _every(line: Line, object_type: str) -> timedelta:
    """How often changes are looked for: of people, and of our tasks, sooner where nothing else tells of them."""
    every = line.binding.plan.policy.check_every
    waited_for = object_type in (line.dialect.person_type, line.dialect.task_type)
    if line.poll_seconds is None or not waited_for:
        return every
    return min(every, timedelta(seconds=line.poll_seconds))


def next_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The next moment after `now` at which everything is looked through."""
    local = now.astimezone(zone)
    tonight = datetime.combine(local.date(), NIGHT, tzinfo=zone)
    return tonight if tonight > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, tzinfo=zone)


# ── a few pages ──────────────────────────────────────────────────────────────────────────────────────────────
def _next_pages(line: Line, one: Pass, rounds: Rounds, *, ahead: bool) -> Pass:
    """Ask for the next page, of a list of everything for the next of every stretch; mark what they show."""
    vendor, lane, asked = line.vendor, Lane.BACKGROUND, asked_of(line, one.object_type)
    fresh = replace(one, attempts=0, not_before=None)
    if one.step is Step.ARCHIVED:
        page = vendor.page(one.object_type, (), after=one.archived_after, lane=lane, archived=True)
        return _looked_archived(line, fresh, page)
    if one.scope is Scope.EVERYTHING:
        return rounds.look(fresh, ahead=ahead)
    asked = asked if sum(map(len, asked)) <= LONGEST_SEARCH else ()
    page = vendor.changed(one.object_type, asked, since=one.since, until=one.until, after=one.after, lane=lane)
    return _looked_changed(line, fresh, page)


def _looked_archived(line: Line, one: Pass, page: Page) -> Pass:
    marked = mark_gone(line, one.object_type, [record.id for record in page.records])
    left = None if one.archived_left is None else one.archived_left - 1
    return replace(
        one,
        pages=one.pages + 1,
        looked=one.looked + len(page.records),
        archived=one.archived + marked,
        step=Step.DONE if page.after is None or left == 0 else Step.ARCHIVED,
        archived_after=page.after,
        archived_left=left,
    )


def _looked_changed(line: Line, one: Pass, page: Page) -> Pass:
    found = mark(line, one.object_type, page.records, _changed(line, one, page), shown=one.shown)
    # a role that was taken away is listed with the others
    last = Step.DONE if _is_role(line, one.object_type) else Step.ARCHIVED
    return replace(
        one,
        pages=one.pages + 1,
        looked=one.looked + len(page.records),
        marked=one.marked + found.count,
        drifted=one.drifted + found.drifted,
        step=Step.LIVE if page.after is not None else last,
        after=page.after,
        shown=_shown_again(line, one, page.records),
    )


def _is_role(line: Line, object_type: str) -> bool:
    role = line.dialect.deal.role
    return role is not None and object_type == role.object_type


def _shown_again(line: Line, one: Pass, records: Sequence[Record]) -> Mapping[str, str]:
    """The activities that the next pass will show as they are now: its window begins before this one ends.

    Only where looks are all that tells of them. They come often there; elsewhere events tell more than a look shows.
    """
    if line.poll_seconds is None or one.object_type not in line.binding.activity_types:
        return one.shown
    again = {
        record.id: moment_text(record.modified_at)
        for record in records
        if record.modified_at is not None and record.modified_at >= one.until - OVERLAP
    }
    return dict(islice({**one.shown, **again}.items(), MOST_SHOWN))


def _changed(line: Line, one: Pass, page: Page) -> list[Difference]:
    """Those of a page of changes that are not as we hold them."""
    live = [record for record in page.records if not record.archived]
    asked = asked_of(line, one.object_type)
    if one.object_type == line.dialect.task_type or _is_role(line, one.object_type):
        return []  # told apart by what we know of our own, and of whose deals are which
    if not asked or any(record.properties.keys().isdisjoint(asked) for record in live):
        return behind(line, one.object_type, live)
    return closer(line, one.object_type, live)


def _store(line: Line, before: Pass, after: Pass) -> Pass:
    """Store how far the pass has come. Where a crash takes a place with it, pages are looked at twice: not worth
    waiting for the disk. The marks before it are stored for good."""
    connection_id, ended = line.connection_id, after.step is Step.DONE
    with line.tenant.database.transaction(line.tenant.installation_id, durable=ended) as conn:
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
            say("The look through {object_type} records waits for the CRM.", object_type=one.object_type),
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

"""The engine's jobs: each looks at one connection's lane or one installation, does a slice, and says what comes next.

inbox ──> read ──> evaluate ──> deliver        a job that found a full slice defers itself again
  └────────┘ ^────────┴────────────┘   a read waits for what was read before: deciding and writing let it go on
chains of `defer_once`; the clerk's look every second is the net under all of them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from connector.errors import AuthError, QuotaError
from connector.jobs.background import Background
from connector.jobs.engine import JobTask, defer_once
from connector.store import announcements, inbox, leads, notices, outstanding
from connector.store.database import Connection, Database
from connector.sync.activate import walk_slice, walk_wanted
from connector.sync.announcing import announce_slice
from connector.sync.campaigns import campaigns_due, poll_campaigns
from connector.sync.context import Line, Tenant
from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.governor import background_goes_on
from connector.sync.housekeeping import housekeeping_due, keep_house
from connector.sync.lists import lists_due, poll_lists
from connector.sync.noticing import AT_ONCE, send_slice
from connector.sync.pausing import go_on, pause
from connector.sync.people import owners_due, refresh_owners
from connector.sync.poll import poll_due, poll_submissions
from connector.sync.reading import read_slice
from connector.sync.reconcile import reconcile_due, reconcile_slice
from connector.sync.sweep import sweep_due, sweep_slice, sweep_wanted, waits_for_names
from connector.vendors import messenger
from connector.vendors.base import Lane
from connector.vendors.fence import Network

log = structlog.get_logger()

INGEST, READ, EVALUATE, DELIVER = "ingest", outstanding.READ, "evaluate", outstanding.DELIVER
WALK, POLL, LISTS, OWNERS, SWEEP, HOUSEKEEP = "walk", "poll", "lists", "owners", "sweep", "housekeep"
RECONCILE = "reconcile"
NOTIFY, ANNOUNCE = "notify", "announce"
EVALUATED_AT_ONCE = 100
"""A vendor's batch is large enough."""
_PRIORITY = {Lane.HOT: 10, Lane.BACKGROUND: 0}
_EVERYTHING = tuple((task, lane) for lane in Lane for task in (DELIVER, READ))

#: What a connection is looked at for now and then: job, and whether it is time.
_LOOKS: tuple[tuple[str, Callable[[Line], bool]], ...] = (
    (POLL, poll_due),
    (LISTS, lambda line: lists_due(line) or campaigns_due(line)),
    (RECONCILE, reconcile_due),
    (OWNERS, owners_due),
    (SWEEP, sweep_due),
)


class Runtime(Protocol):
    """What the jobs run on; built by `bootstrap`."""

    database: Database
    tombstone_file: Path | None  #: Where erasures are remembered beside the database.
    notice_networks: tuple[Network, ...]  #: Inner networks that notices may be sent into.

    def tenants(self) -> dict[int, Tenant]:
        """Installations that have a policy, with it."""

    def tenant(self, installation_id: int) -> Tenant | None:
        """One of them; None where it has no policy."""

    def lines(self, tenant: Tenant) -> dict[int, Line]:
        """The tenant's connections that may be called now."""

    def line(self, installation_id: int, connection_id: int) -> Line | None:
        """One of them; None where it may not be called."""

    def ingest(self, tenants: Mapping[int, Tenant]) -> int:
        """Take in a slice of the inbox; returns how many deliveries."""


class Jobs:
    """Every job of the engine, bound to a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._background = Background()

    def tasks(self) -> Sequence[JobTask]:
        """What the worker runs."""
        return (
            JobTask(name=INGEST, run=self.ingest),
            JobTask(name=READ, run=self.read),
            JobTask(name=EVALUATE, run=self.evaluate),
            JobTask(name=DELIVER, run=self.deliver),
            JobTask(name=WALK, run=self.walk),
            JobTask(name=POLL, run=self.poll),
            JobTask(name=LISTS, run=self.lists),
            JobTask(name=RECONCILE, run=self.reconcile),
            JobTask(name=OWNERS, run=self.owners),
            JobTask(name=SWEEP, run=self.sweep),
            JobTask(name=HOUSEKEEP, run=self.housekeep),
            JobTask(name=NOTIFY, run=self.notify),
            JobTask(name=ANNOUNCE, run=self.announce),
        )

    # ── the clerk ────────────────────────────────────────────────────────────────────────────────────────────
    def on_wake(self, payloads: set[str]) -> None:
        """Defer what there is to do. A notification names the inbox; the look every second covers everything."""
        database = self._runtime.database
        with database.autocommit() as conn:
            _take_in(conn)
        if payloads:
            return
        for installation_id, tenant in self._runtime.tenants().items():
            with database.transaction(installation_id) as conn:
                go_on(tenant, conn)
                now = tenant.now(conn)
                if notices.waiting(conn):
                    _defer(conn, NOTIFY, installation_id)
                if announcements.due(conn, now):
                    _defer(conn, ANNOUNCE, installation_id)
                _decide(conn, tenant)
                if walk_wanted(tenant, conn):
                    _defer(conn, WALK, installation_id)
            if housekeeping_due(database, installation_id):
                with database.transaction(installation_id) as conn:
                    _defer(conn, HOUSEKEEP, installation_id)
            for line in self._runtime.lines(tenant).values():
                wanted = [name for name, is_due in _LOOKS if is_due(line)]
                with database.transaction(installation_id) as conn:
                    for name in wanted:
                        _defer(conn, name, installation_id, line.connection_id)
                    _go_on(conn, tenant, line.connection_id, *_EVERYTHING)

    # ── the jobs ─────────────────────────────────────────────────────────────────────────────────────────────
    def ingest(self) -> None:
        """Inbox → facts; then the hot lane reads what was marked."""
        tenants = self._runtime.tenants()
        count = self._runtime.ingest(tenants)
        for installation_id, tenant in tenants.items() if count else ():
            with self._runtime.database.transaction(installation_id) as conn:
                _decide(conn, tenant)
                for connection_id in tenant.bindings:
                    _go_on(conn, tenant, connection_id, (READ, Lane.HOT))
        if count:
            with self._runtime.database.autocommit() as conn:
                _take_in(conn)

    def read(self, installation_id: int, connection_id: int, lane: str) -> None:
        """Read a batch of one lane; then its leads are due."""
        self._slice(installation_id, connection_id, lane, READ, read_slice)

    def deliver(self, installation_id: int, connection_id: int, lane: str) -> None:
        """Write a slice of one lane; then what waited for it is read."""
        self._slice(installation_id, connection_id, lane, DELIVER, deliver_slice)

    def evaluate(self, installation_id: int, lane: str) -> None:
        """Decide a slice of due leads of one lane; then it is delivered, and what waited for it is read."""
        tenant, which = self._runtime.tenant(installation_id), Lane(lane)
        if tenant is None:
            return
        with self._turn(which, EVALUATE, tenant, *tenant.bindings) as mine:
            count = evaluate_slice(tenant, limit=EVALUATED_AT_ONCE, lane=which) if mine else 0
        if count == 0:
            return
        with self._runtime.database.transaction(installation_id) as conn:
            for connection_id in tenant.bindings:
                _go_on(conn, tenant, connection_id, *_EVERYTHING)
            if count >= EVALUATED_AT_ONCE:
                _defer(conn, EVALUATE, installation_id, lane=which)

    def walk(self, installation_id: int) -> None:
        """After an activation: a slice of leads catches up, while nothing else is due.

        Not before what the policy newly reads was read: leads catch up quietly with everything known, and a value that
        is seen for the first time afterwards would count as news. A CRM that is new waits for this instead.
        """
        tenant = self._runtime.tenant(installation_id)
        if tenant is None or any(sweep_due(line) for line in self._runtime.lines(tenant).values()):
            return
        if walk_slice(tenant):
            with self._runtime.database.transaction(installation_id) as conn:
                _decide(conn, tenant)

    def poll(self, installation_id: int, connection_id: int) -> None:
        """Look for form submissions that no event told of."""
        line = self._line(installation_id, connection_id)
        if line is not None and poll_due(line):  # not when it was asked for while the last poll ran
            self._guard(line, lambda: poll_submissions(line))
            with self._runtime.database.transaction(installation_id) as conn:
                _decide(conn, line.tenant)
                _go_on(conn, line.tenant, connection_id, (READ, Lane.HOT))

    def lists(self, installation_id: int, connection_id: int) -> None:
        """Look who came onto the policy's lists, and what became of the members of campaigns."""
        line = self._line(installation_id, connection_id)
        if line is None:
            return
        try:
            found = self._guard(line, lambda: poll_lists(line))
        finally:  # a list that cannot be read keeps nobody from the campaigns
            found_members = self._guard(line, lambda: poll_campaigns(line))
        if found + found_members:
            with self._runtime.database.transaction(installation_id) as conn:
                _decide(conn, line.tenant)
                _go_on(conn, line.tenant, connection_id, (READ, Lane.HOT))

    def reconcile(self, installation_id: int, connection_id: int) -> None:
        """Look for changes that no event told of, a few pages a slice; what was found is read meanwhile."""
        line = self._line(installation_id, connection_id)
        if line is None:
            return
        with self._turn(Lane.BACKGROUND, RECONCILE, line.tenant, connection_id) as mine:
            seen = self._guard(line, lambda: reconcile_slice(line)) if mine else 0
        if seen:
            with self._runtime.database.transaction(installation_id) as conn:
                _go_on(conn, line.tenant, connection_id, (READ, Lane.BACKGROUND))
                _defer(conn, RECONCILE, installation_id, connection_id)

    def owners(self, installation_id: int, connection_id: int) -> None:
        """Read again who may own records; the leads of those who left are due."""
        line = self._line(installation_id, connection_id)
        if line is not None and self._guard(line, lambda: refresh_owners(line)):
            with self._runtime.database.transaction(installation_id) as conn:
                _decide(conn, line.tenant)

    def notify(self, installation_id: int) -> None:
        """Send the notices that wait, in a job of their own: a channel that does not answer holds up no lead."""
        tenant = self._runtime.tenant(installation_id)
        send = partial(messenger.send, networks=self._runtime.notice_networks)
        if tenant is not None and send_slice(tenant, send) == AT_ONCE:
            with self._runtime.database.transaction(installation_id) as conn:
                _defer(conn, NOTIFY, installation_id)

    def announce(self, installation_id: int) -> None:
        """Give the next leads that wait for an announcement their turn."""
        tenant = self._runtime.tenant(installation_id)
        if tenant is not None and announce_slice(tenant):
            with self._runtime.database.transaction(installation_id) as conn:
                _decide(conn, tenant)
                _defer(conn, ANNOUNCE, installation_id)

    def housekeep(self, installation_id: int) -> None:
        """Forget what has had its time."""
        keep_house(self._runtime.database, installation_id, tombstones=self._runtime.tombstone_file)

    def sweep(self, installation_id: int, connection_id: int) -> None:
        """See an account's people and companies for the first time, a few pages a slice."""
        line = self._line(installation_id, connection_id)
        if line is None or waits_for_names(line):
            return
        with self._turn(Lane.BACKGROUND, SWEEP, line.tenant, connection_id) as mine:
            seen = self._guard(line, lambda: sweep_slice(line)) if mine else 0
        with self._runtime.database.transaction(installation_id) as conn:
            _decide(conn, line.tenant)
            if seen and sweep_wanted(line):
                _defer(conn, SWEEP, installation_id, connection_id)

    # ── what the slices share ────────────────────────────────────────────────────────────────────────────────
    def _slice(
        self,
        installation_id: int,
        connection_id: int,
        lane: str,
        task: str,
        work: Callable[[Line, Lane], int],
    ) -> None:
        line = self._line(installation_id, connection_id)
        if line is None:
            return
        with self._turn(Lane(lane), task, line.tenant, connection_id) as mine:
            count = self._guard(line, lambda: work(line, Lane(lane)), Lane(lane)) if mine else 0
        if not count:
            return
        with self._runtime.database.transaction(installation_id) as conn:
            if task == READ:
                _decide(conn, line.tenant)
            is_full = count >= line.vendor.batch_size or lane == Lane.HOT.value
            again = dict.fromkeys([*([READ] if task == DELIVER else ()), *([task] if is_full else ())])
            _go_on(conn, line.tenant, connection_id, *((one, Lane(lane)) for one in again))

    @contextmanager
    def _turn(self, lane: Lane, task: str, tenant: Tenant, *connection_ids: int) -> Iterator[bool]:
        """Whether a slice of this lane may run now, see `Background`; these connections' hot lanes go first."""
        if lane is Lane.HOT:
            yield True
            return

        def is_hot_late(seconds: float) -> bool:
            with tenant.database.transaction(tenant.installation_id) as conn:
                before = tenant.now(conn) - timedelta(seconds=seconds)
                return outstanding.is_decision_late(conn, before) or any(
                    outstanding.is_hot_late(conn, one, seconds) for one in connection_ids
                )

        kind = ":".join(str(part) for part in (task, tenant.installation_id, *connection_ids))
        with self._background.turn(kind, is_hot_late) as mine:
            yield mine

    def _line(self, installation_id: int, connection_id: int) -> Line | None:
        return self._runtime.line(installation_id, connection_id)

    def _guard(self, line: Line, work: Callable[[], int], lane: Lane = Lane.BACKGROUND) -> int:
        """Pause a connection whose credentials are dead or whose day is used up; its events are kept meanwhile.

        Work in the background waits while the account's day has nothing left for it; the hot lane goes on.
        """
        if lane is Lane.BACKGROUND and not background_goes_on(line):
            return 0
        try:
            return work()
        except AuthError as error:
            pause(line, error)
            raise
        except QuotaError as error:
            if error.reason == "quota_day" and lane is Lane.HOT:
                pause(line, error)
            raise


def _decide(conn: Connection, tenant: Tenant) -> None:
    """Defer the decision of what is due, each lane by itself: a hot lead waits for no slice of the background."""
    for lane in leads.due_lanes(conn, tenant.now(conn)):
        _defer(conn, EVALUATE, tenant.installation_id, lane=Lane(lane))


def _take_in(conn: Connection) -> None:
    """Defer the inbox where something waits in it."""
    if inbox.is_waiting(conn):
        _defer(conn, INGEST)


def _go_on(conn: Connection, tenant: Tenant, connection_id: int, *asked: tuple[str, Lane]) -> None:
    """Defer reads and deliveries where there is something for them now: a job costs ten times what the look does."""
    wanted = [(task, lane.value) for task, lane in asked]
    found = outstanding.some(conn, connection_id, wanted, tenant.now(conn)) if wanted else ()
    for task, lane in found:
        _defer(conn, task, tenant.installation_id, connection_id, Lane(lane))


def _defer(
    conn: Connection,
    task: str,
    installation_id: int | None = None,
    connection_id: int | None = None,
    lane: Lane | None = None,
) -> None:
    parts = [task, *(str(part) for part in (installation_id, connection_id, lane and lane.value) if part is not None)]
    lock = ":".join(parts)
    args: dict[str, int | str | bool | None] = {}
    if installation_id is not None:
        args["installation_id"] = installation_id
    if connection_id is not None:
        args["connection_id"] = connection_id
    if lane is not None:
        args["lane"] = lane.value
    priority = _PRIORITY[lane] if lane is not None else 5
    defer_once(conn, task, lock=lock, queueing_lock=lock, priority=priority, args=args)

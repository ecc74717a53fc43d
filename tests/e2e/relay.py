"""A whole relay in one process: the sandbox over HTTP, a real database, and the engine's slices run by hand."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import urllib3

from connector.bootstrap import Runtime
from connector.bootstrap_hubspot import connect_hubspot
from connector.cli.demo_proof import rule_of
from connector.domain.calendar import Calendar
from connector.engine.plan import Plan, prepare
from connector.errors import RetryableError
from connector.policy.loader import load_policy
from connector.policy.model import Policy
from connector.policy.source import read_folder
from connector.sandbox.handle import SandboxHandle
from connector.sandbox.handle_common import CommonHandle
from connector.settings import HubSpotSettings, Settings
from connector.store import clock, outstanding, parked, policies
from connector.store.database import Database
from connector.store.inbox import Delivery, add
from connector.store.parked import ParkedItem
from connector.store.reconcile_passes import Pass, Scope
from connector.sync.activate import activate, walk_slice
from connector.sync.context import Limits, Line, Tenant
from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.people import refresh_owners
from connector.sync.poll import poll_submissions
from connector.sync.reading import read_slice
from connector.sync.reconcile import begin, look, types
from connector.sync.sweep import sweep_slice, sweep_wanted
from connector.vendors.base import Lane
from connector.vendors.hubspot.protocol import OBJECTS
from tests.e2e.connected_before import portal_connected_before
from tests.e2e.receiver import receiver

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "mappings" / "b2b-ja"

QUICK = Limits(
    settle_seconds=0.0, retry_seconds=0.0, retry_seconds_most=0.0, fresh_seconds=60.0, forms_settle_seconds=0.0
)

INQUIRY = "お問い合わせ"
"""A form of the sandbox that the shipped policy takes for an inquiry: 40 points, MQL, a call."""

MQL = "marketingqualifiedlead"

CALL, MAIL = "mql_call", "mql_first_touch"
"""What b2b-ja makes of a new MQL of the SDRs: the rule that asks for a call, and the cadence whose first step is a
mail the same day. Each makes one task."""


def quick(**changes: Any) -> Limits:
    """Limits for tests: nothing waits, with these changes."""
    return dataclasses.replace(QUICK, **changes)


@cache
def loaded(folder: Path) -> Policy:
    """A policy folder, read once a run."""
    return load_policy(folder)


@cache
def prepared(folder: Path) -> Plan:
    """It as the engine takes it, made once a run."""
    return prepare(loaded(folder))


def days_off(now: datetime, *calendars: Calendar) -> int:
    """How many days it is until one on which there is work by all of them; 0 is today."""
    today = now.astimezone(calendars[0].zone).date()
    return next(
        days for days in range(30) if all(one.open_intervals(today + timedelta(days=days)) for one in calendars)
    )


class BaseRelay(ABC):
    """The product beside a sandbox of a CRM. `settle()` runs slices until nothing is left to do."""

    crm: CommonHandle

    def __init__(self, database: Database, policy: Path, limits: Limits, settings: Settings) -> None:
        self.database = database
        self.limits = limits
        self.open = ExitStack()
        self.settings = settings
        self._folder = policy
        self.policy = loaded(policy)
        self.on_a_working_day()
        self.installation_id, self.connection_id = self._connect()
        activate(database, self.installation_id, self.policy, read_folder(policy))
        self.runtime = self._runtime()

    @abstractmethod
    def _connect(self) -> tuple[int, int]:
        """Connect the account for the policy; (installation id, connection id)."""

    def on_a_working_day(self) -> None:
        """Time goes on to the next working day, of the shipped policy too, unless this is one. Steps of cadences come
        on working days: what a test sees must not hang on the day on which it runs."""
        with self.database.autocommit() as conn:
            off = days_off(clock.BusinessClock.now(conn), self.policy.calendar, loaded(POLICY).calendar)
        if off:
            self.pass_time(days=off)

    def _runtime(self) -> Runtime:
        runtime = Runtime(self.database, self.settings, limits=self.limits)
        # read once for all tests; what a version's stored files mean is proven in the loader's own tests
        runtime._cache.plans[self.policy.hash] = prepared(self._folder)
        return runtime

    def close(self) -> None:
        """Stop everything."""
        self.runtime.close()
        self.crm.close()
        self.open.close()

    @property
    def tenant(self) -> Tenant:
        """The installation with its running policy."""
        tenant = self.runtime.tenant(self.installation_id)
        assert tenant is not None
        return tenant

    @property
    def line(self) -> Line:
        """The sandbox's connection; its vendor is the same object every time."""
        return self.runtime.lines(self.tenant)[self.connection_id]

    def second_worker(self) -> Line:
        """The same connection as another worker process sees it."""
        runtime = self.another_process()
        tenant = runtime.tenant(self.installation_id)
        assert tenant is not None
        return runtime.lines(tenant)[self.connection_id]

    def another_process(self) -> Runtime:
        """The product's parts as another process has them."""
        runtime = self._runtime()
        self.open.callback(runtime.close)
        return runtime

    def activate(self, policy: Path) -> None:
        """Make another policy the running one, alone and provisioned."""
        self._folder = policy
        self.policy = loaded(policy)
        self._connect()
        with self.database.transaction(self.installation_id) as conn:
            others = [one.name for one in policies.running(conn) if one.name != self.policy.name]
        activate(self.database, self.installation_id, self.policy, read_folder(policy), instead=others)

    def beside(self, policy: Path, *, before: str | None = None) -> None:
        """Let another policy run too, provisioned; after the others, or before the one of this name."""
        first, self.policy = self.policy, loaded(policy)
        self._connect()
        activate(self.database, self.installation_id, self.policy, read_folder(policy), before=before)
        self.policy = first

    # ── what comes in ────────────────────────────────────────────────────────────────────────────────────────
    def deliver(self, body: bytes, source: str = "hubspot") -> None:
        """Put a delivery into the inbox as the receiver does."""
        add(self.database, Delivery(source=source, body=body))

    @abstractmethod
    def hear(self) -> None:
        """Let everything that the sandbox has to tell arrive in the inbox."""

    def hear_and_settle(self) -> None:
        """Until the sandbox has nothing to tell and we have nothing to do."""
        self.hear()
        for _ in range(10):
            if not self.settle():
                return
            self.hear()
            if not self.has_news():  # and a whole round had found nothing to do
                return
        raise AssertionError("the relay and the sandbox do not come to rest")

    def has_news(self) -> bool:
        """False where `hear` has brought nothing that a settled relay could have to do with."""
        return True

    def meet(self) -> None:
        """See everybody in the portal for the first time; nothing of it is an event."""
        while sweep_wanted(self.line):
            sweep_slice(self.line)

    def reconcile(self, scope: Scope = Scope.CHANGES, *only: str) -> dict[str, Pass]:
        """Look for what events missed, now, through to the end; returns what became of it, by object type."""
        line = self.line
        ended: dict[str, Pass] = {}
        for begun in begin(line, scope, only or types(line)[scope]):
            one = begun
            while one.under_way:
                one = look(line, one)
            ended[one.object_type] = one
        return ended

    def close_gaps(self) -> int:
        """Look for changes that no event told of; returns how many were looked at, our own tasks apart."""
        found = self.reconcile()
        return sum(one.looked for name, one in found.items() if name != self.line.dialect.task_type)

    def refresh_owners(self) -> int:
        """Read again who may own records."""
        return refresh_owners(self.line)

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────
    def settle(self, *, rounds: int = 60) -> int:
        """Run every kind of slice until a whole round finds nothing to do; returns how much was done."""
        total = 0
        for _ in range(rounds):
            done = self.round()
            total += done
            if not done:
                return total
        raise AssertionError("the relay did not come to rest")

    def round(self) -> int:
        """One slice of every kind."""
        done = self.decide()
        line = self.line
        for lane in Lane:
            done += as_a_job(lambda lane=lane: deliver_slice(line, lane))
        return done

    def decide(self) -> int:
        """Everything but writing: the inbox, reads, evaluations."""
        done = self.runtime.ingest()
        line = self.line
        for lane in Lane:
            done += as_a_job(lambda lane=lane: read_slice(line, lane))
        return done + evaluate_slice(line.tenant)

    def walk(self) -> None:
        """Let every lead catch up with the running policy."""
        while walk_slice(self.tenant):
            self.settle()
        self.settle()

    def pass_time(self, *, rate: float = 1.0, **span: float) -> None:
        """Time goes on, here and in the sandbox (keywords of timedelta); from then on at this rate (0: it stands)."""
        seconds = timedelta(**span).total_seconds()
        self.crm.set_clock(advance_seconds=seconds, rate=rate)
        with self.database.autocommit() as conn:
            clock.advance_clock(conn, timedelta(seconds=seconds), rate=rate)

    def one_delivery_each(self) -> None:
        """From now on a worker takes one delivery at a time, so that several workers share a few."""
        self.limits = dataclasses.replace(self.limits, inbox_rows=1)
        self.runtime.close()
        self.runtime = self._runtime()

    def expire_leases(self) -> None:
        """As if a minute had gone by since a worker died: what it held is free, what it was creating is looked up."""
        with self.database.transaction(self.installation_id) as conn:
            conn.execute("UPDATE link SET claimed_until = '-infinity', read_claimed_until = '-infinity'")
            conn.execute("UPDATE lead_due SET claimed_until = '-infinity'")
            conn.execute("UPDATE inbox SET claimed_until = '-infinity' WHERE claimed_until IS NOT NULL")
            conn.execute("UPDATE managed_record SET settle_until = now() WHERE settle_until IS NOT NULL")

    def expire_waits(self) -> None:
        """As if every wait that a vendor asked for had run out."""
        with self.database.transaction(self.installation_id) as conn:
            outstanding.at_once(conn, None)
            conn.execute("UPDATE link SET not_before = now(), read_not_before = now()")
            conn.execute("UPDATE wanted_read SET not_before = now()")
            conn.execute("UPDATE quota SET blocked_until = NULL")

    def retry_parked(self) -> int:
        """As `tasuki parked retry --all`; returns how many."""
        with self.database.transaction(self.installation_id) as conn:
            items = parked.listed(conn, limit=1_000)
            now = clock.BusinessClock.now(conn)
            return sum(parked.retry(conn, parked.parse_item(one.item), now=now) for one in items)

    def parked(self) -> list[ParkedItem]:
        """What waits for a person."""
        with self.database.transaction(self.installation_id) as conn:
            return parked.listed(conn, limit=1_000)

    # ── what can be seen ─────────────────────────────────────────────────────────────────────────────────────
    def rows(self, query: str, values: list[object] | None = None) -> list[dict[str, Any]]:
        """Rows of our own store."""
        with self.database.transaction(self.installation_id) as conn:
            return list(conn.execute(query, values or []))

    def lead(self, contact_id: str) -> dict[str, Any]:
        """The lead behind a contact."""
        (found,) = self.rows(
            "SELECT lead.* FROM lead JOIN identity ON identity.lead_id = lead.id WHERE vendor_id = %s", [contact_id]
        )
        return found

    def holds(self, contact_id: str) -> set[str]:
        """The computed fields of which a person's value is held."""
        return set(self.lead(contact_id)["state"].get("holds", {}))

    def link(self, contact_id: str) -> dict[str, Any]:
        """Its link."""
        (found,) = self.rows("SELECT lead_id, journal, attempts FROM link WHERE vendor_id = %s", [contact_id])
        return found

    def kept_values(self) -> list[dict[str, Any]]:
        """The ledger of values that a rule chose between, opened: field, rule, actor, kept, lost."""
        rows = self.rows(
            "SELECT field, rule, actor, sealed, lead_id, data_key FROM ledger_value"
            " JOIN lead ON lead.id = lead_id ORDER BY ledger_value.id"
        )
        found = []
        for row in rows:
            about = f"{row['lead_id']}:{row['field']}"
            values = self.tenant.vault.data_key(bytes(row["data_key"])).open(bytes(row["sealed"]), about=about)
            assert isinstance(values, dict)
            found.append({"field": row["field"], "rule": row["rule"], "actor": row["actor"], **values})
        return found

    def now(self) -> datetime:
        """Business time."""
        with self.database.transaction(self.installation_id) as conn:
            return clock.BusinessClock.now(conn)

    def drift(self) -> list[dict[str, Any]]:
        """What is told to differ, and has not ended."""
        return self.rows("SELECT property AS field, class, data FROM drift WHERE ended_at IS NULL ORDER BY id")

    def mark(self) -> int:
        """Where the sandbox's ledger stands now, for `since`; calls are counted from here."""
        self.crm.reset_calls()
        return int(self.crm.control("GET", "/ledger")["last"])

    def calls(self) -> dict[str, int]:
        """Calls by kind since `mark`."""
        return {kind: int(row["calls"]) for kind, row in self.crm.calls().items()}


class Relay(BaseRelay):
    """The product beside a HubSpot portal."""

    def __init__(self, sandbox: SandboxHandle, database: Database, home: Path, policy: Path, limits: Limits) -> None:
        self.sandbox = self.crm = sandbox
        portal = sandbox.control("GET", "/settings")
        hubspot = HubSpotSettings(
            portal_id=portal["portal_id"],
            client_secrets=("sandbox-app-secret",),
            access_token=sandbox.token,
            base_url=sandbox.base_url,
            app_id=portal["app_id"],
        )
        super().__init__(database, policy, limits, Settings(home=home, hubspot=hubspot))

    def _connect(self) -> tuple[int, int]:
        assert self.settings.hubspot is not None
        with portal_connected_before(self.sandbox, self.policy):
            return connect_hubspot(self.database, self.settings.hubspot, self.policy)

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call of the vendor's API, as a portal's admin makes it."""
        reply = urllib3.request(
            method,
            self.sandbox.base_url + path,
            headers={"Authorization": f"Bearer {self.sandbox.token}", "Content-Type": "application/json"},
            body=None if body is None else orjson.dumps(body),
        )
        assert reply.status < 300, reply.data
        return orjson.loads(reply.data) if reply.data else None

    def listen(self, *, workflow: bool = False, **switches: Any) -> None:
        """From now on the sandbox sends signed webhooks to a real receiver; `hear` waits for them."""
        url = self.open.enter_context(receiver(self.database))
        binding = self.line.binding
        self.sandbox.subscribe(
            {
                "contacts": sorted({*binding.person_properties, "lastname"}),
                "companies": sorted(binding.company_properties),
                "deals": sorted(binding.deal_properties),
                "tasks": ["hs_task_status", "hs_timestamp", "hubspot_owner_id"],
            }
            | {OBJECTS[one]: sorted(binding.dialect.activities[one].properties) for one in binding.activity_types}
        )
        if workflow:
            switches["workflow_url"] = f"{url}/webhooks/hubspot/workflow"
        self.sandbox.webhooks(target_url=f"{url}/webhooks/hubspot", linger_seconds=0.01, **switches)

    def hear(self) -> None:
        """Let everything that the sandbox has to tell arrive in the inbox."""
        self.sandbox.flush_webhooks()
        assert self.sandbox.wait_webhooks(20.0)
        assert {one["status"] for one in self.sandbox.webhook_log()} <= {200}

    def has_news(self) -> bool:
        """Webhooks come into the inbox, and nowhere else."""
        return bool(self.rows("SELECT FROM inbox WHERE state = 'new' LIMIT 1"))

    def poll(self) -> int:
        """Look for submissions that no event told of."""
        return poll_submissions(self.line)

    def connect(self, token: str) -> None:
        """The worker starts again with another access token."""
        assert self.settings.hubspot is not None
        self.runtime.close()
        hubspot = dataclasses.replace(self.settings.hubspot, access_token=token)
        self.settings = dataclasses.replace(self.settings, hubspot=hubspot)
        self.runtime = self._runtime()

    def contact(self, contact_id: str) -> dict[str, Any]:
        """The contact's properties as the CRM shows them."""
        found: dict[str, Any] = self.sandbox.record("contacts", contact_id)["properties"]
        return found

    def tasks(self, contact_id: str) -> list[dict[str, Any]]:
        """The tasks associated with a contact, as the CRM shows them."""
        ids = self.sandbox.record("contacts", contact_id)["associations"].get("tasks", {})
        return [self.sandbox.record("tasks", one)["properties"] | {"id": one} for one in ids]

    def tasks_of(self, contact_id: str, rule: str) -> list[dict[str, Any]]:
        """Those of them that this rule or cadence asked for."""
        return [task for task in self.tasks(contact_id) if rule_of(task["tasuki_key"]) == rule]

    def made_by(self, contact_id: str) -> list[str]:
        """The rules and cadences that asked for the contact's tasks, one name a task, in order."""
        return sorted(rule_of(task["tasuki_key"]) for task in self.tasks(contact_id))

    def live_tasks(self) -> list[dict[str, Any]]:
        """Every task of the portal (the probe of the provisioning is in the recycle bin)."""
        return [task for task in self.sandbox.records("tasks") if not task["archived"]]

    def new_mql(self, email: str = "yamada@example.co.jp", **values: str) -> str:
        """A contact that has inquired and been worked on: MQL, with an open call and a first mail. Returns its id."""
        submitted = self.sandbox.submit(INQUIRY, {"email": email, "lastname": "山田"} | values)
        self.poll()
        self.hear_and_settle()
        contact_id = str(submitted["contact_id"])
        assert self.contact(contact_id)["lifecyclestage"] == MQL
        return contact_id

    def open_tasks(self, contact_id: str) -> list[dict[str, Any]]:
        """Those of them that are still to be done."""
        return [task for task in self.tasks(contact_id) if task["hs_task_status"] != "COMPLETED"]

    def still_asked_by(self, contact_id: str) -> list[str]:
        """The rules and cadences whose tasks are still to be done, one name a task, in order."""
        return sorted(rule_of(task["tasuki_key"]) for task in self.open_tasks(contact_id))

    def our_writes(self, *, since: int = 0, type: str = "contacts") -> list[dict[str, Any]]:
        """The sandbox's ledger of what we wrote."""
        return self.sandbox.ledger(since=since, type=type, source="INTEGRATION")


def as_a_job(work: Callable[[], int]) -> int:
    """As the worker's edge does: what is to be tried later is tried later."""
    try:
        return work()
    except RetryableError:
        return 1

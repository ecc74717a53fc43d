"""The only place that builds things: settings in, a running product's parts out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from connector.bootstrap_bindings import bindings_in
from connector.bootstrap_salesforce import PATIENCE, followed_org, salesforce_people, salesforce_vendor
from connector.engine.plan import Plan, prepare
from connector.engine.reading import reading_plan
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.policy.model import Policy
from connector.settings import HubSpotSettings, Settings
from connector.settings_salesforce import SalesforceSettings
from connector.store import connections, policies
from connector.store.clock import BusinessClock
from connector.store.connections import ConnectionRow
from connector.store.database import Connection, Database
from connector.store.embedded import embedded_database
from connector.store.inbox import InboxRow
from connector.store.migrate import migrate
from connector.store.policies import ActivePolicy
from connector.store.vault import Vault, key_from_file
from connector.sync.context import Limits, Line, Running, Tenant
from connector.sync.following import Followed
from connector.sync.ingest import Accounts, ingest
from connector.sync.pacing import VendorDay, rolling_day, vendor_day
from connector.sync.tokens import SharedTokens
from connector.texts import say
from connector.vendors.base import InboundEvent, Vendor
from connector.vendors.http import FixedToken, Tokens
from connector.vendors.hubspot import inbound, workflow
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.salesforce import callouts
from connector.vendors.salesforce import inbound as outbound_message
from connector.vendors.salesforce.changes import inbound as changes
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.names import Names, as_person
from connector.vendors.salesforce.people import SalesforcePeople
from connector.vendors.salesforce.protocol import VENDOR as SALESFORCE
from connector.vendors.website import inbound as website_inbound

INSTALLATION = "default"


@contextmanager
def open_store(settings: Settings) -> Iterator[Database]:
    """The database, embedded or the customer's own, migrated when it is ours."""
    if settings.database_url is not None:
        database = Database.open(settings.database_url)
        try:
            yield database
        finally:
            database.close()
        return
    with embedded_database(settings.home / "postgres") as dsn:
        migrate(dsn)
        database = Database.open(dsn)
        try:
            yield database
        finally:
            database.close()


def open_vault(settings: Settings) -> Vault:
    """The keys that seal secrets and people's values."""
    return Vault(settings.secret_keys or key_from_file(settings.key_file))


@dataclass(slots=True)
class _Cache:
    """What is built once for each policy version and connection."""

    plans: dict[str, Plan] = field(default_factory=dict)
    reading: dict[tuple[str, ...], Plan] = field(default_factory=dict)
    vendors: dict[tuple[int, int], HubSpotVendor | SalesforceVendor] = field(default_factory=dict)
    people: dict[tuple[int, int, str], SalesforcePeople] = field(default_factory=dict)
    orgs: dict[str, tuple[str | None, Names]] = field(default_factory=dict)  #: org → our user there, its names


class Runtime:
    """Implements `jobs.tasks.Runtime` for this process. Safe to share between threads."""

    def __init__(self, database: Database, settings: Settings, *, limits: Limits | None = None) -> None:
        self.database = database
        self.tombstone_file = settings.tombstone_file
        self.notice_networks = settings.notice_networks
        self._settings = settings
        self._limits = limits or Limits(forms_poll_seconds=settings.forms_poll_seconds)
        self._vault = open_vault(settings)
        self._cache = _Cache()
        self._lock = threading.Lock()

    def tenants(self) -> dict[int, Tenant]:
        """See `jobs.tasks.Runtime`."""
        found: dict[int, Tenant] = {}
        for installation_id in connections.installations(self.database):
            tenant = self.tenant(installation_id)
            if tenant is not None:
                found[installation_id] = tenant
        return found

    def tenant(self, installation_id: int) -> Tenant | None:
        """One installation with its running policies; None before the first activation."""
        with self.database.transaction(installation_id) as conn:
            return self._tenant(conn, installation_id, connections.listed(conn))

    def _tenant(self, conn: Connection, installation_id: int, rows: Sequence[ConnectionRow]) -> Tenant | None:
        active = policies.running(conn)
        if not active:
            return None
        plans = [self._plan(conn, one.hash, one.name) for one in active]
        running = tuple(
            Running(policy=one, plan=plan, bindings=bindings_in(conn, plan, rows))
            for one, plan in zip(active, plans, strict=True)
        )
        first, reading = running[0], self._reading(active, plans)
        read = first.bindings if len(running) == 1 else bindings_in(conn, reading, rows)
        for row in rows:
            if row.vendor == SALESFORCE:
                self._cache.orgs[row.account_id] = (row.settings.get("user_id"), Names.of(reading.policy))
        return Tenant(
            installation_id=installation_id,
            database=self.database,
            vault=self._vault,
            policy=first.policy,
            plan=first.plan,
            bindings=first.bindings,
            running=running,
            reading=read,
            version=lambda content_hash: self._version(installation_id, content_hash),
            now=BusinessClock.now,
            limits=self._limits,
        )

    def _plan(self, conn: Connection, content_hash: str, name: str) -> Plan:
        found = self._cache.plans.get(content_hash)
        if found is None or found.policy.name != name:
            files = policies.files(conn, content_hash)
            found = self._cache.plans[content_hash] = prepare(load_policy_from(files, name=name))
        return found

    def _version(self, installation_id: int, content_hash: str) -> Plan:
        found = self._cache.plans.get(content_hash)
        if found is None:
            with self.database.transaction(installation_id) as conn:
                found = self._plan(conn, content_hash, policies.name_of(conn, content_hash))
        return found

    def _reading(self, active: Sequence[ActivePolicy], plans: Sequence[Plan]) -> Plan:
        key = tuple(one.hash for one in active)
        found = self._cache.reading.get(key)
        if found is None:
            found = self._cache.reading[key] = reading_plan(plans)
        return found

    def lines(self, tenant: Tenant) -> dict[int, Line]:
        """See `jobs.tasks.Runtime`."""
        with self.database.transaction(tenant.installation_id) as conn:
            rows = connections.listed(conn)
        return {row.id: line for row in rows if (line := self._line(tenant, row)) is not None}

    def line(self, installation_id: int, connection_id: int) -> Line | None:
        """See `jobs.tasks.Runtime`."""
        with self.database.transaction(installation_id) as conn:
            rows = connections.listed(conn)
            tenant = self._tenant(conn, installation_id, rows)
        row = next((one for one in rows if one.id == connection_id), None)
        return self._line(tenant, row) if tenant is not None and row is not None else None

    def _line(self, tenant: Tenant, row: ConnectionRow) -> Line | None:
        if row.status != "active" or row.id not in tenant.reading:
            return None
        return Line(
            tenant=tenant,
            connection_id=row.id,
            binding=tenant.reading[row.id],
            vendor=self._seen_by(tenant, row, tenant.plan.policy),
            vendor_under=partial(self._seen_by, tenant, row),
            unique_keys=frozenset(row.capabilities.get("unique_keys") or ()),
            poll_seconds=self._poll_seconds(row),
            day=day_of_account(row),
            unavailable=frozenset(row.capabilities.get("unavailable") or ()),
            patience=PATIENCE if row.vendor == SALESFORCE else 1.0,
        )

    def vendor(self, row: ConnectionRow) -> HubSpotVendor | SalesforceVendor:
        """The client of one connection, kept: each has its own pool of connections and threads."""
        with self._lock:
            key = (row.installation_id, row.id)
            if key not in self._cache.vendors:
                self._cache.vendors[key] = self._client(row)
            return self._cache.vendors[key]

    def _client(self, row: ConnectionRow) -> HubSpotVendor | SalesforceVendor:
        tokens = SharedTokens(self.database, row.installation_id, row.id, day=day_of_account(row))
        if row.vendor != SALESFORCE:
            return hubspot_vendor(self._hubspot(), row.account_id, tokens=tokens)
        return salesforce_vendor(self._salesforce(), row, database=self.database, vault=self._vault, tokens=tokens)

    def _seen_by(self, tenant: Tenant, row: ConnectionRow, policy: Policy) -> Vendor:
        """The client as the sync sees it under a policy: Salesforce's two kinds of people are one, as all policies map
        them, and hand over as this one says."""
        vendor = self.vendor(row)
        if not isinstance(vendor, SalesforceVendor):
            return vendor
        key = (row.installation_id, row.id, " ".join((policy.name, *(one.policy.hash for one in tenant.running))))
        if key not in self._cache.people:
            read = tenant.reading[row.id].plan.policy
            self._cache.people[key] = salesforce_people(vendor, read, policy)
        return self._cache.people[key]

    def _poll_seconds(self, row: ConnectionRow) -> float | None:
        """Salesforce need not tell of anything: what its messages do tell, they tell sooner."""
        return float(self._salesforce().poll_seconds) if row.vendor == SALESFORCE else None

    def ingest(self, tenants: Mapping[int, Tenant] | None = None) -> int:
        """See `jobs.tasks.Runtime`; without `tenants`, for all that there are."""
        tenants = self.tenants() if tenants is None else tenants
        websites = {t.installation_id: next(iter(t.bindings)) for t in tenants.values() if t.bindings}
        return ingest(
            self.database,
            tenants,
            self._parse,
            Accounts(websites=websites),
            limit=self._limits.inbox_rows,
            lease_seconds=self._limits.lease_seconds,
        )

    def followed(self) -> Followed | None:
        """The org whose change events this installation follows; None: it need not, or not now."""
        settings = self._settings.salesforce
        if settings is None or settings.changes is None:
            return None
        return followed_org(self.database, self._vault, settings)

    def close(self) -> None:
        """Let the vendors' connections go."""
        for vendor in self._cache.vendors.values():
            vendor.close()

    def _parse(self, row: InboxRow) -> list[InboundEvent]:
        if row.source == "hubspot":
            return inbound.parse(row.body, received_at=row.received_at, our_source_ids=self._our_ids())
        if row.source == "hubspot_workflow":
            account_id = str(self._hubspot().portal_id)
            return workflow.parse_workflow(row.body, account_id=account_id, received_at=row.received_at)
        kind, _, source = row.source.partition(":")
        if kind in ("salesforce", "salesforce_callout", changes.SOURCE):
            return self._parse_org(row, kind)
        return website_inbound.parse(row.body, source=source, received_at=row.received_at)

    def _parse_org(self, row: InboxRow, kind: str) -> list[InboundEvent]:
        """What an org tells, of leads and contacts alike as of people."""
        org = row.connection_hint or ""
        us, names = self._cache.orgs.get(org, (None, Names()))
        if kind == "salesforce":
            events = outbound_message.parse(row.body, received_at=row.received_at, our_user_id=us)
        elif kind == changes.SOURCE:
            events = changes.parse(row.body, organization_id=org, received_at=row.received_at)
        else:
            events = callouts.parse(row.body, organization_id=org, received_at=row.received_at, our_user_id=us)
        return [as_person(event, names) for event in events]

    def _our_ids(self) -> frozenset[str]:
        app_id = self._hubspot().app_id
        return frozenset({str(app_id)}) if app_id else frozenset()

    def _hubspot(self) -> HubSpotSettings:
        if self._settings.hubspot is None:
            raise UsageError(
                say("No HubSpot account is set: see TASUKI_HUBSPOT_* in docs/operations.md."), reason="no_hubspot"
            )
        return self._settings.hubspot

    def _salesforce(self) -> SalesforceSettings:
        if self._settings.salesforce is None:
            raise UsageError(
                say("No Salesforce org is set: see TASUKI_SALESFORCE_* in docs/operations.md."), reason="no_salesforce"
            )
        return self._settings.salesforce


def hubspot_vendor(settings: HubSpotSettings, account_id: str, *, tokens: Tokens) -> HubSpotVendor:
    """A client for one portal."""
    return HubSpotVendor(
        account_id=account_id,
        base_url=settings.base_url,
        credentials=FixedToken(settings.access_token),
        tokens=tokens,
        api_version=settings.api_version,
        our_source_ids={str(settings.app_id)} if settings.app_id else (),
    )


def day_of_account(row: ConnectionRow) -> Callable[[datetime], VendorDay]:
    """How this account counts its day: HubSpot from midnight in the portal's zone, Salesforce over 24 hours."""
    if row.vendor == SALESFORCE:
        return rolling_day
    return partial(vendor_day, zone=ZoneInfo(row.capabilities.get("time_zone", "UTC")))

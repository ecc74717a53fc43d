"""A HubSpot portal with its parts: made known to the store, opened, and brought in line with a policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from connector.bootstrap import INSTALLATION, day_of_account, hubspot_vendor
from connector.errors import UsageError
from connector.policy.model import Policy
from connector.settings import HubSpotSettings
from connector.store import connections, quota
from connector.store.clock import BusinessClock
from connector.store.connections import ConnectionRow
from connector.store.database import Database
from connector.sync.provisioned import Look, remember
from connector.sync.tokens import SharedTokens, configure
from connector.texts import joined, listing, say
from connector.vendors.http import MemoryTokens
from connector.vendors.hubspot import provision
from connector.vendors.hubspot.account import account_of, refuse_another
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.provisioning import ProvisionPlan

HUBSPOT_LIMITS = {
    "burst": (190.0, 10.0),
    "search": (5.0, 1.0),
    "associations": (100.0, 10.0),
    "day": (625_000.0, 86_400.0),
}
"""A private app's limits (calls, seconds); of the day we use a share (`HubSpotSettings.day_share`).
Source: developers.hubspot.com, usage guidelines; of the day the answers' headers tell what the account really has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A portal that is known to the store, with a client for it; `now` is business time as of opening it."""

    database: Database
    installation_id: int
    connection_id: int
    vendor: HubSpotVendor
    now: datetime

    @property
    def account_id(self) -> str:
        """The portal's id."""
        return self.vendor.account_id

    def plan(self, policy: Policy) -> ProvisionPlan:
        """What connecting would change in the portal; reads only. Raises `UsageError` for another portal's token."""
        refuse_another(self.vendor)
        return provision.plan(policy, self.vendor)

    def provision(self, plan: ProvisionPlan) -> None:
        """Carry the plan out and remember what the portal can do. Raises `UsageError` for what it cannot hold."""
        _provision(self, plan)


@contextmanager
def open_portal(database: Database, settings: HubSpotSettings) -> Iterator[Portal]:
    """Make the portal known to the store (once) and open a client for it."""
    installation_id = connections.ensure_installation(database, INSTALLATION)
    with database.transaction(installation_id) as conn:
        is_new = connections.account_of(conn, "hubspot", str(settings.portal_id)) is None
    if is_new:  # looked at first: what is known once is looked through by the workers
        with closing(hubspot_vendor(settings, str(settings.portal_id), tokens=MemoryTokens())) as asking:
            refuse_another(asking)
    with database.transaction(installation_id) as conn:
        connection_id = connections.ensure(
            conn,
            installation_id,
            vendor="hubspot",
            account_id=str(settings.portal_id),
            base_url=settings.base_url,
            settings={"api_version": settings.api_version, "task_queues": dict(settings.task_queues)},
        )
        configure(conn, connection_id, HUBSPOT_LIMITS, share=settings.day_share)
        row = next(one for one in connections.listed(conn) if one.id == connection_id)
    with at_portal(database, settings, installation_id, row) as portal:
        yield portal


@contextmanager
def at_portal(
    database: Database, settings: HubSpotSettings, installation_id: int, row: ConnectionRow
) -> Iterator[Portal]:
    """A client for a portal that is known; nothing is made or changed for it."""
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
    tokens = SharedTokens(database, installation_id, row.id, day=day_of_account(row))
    vendor = hubspot_vendor(settings, row.account_id, tokens=tokens)
    try:
        yield Portal(database=database, installation_id=installation_id, connection_id=row.id, vendor=vendor, now=now)
    finally:
        vendor.close()


def connect_hubspot(database: Database, settings: HubSpotSettings, policy: Policy) -> tuple[int, int]:
    """Connect the portal and bring it in line with the policy: properties, options, custom stages, limits, owners.

    Returns (installation id, connection id). Doing it again changes nothing. Raises `UsageError` for what the portal
    cannot hold.
    """
    with open_portal(database, settings) as portal:
        portal.provision(portal.plan(policy))
    return portal.installation_id, portal.connection_id


def _provision(portal: Portal, plan: ProvisionPlan) -> None:
    vendor, now = portal.vendor, portal.now
    if plan.errors:
        listed = listing(joined("", (f"{one.object_type}.{one.property_name}: ", one.message)) for one in plan.errors)
        raise UsageError(say("The portal cannot hold this policy:\n{listed}", listed=listed), reason="provisioning")
    done = provision.apply(plan, vendor, probe_id=f"{portal.installation_id}-{now:%Y%m%d%H%M%S%f}", now=now)
    stages, account = vendor.describe("contact").get("lifecyclestage"), account_of(vendor)
    facts = {
        "stage_orders": {"lifecyclestage": list(stages.options)} if stages else {},
        "pipelines": [asdict(one) for one in vendor.pipelines()],
        "ui_domain": account.ui_domain,
        "time_zone": account.time_zone,
        "outcomes": {kind.value: dict(labels) for kind, labels in vendor.activity_outcomes().items()},
    }
    look = Look(facts=facts, owners=vendor.owners())
    with portal.database.transaction(portal.installation_id) as conn:
        quota.set_zone(conn, portal.connection_id, account.time_zone)
        remember(conn, portal.installation_id, portal.connection_id, plan=plan, done=done, look=look)

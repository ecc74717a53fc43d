"""Builds what belongs to a Salesforce org: its sessions, its client, its connection."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import orjson
import urllib3

from connector.engine.plan import Plan
from connector.errors import RejectedError, RetryableError, UsageError
from connector.policy.model import Policy
from connector.settings_salesforce import SalesforceSettings
from connector.store import connections, credentials
from connector.store.clock import BusinessClock
from connector.store.connections import ConnectionRow
from connector.store.database import Connection, Database
from connector.store.vault import Vault
from connector.sync.following import Followed
from connector.sync.pacing import rolling_day
from connector.sync.provisioned import Look, remember
from connector.sync.tokens import SharedTokens, configure
from connector.texts import joined, listing, say
from connector.vendors.base import ActivityKind
from connector.vendors.http import Timeouts
from connector.vendors.provisioning import Problem, ProvisionPlan
from connector.vendors.salesforce import provision
from connector.vendors.salesforce.client import PATIENT, SalesforceVendor
from connector.vendors.salesforce.dialect import SalesforceDialect
from connector.vendors.salesforce.names import Names
from connector.vendors.salesforce.oauth import ClientCredentials, Grant, JwtBearer, RefreshToken, SessionTokens, Source
from connector.vendors.salesforce.people import SalesforcePeople
from connector.vendors.salesforce.protocol import VENDOR

if TYPE_CHECKING:
    from connector.vendors.salesforce.changes.subscription import Subscription

SALESFORCE_LIMITS: Final = {"burst": (200.0, 10.0), "day": (100_000.0, 86_400.0)}
"""Salesforce bounds what is in flight and the day, not the second: of the day we use a share
(`SalesforceSettings.day_share`). `Sforce-Limit-Info` of the answers tells what the org really has."""

PATIENCE: Final = PATIENT.total_seconds / Timeouts().total_seconds
"""How many times longer than elsewhere a call may be under way."""

SESSION: Final = "salesforce_session"
ORG: Final = "org"
"""How deliveries of the org name it; the settings know one."""

_KEPT: Final = "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keeper:
    """Where the session of a connection is kept: sealed, for every process, renewed by one at a time."""

    database: Database
    vault: Vault
    installation_id: int
    connection_id: int
    settings: SalesforceSettings

    def load(self) -> Grant | None:
        """The session at hand; before the first one, the consent that the settings hold."""
        with self.database.transaction(self.installation_id) as conn:
            sealed = credentials.get(conn, self.connection_id, self.vault, SESSION)
        kept: dict[str, Any] = orjson.loads(sealed) if sealed is not None else {}
        if hmac.compare_digest(str(kept.pop(_KEPT, "")), _mark(self.settings)):
            return Grant(**kept)
        return _consent(self.settings)

    def save(self, grant: Grant) -> None:
        """Keep it, before anybody uses it."""
        with self.database.transaction(self.installation_id) as conn:
            self.put(conn, grant)

    def put(self, conn: Connection, grant: Grant) -> None:
        """The same in the caller's transaction."""
        value = orjson.dumps({**asdict(grant), _KEPT: _mark(self.settings)})
        credentials.put(conn, self.installation_id, self.connection_id, self.vault, SESSION, value)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time asks for a session."""
        with self.database.transaction(self.installation_id) as conn:
            credentials.hold(conn, self.installation_id, self.connection_id, SESSION)
            yield


def source_of(settings: SalesforceSettings) -> Source:
    """The way to a session that the settings give."""
    if settings.private_key is not None and settings.username is not None:
        return JwtBearer(
            login_url=settings.login_url,
            client_id=settings.client_id,
            username=settings.username,
            private_key=settings.private_key,
        )
    if settings.refresh_token is not None:
        return RefreshToken(
            login_url=settings.login_url, client_id=settings.client_id, client_secret=settings.client_secret
        )
    return ClientCredentials(
        base_url=settings.login_url, client_id=settings.client_id, client_secret=settings.client_secret or ""
    )


def salesforce_vendor(
    settings: SalesforceSettings, row: ConnectionRow, *, database: Database, vault: Vault, tokens: SharedTokens
) -> SalesforceVendor:
    """A client for one org, on the session that all processes share."""
    return SalesforceVendor(
        account_id=row.account_id,
        base_url=row.base_url,
        credentials=_sessions(settings, row, database, vault),
        tokens=tokens,
        api_version=settings.api_version,
        user_id=row.settings.get("user_id"),
        allow_duplicates=settings.allow_duplicates,
    )


def _sessions(settings: SalesforceSettings, row: ConnectionRow, database: Database, vault: Vault) -> SessionTokens:
    keeper = _Keeper(
        database=database,
        vault=vault,
        installation_id=row.installation_id,
        connection_id=row.id,
        settings=settings,
    )
    return SessionTokens(source_of(settings), load=keeper.load, save=keeper.save, lock=keeper.lock, clock=machine_clock)


def followed_org(database: Database, vault: Vault, settings: SalesforceSettings) -> Followed | None:
    """The org whose change events are to be followed; None: it is not connected yet, or is paused.

    Raises `UsageError` where what the extra `cdc` installs is missing.
    """
    for installation_id in connections.installations(database):
        with database.transaction(installation_id) as conn:
            rows = connections.listed(conn)
        row = next((one for one in rows if one.vendor == VENDOR and one.status == "active"), None)
        if row is not None:
            return Followed(
                database=database,
                installation_id=installation_id,
                connection_id=row.id,
                account_id=row.account_id,
                stream=org_changes(settings, row, database=database, vault=vault),
            )
    return None


def org_changes(settings: SalesforceSettings, row: ConnectionRow, *, database: Database, vault: Vault) -> Subscription:
    """The stream of an org's changes, on the session that all processes share."""
    made = _subscription_class()

    def now() -> datetime:
        with database.autocommit() as conn:
            return BusinessClock.now(conn)

    return made(
        name=ORG,
        organization_id=row.account_id,
        channel=settings.changes or "",
        address=settings.pubsub,
        sessions=_sessions(settings, row, database, vault),
        clock=now,
        user_id=row.settings.get("user_id"),
    )


def _subscription_class() -> type[Subscription]:
    try:
        from connector.vendors.salesforce.changes.subscription import Subscription
    except ImportError as error:
        raise UsageError(
            say(
                "TASUKI_SALESFORCE_CHANGES needs what the extra `cdc` installs ({missing} is missing): "
                "pip install 'tasuki[cdc]', or leave the setting out.",
                missing=error.name or "",
            ),
            reason="extra_missing",
        ) from error
    return Subscription


def refuse_without_extra(settings: SalesforceSettings | None) -> None:
    """Raise `UsageError` when change events are to be followed and the extra `cdc` is not installed."""
    if settings is not None and settings.changes is not None:
        _subscription_class()


def machine_clock() -> datetime:
    """What Salesforce compares signed assertions with."""
    return datetime.now(UTC)


def salesforce_people(vendor: SalesforceVendor, read: Policy, policy: Policy) -> SalesforcePeople:
    """The org as the sync sees it under a policy; `read` is what all policies that run read together."""
    return SalesforcePeople(vendor, Names.of(read), policy.create_deal)


def salesforce_dialect(plan: Plan, row: ConnectionRow) -> SalesforceDialect:
    """How the org writes things down, for a policy."""
    return SalesforceDialect(
        zone=plan.policy.zone, language=plan.policy.language, base_url=row.base_url, user_id=row.settings.get("user_id")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """An org that is known to the store, with a client for it; `now` is business time as of opening it."""

    database: Database
    installation_id: int
    connection_id: int
    account_id: str
    vendor: SalesforceVendor
    now: datetime
    changes: Subscription | None = None  #: Its change events, where they are to be followed.

    def plan(self, policy: Policy) -> ProvisionPlan:
        """What connecting would change in the org; reads only."""
        plan = provision.plan(policy, self.vendor)
        return replace(plan, problems=(*plan.problems, *_unheard(self.changes)))

    def provision(self, plan: ProvisionPlan) -> None:
        """Carry the plan out and remember what the org can do. Raises `UsageError` for what it cannot hold."""
        _provision(self, plan)


@contextmanager
def open_org(database: Database, vault: Vault, settings: SalesforceSettings, installation_id: int) -> Iterator[Org]:
    """Log in, make the org known to the store (once) and open a client for it."""
    with database.transaction(installation_id) as conn:
        known = next((one for one in connections.listed(conn) if one.vendor == VENDOR), None)
    row = known if known is not None else _first_login(database, vault, settings, installation_id)
    with database.transaction(installation_id) as conn:
        configure(conn, row.id, SALESFORCE_LIMITS, share=settings.day_share)
    with at_org(database, vault, settings, installation_id, row) as org:
        yield org


@contextmanager
def at_org(
    database: Database, vault: Vault, settings: SalesforceSettings, installation_id: int, row: ConnectionRow
) -> Iterator[Org]:
    """A client for an org that is known; nothing is made or changed for it but its session, which is renewed."""
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
    tokens = SharedTokens(database, installation_id, row.id, day=rolling_day)
    vendor = salesforce_vendor(settings, row, database=database, vault=vault, tokens=tokens)
    try:
        yield Org(
            database=database,
            installation_id=installation_id,
            connection_id=row.id,
            account_id=row.account_id,
            vendor=vendor,
            now=now,
            changes=org_changes(settings, row, database=database, vault=vault) if settings.changes else None,
        )
    finally:
        vendor.close()


def _unheard(changes: Subscription | None) -> Iterator[Problem]:
    """What keeps change events from coming. The poll does without them, so nothing is stopped by it."""
    if changes is None:
        return
    try:
        changes.check()
    except (RejectedError, RetryableError) as error:
        yield Problem(
            severity="warning",
            object_type="ChangeEvent",
            property_name=changes.topic,
            reason=error.reason,
            message=error.message,
        )


def connect_salesforce(
    database: Database, vault: Vault, settings: SalesforceSettings, policy: Policy, *, installation_id: int
) -> tuple[int, int]:
    """Connect the org and bring it in line with the policy: fields, access to them, limits, owners.

    Returns (installation id, connection id). Doing it again changes nothing. Raises `UsageError` for what the org
    cannot hold.
    """
    with open_org(database, vault, settings, installation_id) as org:
        org.provision(org.plan(policy))
    return org.installation_id, org.connection_id


def _first_login(database: Database, vault: Vault, settings: SalesforceSettings, installation_id: int) -> ConnectionRow:
    """The session itself says which org this is, where it is, and who we are there."""
    with urllib3.PoolManager(maxsize=1) as pool:
        grant = source_of(settings).ask(_consent(settings), pool=pool, now=machine_clock())
    if grant.account_id is None or grant.user_id is None:
        raise UsageError(say("Salesforce does not say which org this is; try again."), reason="no_org")
    if settings.org_id is not None and settings.org_id[:15] != grant.account_id[:15]:
        raise UsageError(
            say(
                "The app belongs to the org {account_id}, and TASUKI_SALESFORCE_ORG_ID names {org_id}: mend one of "
                "them.",
                account_id=grant.account_id,
                org_id=settings.org_id,
            ),
            reason="other_org",
        )
    with database.transaction(installation_id) as conn:
        connection_id = connections.ensure(
            conn,
            installation_id,
            vendor=VENDOR,
            account_id=grant.account_id,
            base_url=grant.instance_url,
            settings={"user_id": grant.user_id},
        )
        keeper = _Keeper(
            database=database,
            vault=vault,
            installation_id=installation_id,
            connection_id=connection_id,
            settings=settings,
        )
        keeper.put(conn, grant)
        return next(one for one in connections.listed(conn) if one.id == connection_id)


def _provision(org: Org, plan: ProvisionPlan) -> None:
    vendor = org.vendor
    if plan.errors:
        listed = listing(joined("", (f"{one.object_type}.{one.property_name}: ", one.message)) for one in plan.errors)
        raise UsageError(say("The org cannot hold this policy:\n{listed}", listed=listed), reason="provisioning")
    done = provision.apply(plan, vendor)
    outcomes = vendor.activity_outcomes()
    facts = {
        "stage_orders": {},
        "pipelines": [asdict(one) for one in vendor.pipelines()],
        "outcomes": {kind.value: dict(outcomes[kind]) for kind in ActivityKind if kind in outcomes},
    }
    look = Look(facts=facts, owners=vendor.owners())
    with org.database.transaction(org.installation_id) as conn:
        remember(conn, org.installation_id, org.connection_id, plan=plan, done=done, look=look)


def _consent(settings: SalesforceSettings) -> Grant | None:
    """What the settings hold of a session: a person's consent, to be used once."""
    if settings.refresh_token is None or settings.private_key is not None:
        return None
    return Grant(access_token="", instance_url=settings.login_url, refresh_token=settings.refresh_token)


def _mark(settings: SalesforceSettings) -> str:
    """Tells whether a kept session came of these settings: of new ones a new session is asked for."""
    told = (settings.login_url, settings.client_id, settings.username or "", settings.refresh_token or "")
    return blake2b("|".join(told).encode(), digest_size=16).hexdigest()

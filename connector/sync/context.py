"""What every slice of work is given: the installation's store and clock, or one connection with its vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from connector.engine.plan import Plan
from connector.errors import RetryableError
from connector.policy.model import Policy
from connector.store import history
from connector.store.database import Connection, Database
from connector.store.policies import ActivePolicy
from connector.store.vault import Vault
from connector.sync.binding import Binding
from connector.sync.pacing import VendorDay, vendor_day
from connector.vendors.base import Vendor
from connector.vendors.dialect import Dialect

Result = TypeVar("Result")

CONFLICTS = 5
"""How often a slice's last transaction is tried when others hold its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one slice takes on, and how long things may take (seconds)."""

    slice_records: int = 400  #: Leads per read, evaluate or deliver slice: a few vendor batches in flight at once.
    inbox_rows: int = 20  #: Deliveries of up to 100 events.
    lease_seconds: float = 60.0
    settle_seconds: float = 45.0  #: Beyond the time-out of calls and their latest late apply; see `Line.patience`.
    fresh_seconds: float = 2.0  #: Contested properties are not written on an older read than this.
    retry_seconds: float = 2.0
    retry_seconds_most: float = 900.0
    stale_after_seconds: float = 26 * 3600.0  #: Due instants older than this collapse into one evaluation.
    most_failures: int = 8  #: A lead whose evaluation failed so often, a record that stumbled so often, is parked.
    #: What fails for so long, with nothing that passes beside it, is parked where the CRM answers our looks meanwhile.
    most_failing_seconds: float = 24 * 3600.0
    forms_poll_seconds: float = 60.0  #: How often the submissions lists are looked through.
    forms_settle_seconds: float = 10.0  #: So long the poll leaves an unknown address to the events that tell of it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A policy that runs: its version, ready to decide, and bound to every connection by the connection's id."""

    policy: ActivePolicy
    plan: Plan
    bindings: Mapping[int, Binding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One installation, seen under one of its running policies: the first, unless `under` names another.

    A slice that decides or writes parts its leads by the policy that they are under, and does each part under that.
    `now(conn)` reads business time, once a slice.
    """

    installation_id: int
    database: Database
    vault: Vault
    policy: ActivePolicy
    plan: Plan
    bindings: Mapping[int, Binding]  #: by connection id
    running: tuple[Running, ...]  #: Everything that runs, in the order in which it takes leads.
    reading: Mapping[int, Binding]  #: What is read and learnt for all of them, by connection id.
    version: Callable[[str], Plan]  #: Any policy that ever ran, by its hash.
    now: Callable[[Connection], datetime]
    limits: Limits = Limits()

    def under(self, name: str | None) -> Tenant:
        """The same under the running policy of this name; under the first where none of that name runs."""
        if len(self.running) == 1 or self.policy.has(name):
            return self
        found = next((one for one in self.running if one.policy.has(name)), self.running[0])
        return replace(self, policy=found.policy, plan=found.plan, bindings=found.bindings)

    def keep_value(
        self, conn: Connection, *, lead_id: int, at: datetime, field: str, rule: str, actor: str, values: Any
    ) -> None:
        """Put values that a rule chose between into the ledger, encrypted with the lead's own key."""
        wrapped = history.lead_key(conn, lead_id)
        if wrapped is None:
            wrapped = self.vault.new_data_key()
            if not history.set_lead_key(conn, lead_id, wrapped):
                return  # whoever it speaks of was erased meanwhile
        sealed = self.vault.data_key(wrapped).seal(values, about=f"{lead_id}:{field}")
        history.add_value(
            conn, self.installation_id, lead_id=lead_id, at=at, field=field, rule=rule, actor=actor, sealed=sealed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One connection, ready to be called; `binding` is what is read for all policies until `under` narrows it."""

    tenant: Tenant
    connection_id: int
    binding: Binding
    vendor: Vendor
    vendor_under: Callable[[Policy], Vendor]  #: It as it acts for the leads of a policy.
    unique_keys: frozenset[str]  #: The types of records on which the account enforces that our key is unique.
    #: How often people are looked through, where the CRM need not tell of changes by itself; None: it does.
    poll_seconds: float | None = None
    #: The account's day at a moment (business time): when its limit begins anew.
    day: Callable[[datetime], VendorDay] = field(default=partial(vendor_day, zone=ZoneInfo("UTC")))
    unavailable: frozenset[str] = frozenset()  #: Places of `enrol` that the account was found not to have.
    patience: float = 1.0  #: How many times the usual time-out a call may take here.

    @property
    def settle_seconds(self) -> float:
        """So long a create that came to no clear end may still be applied: nobody looks for the record before."""
        return self.tenant.limits.settle_seconds * self.patience

    @property
    def dialect(self) -> Dialect:
        """How this CRM writes things down."""
        return self.binding.dialect

    @property
    def reading(self) -> Binding:
        """What a read of a record asks for: a record is read for all policies, whichever asks."""
        return self.tenant.reading[self.connection_id]

    def under(self, name: str | None) -> Line:
        """The same for the leads that are under this policy."""
        if len(self.tenant.running) == 1:
            return self
        tenant = self.tenant.under(name)
        vendor = self.vendor_under(tenant.plan.policy)
        return replace(self, tenant=tenant, binding=tenant.bindings[self.connection_id], vendor=vendor)


def backoff(limits: Limits, attempts: int) -> float:
    """Seconds to wait before the next attempt: doubling, up to a limit."""
    return float(min(limits.retry_seconds * 2 ** min(attempts, 20), limits.retry_seconds_most))


def conclude(
    tenant: Tenant, work: Callable[[Connection], Result], *, give_back: Callable[[Connection], None]
) -> Result:
    """Run the transaction that ends a slice, again when it met another one on the same rows (a deadlock).

    When the database refuses all the same, the slice's claims are given back (`give_back`): kept, they would rest
    for a whole lease.
    """
    for left in reversed(range(CONFLICTS)):
        try:
            with tenant.database.transaction(tenant.installation_id) as conn:
                return work(conn)
        except RetryableError as error:
            if error.reason == "database_conflict" and left:
                continue
            with tenant.database.transaction(tenant.installation_id) as conn:
                give_back(conn)
            raise
    raise AssertionError("unreachable")

"""A policy bound to the accounts that a company has connected, and whose users are one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connector.bootstrap_salesforce import salesforce_dialect
from connector.engine.plan import Plan
from connector.policy.model import Policy
from connector.store import connections
from connector.store.connections import ConnectionRow
from connector.store.database import Connection
from connector.sync.binding import Binding
from connector.vendors.base import ActivityKind, DealPipeline, DealStage
from connector.vendors.hubspot.dialect import HubSpotDialect
from connector.vendors.hubspot.protocol import UI_DOMAIN
from connector.vendors.salesforce.protocol import VENDOR as SALESFORCE


def bindings_in(conn: Connection, plan: Plan, rows: Sequence[ConnectionRow]) -> dict[int, Binding]:
    """A policy bound to every connection of this installation, by the connection's id."""
    return bindings_of(plan, rows, connections.owner_addresses(conn) if len(rows) > 1 else {})


def bindings_of(
    plan: Plan, rows: Sequence[ConnectionRow], addresses: Mapping[int, Mapping[str, str]] | None = None
) -> dict[int, Binding]:
    """A policy bound to every connection, by the connection's id. `addresses`: connection → user → e-mail address."""
    vendors = frozenset(row.vendor for row in rows)
    wanted = plan.policy.records_in.get("tasks")
    first = next((row.id for row in rows if row.vendor == wanted), rows[0].id if rows else 0)
    people = addresses or {}
    known = {row.id: colleagues_of(people.get(first, {}), people.get(row.id, {})) for row in rows if row.id != first}
    return {
        row.id: _binding(
            plan,
            row,
            partners=vendors - {row.vendor},
            colleagues=known.get(row.id, {}),
            users=frozenset(people.get(row.id, ())) if len(rows) > 1 else None,
        )
        for row in rows
    }


def colleagues_of(first: Mapping[str, str], other: Mapping[str, str]) -> Mapping[str, str]:
    """User of a CRM → the same person's id in the first one, by their address. An address that several users of one CRM
    have names nobody. Both map a user to an address."""
    there, here = (Counter(address.lower() for address in one.values()) for one in (first, other))
    by_address = {address.lower(): user for user, address in first.items() if address and there[address.lower()] == 1}
    return {
        user: by_address[address.lower()]
        for user, address in other.items()
        if address.lower() in by_address and here[address.lower()] == 1
    }


def _binding(
    plan: Plan,
    row: ConnectionRow,
    *,
    partners: frozenset[str],
    colleagues: Mapping[str, str],
    users: frozenset[str] | None,
) -> Binding:
    policy = plan.policy
    return Binding(
        partners=partners,
        colleagues=colleagues,
        users=users,
        our_user=row.settings.get("user_id"),
        plan=plan,
        dialect=salesforce_dialect(plan, row) if row.vendor == SALESFORCE else _hubspot_dialect(policy, row),
        read_only=frozenset(row.capabilities.get("read_only") or ()),
        stage_values=row.stage_values,
        stage_orders=row.capabilities.get("stage_orders", {}),
        pipelines=[_pipeline(raw) for raw in row.capabilities.get("pipelines", ())],
        outcomes={ActivityKind(kind): labels for kind, labels in row.capabilities.get("outcomes", {}).items()},
    )


def _hubspot_dialect(policy: Policy, row: ConnectionRow) -> HubSpotDialect:
    return HubSpotDialect(
        zone=policy.zone,
        language=policy.language,
        task_queues=row.settings.get("task_queues", {}),
        portal_id=row.account_id,
        ui_domain=row.capabilities.get("ui_domain", UI_DOMAIN),
        native_sync=policy.identity.native_sync,
    )


def _pipeline(raw: Mapping[str, Any]) -> DealPipeline:
    stages = tuple(DealStage(**stage) for stage in raw["stages"])
    return DealPipeline(id=raw["id"], label=raw["label"], stages=stages)

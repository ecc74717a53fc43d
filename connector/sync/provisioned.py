"""What is kept of an account that has been brought in line with a policy: the same for every CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.store import connections, policies
from connector.store.database import Connection
from connector.sync.people import store_owners
from connector.vendors.base import Owner
from connector.vendors.provisioning import Provisioned, ProvisionPlan, still_known


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found in the account beside the plan: `facts` are capabilities that every policy shares."""

    facts: Mapping[str, Any]
    owners: Sequence[Owner]


def remember(
    conn: Connection, installation_id: int, connection_id: int, *, plan: ProvisionPlan, done: Provisioned, look: Look
) -> None:
    """Keep it all, have the leads looked through for people of a new account, and go on where it was paused."""
    before = next(row.capabilities for row in connections.listed(conn) if row.id == connection_id)
    if connections.is_another(conn, connection_id):
        policies.walk_again(conn)  # its people are looked for among those whom we know
    capabilities = {**look.facts, **still_known(plan, done, before)}
    connections.remember_provisioning(conn, connection_id, capabilities, done.stage_values)
    store_owners(conn, installation_id, connection_id, look.owners)
    connections.resume(conn, connection_id)  # the account answers: a pause for dead credentials is over

"""Activating a policy is not an event: leads catch up in the background, nothing is started for old ones."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from connector.engine.examples import run_examples
from connector.engine.plan import prepare
from connector.errors import PolicyError
from connector.policy.model import Policy
from connector.store import connections, leads, policies
from connector.store.clock import BusinessClock
from connector.store.database import Database
from connector.sync.context import Tenant
from connector.texts import joined, listing, say

log = structlog.get_logger()

WALK_SLICE = 500
_WALK = "walk"


def activate(database: Database, installation_id: int, policy: Policy, contents: Mapping[str, bytes]) -> bool:
    """Make this policy the running one; False when it already is. What was decided under the old one stands until
    the walker comes by. Raises `PolicyError` when an example of the policy does not hold: then nothing changes."""
    _refuse_failing(policy)
    with database.transaction(installation_id) as conn:
        changed = policies.activate(
            conn,
            installation_id,
            content_hash=policy.hash,
            name=policy.name,
            contents=contents,
            now=BusinessClock.now(conn),
        )
    log.info("policy_activated" if changed else "policy_already_active", policy=policy.name, hash=policy.hash[:12])
    return changed


def _refuse_failing(policy: Policy) -> None:
    failures = run_examples(prepare(policy)).failures
    if failures:
        lines = listing(f"examples.yaml:{one.line}: {one.text(policy.language)}" for one in failures)
        message = joined("\n", (say("The policy does not do what its examples say:"), lines))
        raise PolicyError(message, reason="example_fails")


def walk_slice(tenant: Tenant) -> int:
    """Make due the next leads that an older policy decided; 0: all have caught up."""
    with tenant.database.transaction(tenant.installation_id) as conn:
        position, _ = connections.cursor(conn, 0, _WALK)
        same = position is not None and position.get("generation") == tenant.policy.generation
        after = int(position["after"]) if same and position is not None else 0
        found = leads.walk(
            conn,
            tenant.installation_id,
            generation=tenant.policy.generation,
            after=after,
            limit=WALK_SLICE,
            now=tenant.now(conn),
        )
        after = found[-1] if found else 0
        connections.put_cursor(
            conn,
            tenant.installation_id,
            0,
            kind=_WALK,
            position={"generation": tenant.policy.generation, "after": after},
            again_seconds=0.0,
        )
    return len(found)

"""Which policies run, and in what order. Activating one is not an event: leads catch up in the background, nothing is
started for old ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from connector.engine.examples import run_examples
from connector.engine.plan import prepare
from connector.errors import PolicyError, UsageError
from connector.policy.loader import load_policy_from
from connector.policy.model import Policy
from connector.policy.together import Clash, clashes
from connector.policy.united import own_signals
from connector.store import connections, policies, signals, walking
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.policies import ActivePolicy
from connector.sync.context import Tenant
from connector.texts import Text, joined, listing, say

log = structlog.get_logger()

WALK_SLICE = 500
_WALK = "walk"


def activate(
    database: Database,
    installation_id: int,
    policy: Policy,
    contents: Mapping[str, bytes],
    *,
    before: str | None = None,
    instead: Sequence[str] = (),
) -> bool:
    """Let this policy run; False when it does already. It takes the place of its own former version.

    A policy of a new name runs beside the others, after them, or `before` the one of that name, or `instead` of those.
    What was decided under an older one stands until the walker comes by. Raises `PolicyError` when an example of the
    policy does not hold or it cannot run beside the others: then nothing changes.
    """
    _refuse_failing(policy)
    with database.transaction(installation_id) as conn:
        standing = policies.running(conn)
        order = arranged([one.name for one in standing], policy.name, before=before, instead=instead)
        others = {one.name: _loaded(conn, one) for one in standing if one.name in order and one.name != policy.name}
        together = [others.get(name, policy) for name in order]
        refuse_clashes(clashes(together))
        changed = policies.activate(
            conn,
            installation_id,
            content_hash=policy.hash,
            name=policy.name,
            contents=contents,
            now=BusinessClock.now(conn),
            order=order,
        )
        _part_signals(conn, together, [one.name for one in standing])
    log.info("policy_activated" if changed else "policy_already_active", policy=policy.name, hash=policy.hash[:12])
    return changed


def _part_signals(conn: Connection, together: Sequence[Policy], standing: Sequence[str]) -> None:
    """What policies learn from different things counts for each alone; what is stored was learnt by those that ran."""
    for policy in together:
        own = own_signals(together, policy) if policy.name in standing else frozenset()
        if own:
            signals.belong_to(conn, policy.name, sorted(own))


def deactivate(database: Database, installation_id: int, name: str) -> None:
    """Let a policy rest: its leads pass to those that still run. Raises `UsageError` for one that does not run, and
    for the last one."""
    with database.transaction(installation_id) as conn:
        names = [one.name for one in policies.running(conn)]
        if name not in names:
            raise UsageError(not_running(name, names), reason="unknown_policy")
        if len(names) == 1:
            raise UsageError(
                say(
                    "{name} is the only policy that runs, and nobody would take its leads: activate another one first "
                    "(`tasuki activate DIR --instead {name}`).",
                    name=name,
                ),
                reason="last_policy",
            )
        policies.deactivate(conn, name)
    log.info("policy_deactivated", policy=name)


def arranged(names: Sequence[str], name: str, *, before: str | None, instead: Sequence[str]) -> list[str]:
    """The order of what runs once this policy does. Raises `UsageError` for names that do not run."""
    for other in (*instead, *([before] if before is not None else [])):
        if other not in names or other == name:
            raise UsageError(not_running(other, [one for one in names if one != name]), reason="unknown_policy")
    kept = [one for one in names if one not in instead and one != name]
    if before is not None:
        place = kept.index(before) if before in kept else len(kept)
    elif name in names or instead:
        first = min(names.index(one) for one in (*instead, name) if one in names)
        place = sum(one in kept for one in names[:first])
    else:
        place = len(kept)
    return [*kept[:place], name, *kept[place:]]


def not_running(name: str, names: Sequence[str]) -> Text:
    """That no policy of this name runs, with those that do."""
    return say("No policy {name} runs; running: {names}.", name=name, names=", ".join(names) or say("none"))


def refuse_clashes(found: Sequence[Clash]) -> None:
    """Raise `PolicyError` with everything that keeps these policies from running together."""
    errors = [one.message for one in found if not one.note]
    if errors:
        message = joined("\n", (say("These policies cannot run together:"), listing(errors)))
        raise PolicyError(message, reason="policies_clash")


def _loaded(conn: Connection, one: ActivePolicy) -> Policy:
    return load_policy_from(policies.files(conn, one.hash), name=one.name)


def _refuse_failing(policy: Policy) -> None:
    failures = run_examples(prepare(policy)).failures
    if failures:
        lines = listing(f"examples.yaml:{one.line}: {one.text(policy.language)}" for one in failures)
        message = joined("\n", (say("The policy does not do what its examples say:"), lines))
        raise PolicyError(message, reason="example_fails")


def have_walked(tenant: Tenant, conn: Connection) -> bool:
    """True once everybody who was there when the policies changed last has been decided again, or put off for a read.

    Who came later is not waited for: while people keep coming, somebody is always about to be decided first.
    """
    position = _position(tenant, conn)
    if position is None or position["after"]:
        return False
    return not walking.are_behind(
        conn, generation=tenant.policy.generation, upto=position["upto"], now=tenant.now(conn)
    )


def walk_wanted(tenant: Tenant, conn: Connection) -> bool:
    """True while a slice of the walk would find somebody, or has not begun under what runs now."""
    position = _position(tenant, conn)
    if position is None or position["after"]:
        return True
    return walking.are_left_behind(conn, generation=tenant.policy.generation, now=tenant.now(conn))


def walk_slice(tenant: Tenant) -> int:
    """Make due the next leads that an older policy decided; 0: all have caught up."""
    with tenant.database.transaction(tenant.installation_id) as conn:
        position = _position(tenant, conn)
        if position is None:
            walking.look_again(conn)
            position = {"after": 0, "upto": walking.newest(conn)}
        found = walking.walk(
            conn,
            tenant.installation_id,
            generation=tenant.policy.generation,
            after=position["after"],
            limit=WALK_SLICE,
            now=tenant.now(conn),
        )
        after = found[-1] if found else 0
        connections.put_cursor(
            conn,
            tenant.installation_id,
            0,
            kind=_WALK,
            position={"generation": tenant.policy.generation, "after": after, "upto": position["upto"]},
            again_seconds=0.0,
        )
    return len(found)


def _position(tenant: Tenant, conn: Connection) -> Mapping[str, int] | None:
    """Where the walk under what runs now stands: the last lead that it made due (0: it is through), and the newest
    one that was there when it began; None: it has not begun."""
    position, _ = connections.cursor(conn, 0, _WALK)
    return position if position is not None and position["generation"] == tenant.policy.generation else None

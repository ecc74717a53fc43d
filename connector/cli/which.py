"""Which of several running policies a command speaks of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from connector.bootstrap import Runtime
from connector.errors import UsageError
from connector.policy.model import Pool
from connector.store import policies
from connector.store.database import Connection
from connector.store.policies import ActivePolicy
from connector.sync.activate import not_running
from connector.sync.context import Tenant
from connector.texts import say

Command = TypeVar("Command", bound=Callable[..., Any])


def policy_option(command: Command) -> Command:
    """`--policy NAME`, for what is said of one policy only."""
    return click.option(
        "--policy", "policy_name", metavar="NAME", help="The running policy that is meant; needed where several run."
    )(command)


def tenant_under(runtime: Runtime, installation_id: int, name: str | None) -> Tenant:
    """The installation under the policy that is meant, or `UsageError`."""
    tenant = runtime.tenant(installation_id)
    if tenant is None:
        raise UsageError(say("No policy is running yet: run `tasuki activate DIR`."), reason="no_policy")
    return tenant.under(_chosen([one.policy.name for one in tenant.running], name))


def pools_named(tenant: Tenant, name: str | None) -> list[Pool]:
    """The policy's pool of this name, all of them without one; `UsageError` where there is none."""
    routing = tenant.plan.policy.routing
    if routing is None:
        raise UsageError(say("The running policy has no routing.yaml."), reason="no_routing")
    if name is None:
        return list(routing.pools.values())
    if name not in routing.pools:
        known = ", ".join(routing.pools)
        raise UsageError(
            say("There is no pool {pool!r}; there are: {known}.", pool=name, known=known), reason="unknown_pool"
        )
    return [routing.pools[name]]


def running_policy(conn: Connection, name: str | None) -> ActivePolicy:
    """The running policy that is meant, or `UsageError`."""
    running = policies.running(conn)
    if not running:
        raise UsageError(say("No policy is running yet: run `tasuki activate DIR`."), reason="no_policy")
    chosen = _chosen([one.name for one in running], name)
    return next(one for one in running if one.name == chosen)


def _chosen(names: list[str], name: str | None) -> str:
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise UsageError(
            say("Several policies run: {names}. Say which with --policy NAME.", names=", ".join(names)),
            reason="which_policy",
        )
    if name not in names:
        raise UsageError(not_running(name, names), reason="unknown_policy")
    return name

"""Runs a forecast over the whole base in several processes, and says how far it is."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from multiprocessing import get_context

from rich.console import Console
from rich.progress import Progress

from connector.bootstrap_bindings import bindings_in
from connector.engine.plan import Plan, prepare
from connector.engine.versions import alike
from connector.policy.loader import load_policy_from
from connector.policy.model import Policy
from connector.policy.together import clashes
from connector.policy.versions import apart
from connector.store import connections, policies
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.sync.activate import arranged, refuse_clashes
from connector.sync.binding import Binding
from connector.sync.forecast import Forecast, Running, Shard, forecast, shards
from connector.sync.shown import Showing

_Given = tuple[str, tuple[tuple[str, bytes], ...]]
_Standing = tuple[str, _Given]


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """A policy by its name, as its files."""

    name: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Beside:
    """What would run beside a policy of this name, in order: before it and after it."""

    name: str
    before: Sequence[PolicyFiles] = ()
    after: Sequence[PolicyFiles] = ()


NOBODY = Beside("policy")

SHARDS_A_PROCESS = 16
"""Small enough to show progress and to share the work evenly."""


def forecast_base(
    database: Database,
    installation_id: int,
    files: Mapping[str, bytes],
    *,
    beside: Beside = NOBODY,
    processes: int | None = None,
) -> tuple[Forecast, datetime]:
    """The forecast of a policy over the whole base, `beside` what else would run; and the business time it is of."""
    processes = processes or max(1, len(os.sched_getaffinity(0)))
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
        pieces = shards(conn, processes * SHARDS_A_PROCESS)
        standing = None if beside.before or beside.after else _standing(conn)
    total = Forecast()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("deciding every lead", total=len(pieces))
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            given = tuple(_given(one) for one in (*beside.before, PolicyFiles(beside.name, files), *beside.after))
            running = [
                pool.submit(_shard, database.dsn, installation_id, given, len(beside.before), standing, now, shard)
                for shard in pieces
            ]
            for one in as_completed(running):
                total.add(one.result())
                progress.advance(task)
    return total, now


def would_run_beside(conn: Connection, policy: Policy, *, before: str | None, instead: Sequence[str]) -> Beside:
    """What would run beside this policy if it were activated so. Raises what the activation would raise."""
    running = {one.name: one for one in policies.running(conn)}
    order = arranged(list(running), policy.name, before=before, instead=instead)
    place = order.index(policy.name)
    files = {name: PolicyFiles(name, policies.files(conn, running[name].hash)) for name in order if name != policy.name}
    together = [load_policy_from(files[name].files, name=name) if name != policy.name else policy for name in order]
    refuse_clashes(clashes(together))
    return Beside(
        policy.name,
        [files[name] for name in order[:place]],
        [files[name] for name in order[place + 1 :]],
    )


def _standing(conn: Connection) -> _Standing | None:
    """The policy that runs, with the hash of its version, where it runs alone."""
    running = policies.running(conn)
    if len(running) != 1:
        return None
    (one,) = running
    return one.hash, _given(PolicyFiles(one.name, policies.files(conn, one.hash)))


def _given(one: PolicyFiles) -> _Given:
    return one.name, tuple(one.files.items())


@lru_cache(maxsize=2)
def _ready(given: tuple[_Given, ...]) -> list[Plan]:
    """The policies, read once in each process: that takes as long as a thousand leads."""
    return [prepare(load_policy_from(dict(files), name=name)) for name, files in given]


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a process works with: it is opened and read for its first piece, and kept for the others."""

    database: Database
    bound: Sequence[Mapping[int, Binding]]
    plans: Sequence[Plan]
    running: Running | None


@lru_cache(maxsize=1)
def _ready_for(dsn: str, installation_id: int, given: tuple[_Given, ...], standing: _Standing | None) -> _Ready:
    plans, database = _ready(given), Database.open(dsn)
    atexit.register(database.close)
    with database.transaction(installation_id) as conn:
        rows = connections.listed(conn)
        bound = [bindings_in(conn, one, rows) for one in plans]
    return _Ready(database, bound, plans, _running(standing, given[0], bound[0]) if len(bound) == 1 else None)


def _shard(
    dsn: str,
    installation_id: int,
    given: tuple[_Given, ...],
    new: int,
    standing: _Standing | None,
    now: datetime,
    shard: Shard,
) -> Forecast:
    """One piece, in a process of its own. Leads come and go by the thousand without circles: none are looked for."""
    gc.set_threshold(200_000, 50, 50)
    ready = _ready_for(dsn, installation_id, given, standing)
    return forecast(ready.database, installation_id, ready.bound, ready.plans[new], now, shard, running=ready.running)


def _running(standing: _Standing | None, new: _Given, bound: Mapping[int, Binding]) -> Running | None:
    """The version that runs, where the policy that is planned alone takes its place on one CRM, and differs in formulas
    alone.
    """
    if standing is None or len(bound) != 1:
        return None
    hash_, old = standing
    ((connection_id, binding),) = bound.items()
    differing = apart(dict(old[1]), dict(new[1]))
    if differing is None or old[0] != binding.plan.policy.name:
        return None
    is_alike = alike(_ready((old,))[0], binding.plan, differing)
    return Running(hash_, connection_id, Showing(binding), is_alike, differing.rules) if is_alike is not None else None

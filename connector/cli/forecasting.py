"""Runs a forecast over the whole base in several processes, and says how far it is."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import datetime
from functools import lru_cache
from multiprocessing import get_context

from rich.console import Console
from rich.progress import Progress

from connector.bootstrap import bindings_of
from connector.engine.plan import Plan, prepare
from connector.policy.loader import load_policy_from
from connector.store import connections
from connector.store.clock import BusinessClock
from connector.store.database import Database
from connector.sync.forecast import Forecast, Shard, forecast, shards

SHARDS_A_PROCESS = 16
"""Small enough to show progress and to share the work evenly."""


def forecast_base(
    database: Database, installation_id: int, files: Mapping[str, bytes], *, processes: int | None = None
) -> tuple[Forecast, datetime]:
    """The forecast of a policy over the whole base, and the business time that it is of."""
    processes = processes or max(1, len(os.sched_getaffinity(0)))
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
        pieces = shards(conn, processes * SHARDS_A_PROCESS)
    total = Forecast()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("deciding every lead", total=len(pieces))
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            given = tuple(files.items())
            running = [pool.submit(_shard, database.dsn, installation_id, given, now, shard) for shard in pieces]
            for one in as_completed(running):
                total.add(one.result())
                progress.advance(task)
    return total, now


@lru_cache(maxsize=1)
def _ready(files: tuple[tuple[str, bytes], ...]) -> Plan:
    """The policy, read once in each process: that takes as long as a thousand leads."""
    return prepare(load_policy_from(dict(files)))


def _shard(
    dsn: str, installation_id: int, files: tuple[tuple[str, bytes], ...], now: datetime, shard: Shard
) -> Forecast:
    """One piece, in a process of its own. Leads come and go by the thousand without circles: none are looked for."""
    gc.set_threshold(200_000, 50, 50)
    plan = _ready(files)
    database = Database.open(dsn)
    try:
        with database.transaction(installation_id) as conn:
            bindings = bindings_of(plan, connections.listed(conn))
        return forecast(database, installation_id, bindings, plan, now, shard)
    finally:
        database.close()

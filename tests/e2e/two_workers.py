"""Two workers at once, each with the product's parts of its own, as two processes of one installation have them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from connector.bootstrap import Runtime
from connector.store.clock import BusinessClock
from connector.store.inspection import unfinished
from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.reading import read_slice
from connector.vendors.base import Lane
from tests.e2e.relay import BaseRelay, as_a_job

_PAUSE_SECONDS = 0.02


def work(relay: BaseRelay, *, most_seconds: float = 60.0) -> None:
    """Let both work until nothing is left to do. What one of them raises is raised here."""
    runtimes = [relay.another_process() for _ in range(2)]
    deadline = time.monotonic() + most_seconds
    with ThreadPoolExecutor(len(runtimes)) as pool:
        for worker in [pool.submit(_worker, relay, runtime, deadline) for runtime in runtimes]:
            worker.result()


def _worker(relay: BaseRelay, runtime: Runtime, deadline: float) -> None:
    while _is_busy(relay):
        assert time.monotonic() < deadline, "the workers do not come to rest"
        if not _round(relay, runtime):
            time.sleep(_PAUSE_SECONDS)


def _is_busy(relay: BaseRelay) -> bool:
    with relay.database.transaction(relay.installation_id) as conn:
        return bool(unfinished(conn, BusinessClock.now(conn)))


def _round(relay: BaseRelay, runtime: Runtime) -> int:
    """One slice of every kind, of every connection."""
    tenant = runtime.tenant(relay.installation_id)
    assert tenant is not None
    lines = [*runtime.lines(tenant).values()]
    done = runtime.ingest()
    done += sum(as_a_job(partial(read_slice, line, lane)) for line in lines for lane in Lane)
    done += evaluate_slice(tenant)
    return done + sum(as_a_job(partial(deliver_slice, line, lane)) for line in lines for lane in Lane)

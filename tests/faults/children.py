"""Short-lived workers and receivers: forked from a process that has everything loaded, to be killed by the hundred.

`work` runs in a child. It takes one job after another as the worker does, through the worker's own edge, until
nothing is left to do or until the failpoint that it was given ends it.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from connector import failpoints
from connector.bootstrap import Runtime, open_vault
from connector.bootstrap_salesforce import _Keeper as Keeper
from connector.bootstrap_salesforce import machine_clock, source_of
from connector.engine.plan import Plan, prepare
from connector.errors import AuthError, RetryableError
from connector.jobs.engine import JobTask
from connector.jobs.worker import _guarded
from connector.policy.loader import load_policy
from connector.settings import Settings
from connector.store import connections
from connector.store.database import Database
from connector.store.streams import KIND
from connector.sync.context import Limits, Tenant
from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.reading import read_slice
from connector.vendors.base import Lane
from connector.vendors.salesforce.oauth import SessionTokens
from webhooks.app import create_app
from webhooks.services import Postgres, Services
from webhooks.settings import ReceiverSettings

POLICY = Path(__file__).parents[2] / "mappings" / "b2b-ja"
_PLANS: dict[str, Plan] = {}

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.faults.children_warm"])


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a child is told: the store, the account, how much it takes on, and where it dies."""

    dsn: str
    settings: Settings
    limits: Limits
    installation_id: int
    connection_id: int
    failpoint: str = ""


def run(order: Order) -> bool:
    """Let a worker live; returns whether its failpoint ended it. Any other end is an error."""
    return _lives(work, order)


def freeze(order: Order) -> BaseProcess | None:
    """Let a worker live until it stands still at its failpoint; None when it never came by it."""
    child = context.Process(target=_work_to_be_frozen, args=(order,))
    child.start()
    while child.exitcode is None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                return child
        time.sleep(0.005)
    assert child.exitcode == 0, f"the worker ended with {child.exitcode}"
    return None


def thaw(child: BaseProcess) -> None:
    """Let a frozen worker go on, to its end in good order."""
    os.kill(child.pid or 0, signal.SIGCONT)
    child.join(60)
    assert child.exitcode == 0, f"the worker ended with {child.exitcode}"


def _work_to_be_frozen(order: Order) -> None:
    pytest.MonkeyPatch().setattr(failpoints, "signal", SimpleNamespace(SIGKILL=signal.SIGSTOP))
    work(order)


def run_listener(order: Order, last: int) -> bool:
    """Let a listener live until it has stored the event of this number; returns as `run` does."""
    return _lives(follow, order, last)


def _lives(life: Callable[..., None], *given: object) -> bool:
    child = context.Process(target=life, args=given)
    child.start()
    child.join(60)
    if child.exitcode == -signal.SIGKILL:
        return True
    assert child.exitcode == 0, f"the worker ended with {child.exitcode}"
    return False


def receive(dsn: str, settings: ReceiverSettings, path: str, body: bytes, failpoint: str) -> None:
    """A receiver's process that takes one delivery; anything but a 200 is an error."""
    failpoints.arm(failpoint)
    storage = Postgres(dsn, connections=1)
    services = Services(settings=settings, storage=storage, clock=lambda: datetime.now(UTC), wake=lambda: None)
    assert create_app(services).test_client().post(path, data=body).status_code == 200


def renew(asked: Connection, dsn: str, keeper: dict[str, Any]) -> None:
    """A process that needs a session: told which one was refused, it answers with another. None ends it."""
    with Database.open(dsn, max_size=2) as database:
        vault = open_vault(Settings(home=Path(keeper["home"])))
        kept = Keeper(database=database, vault=vault, **{k: v for k, v in keeper.items() if k != "home"})
        tokens = SessionTokens(
            source_of(keeper["settings"]), load=kept.load, save=kept.save, lock=kept.lock, clock=machine_clock
        )
        while (rejected := asked.recv()) is not None:
            asked.send(_until_given(tokens, rejected))


def _until_given(tokens: SessionTokens, rejected: str) -> str:
    """A session, as a job gets one: what passes is tried again; `dead:` when a person would be called."""
    for _ in range(100):
        try:
            return tokens.renew(rejected)
        except AuthError as error:
            return f"dead: {error.reason}"
        except RetryableError:
            time.sleep(0.05)
    return "dead: too many attempts"


def plan_of(policy_hash: str) -> Plan:
    """The shipped policy, prepared once in the process from which children are forked."""
    if not _PLANS:
        policy = load_policy(POLICY)
        _PLANS[policy.hash] = prepare(policy)
    return _PLANS[policy_hash]


def work(order: Order) -> None:
    """Job after job, until a whole round has found nothing to do."""
    with _running(order) as (runtime, tenant):
        line = runtime.lines(tenant)[order.connection_id]
        slices: list[Callable[[], int]] = [
            runtime.ingest,
            *(partial(read_slice, line, lane) for lane in Lane),
            partial(evaluate_slice, tenant),
            *(partial(deliver_slice, line, lane) for lane in Lane),
        ]
        while sum([_as_a_job(one) for one in slices]):
            pass


def ingest_all(order: Order, deliveries: int | None) -> None:
    """Take in so many deliveries, or all there are."""
    taken = 0
    with _running(order) as (runtime, _):
        while (count := runtime.ingest()) and (deliveries is None or taken + count < deliveries):
            taken += count


def follow(order: Order, last: int) -> None:
    """A listener that stops once it has stored the event of this number, or is killed before."""
    with _running(order) as (runtime, _), Database.open(order.dsn, max_size=2) as database:
        followed = runtime.followed()
        assert followed is not None

        def goes_on() -> bool:
            with database.transaction(order.installation_id) as conn:
                position = connections.cursor(conn, order.connection_id, KIND)[0]
            return position is None or int.from_bytes(bytes.fromhex(position["position"]), "big") < last

        followed.follow(goes_on)


@contextlib.contextmanager
def _running(order: Order) -> Iterator[tuple[Runtime, Tenant]]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # dying is no news here
    failpoints.arm(order.failpoint)
    with Database.open(order.dsn, max_size=4) as database:
        runtime = Runtime(database, order.settings, limits=order.limits)
        yield runtime, _tenant(runtime, database, order.installation_id)
        runtime.close()


def _tenant(runtime: Runtime, database: Database, installation_id: int) -> Tenant:
    with database.transaction(installation_id) as conn:
        row = conn.execute("SELECT hash FROM policy_version WHERE active").fetchone()
    assert row is not None
    runtime._cache.plans[row["hash"]] = plan_of(row["hash"])
    tenant = runtime.tenant(installation_id)
    assert tenant is not None
    return tenant


def _as_a_job(slice_: Callable[[], int]) -> int:
    """One slice through the worker's edge, where a job has ended before the queue hears of it."""
    done: list[int] = []
    _guarded(JobTask(name="slice", run=lambda: done.append(slice_())))()
    return sum(done)

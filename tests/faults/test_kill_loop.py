"""kill -9 of the service, the worker and PostgreSQL at any moment: no acknowledged delivery lost, no task twice.

The product runs as processes of its own; this test is its supervisor, as systemd or a container engine would be. A
few rounds run in `make test`, many in `make soak`.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.cli.demo_proof import rule_of
from connector.cli.shipped import shipped_policy
from connector.cli.stack import Stack, running
from connector.errors import RetryableError
from connector.store import clock
from connector.store.inbox import body_of
from tests.e2e.relay import days_off
from tests.patience import until

SETTLE_SECONDS = 120.0
QUIET_SECONDS = 2.0

_BUSY = """
SELECT (SELECT count(*) FROM inbox WHERE state = 'new')
     + (SELECT count(*) FROM link WHERE read_wanted_at IS NOT NULL
                                     OR desired_revision > confirmed_revision AND parked_reason IS NULL)
     + (SELECT count(*) FROM lead_due WHERE due_at <= now() AND parked_reason IS NULL)
     + (SELECT count(*) FROM managed_record WHERE dirty AND step NOT IN ('settled', 'parked')) AS busy
"""


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Everything running, with a sandbox that sends again soon."""
    home = Path(tempfile.mkdtemp(prefix="tasuki-kill-"))
    home.chmod(0o755)
    options = ["--contacts", "30", "--latency-ms", "20"]
    try:
        with running(home, shipped_policy("b2b-ja"), sandbox_options=options) as made:
            made.sandbox.webhooks(retry_seconds=[0.5, 1.0, 2.0, 4.0], duplicate_rate=0.1, reorder=True)
            _begin_on_a_working_day(made)
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _begin_on_a_working_day(stack: Stack) -> None:
    """The first mail to a newcomer is for the next one."""
    with stack.database.autocommit() as conn:
        if days := days_off(clock.BusinessClock.now(conn), stack.policy.calendar):
            clock.advance_clock(conn, timedelta(days=days))
            stack.sandbox.set_clock(advance_seconds=days * 86_400.0)


@pytest.mark.fault("T1", "T2", "T3")
def test_nothing_acknowledged_is_lost_and_no_task_exists_twice(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    _kill(stack, "work")
    assert stack.processes["work"].poll() is not None
    _supervise(stack)
    assert stack.processes["work"].poll() is None, "the supervisor of this test starts what has ended"
    _ordeal(stack, rounds=6, seed=1)
    record_property("counted", {"kills at random": 6})


@pytest.mark.fault("T1", "T2", "T3")
@pytest.mark.soak
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_nothing_acknowledged_is_lost_in_a_long_loop(
    stack: Stack, seed: int, record_property: Callable[[str, object], None]
) -> None:
    _ordeal(stack, rounds=60, seed=seed)
    record_property("counted", {"kills at random": 60})


@pytest.mark.fault("T3")
@pytest.mark.soak
@pytest.mark.parametrize("quarter", [1, 2, 3, 4])
def test_a_quarter_of_an_hour_of_database_outages(
    stack: Stack, quarter: int, record_property: Callable[[str, object], None]
) -> None:
    """PostgreSQL alone, killed every 5 to 40 seconds; three newcomers a second meanwhile. Nobody starts anything."""
    _outages(stack, record_property, minutes=15, pause=(5.0, 40.0), seed=quarter)


def _outages(
    stack: Stack,
    record_property: Callable[[str, object], None],
    *,
    minutes: float,
    pause: tuple[float, float],
    seed: int,
) -> None:
    dice, began = random.Random(seed), time.monotonic()
    first = {name: process.pid for name, process in stack.processes.items()}
    submitted, enough = list[str](), threading.Event()
    people = threading.Thread(target=_submit, args=(stack, submitted, enough, 0.3))
    people.start()
    outages = 0
    while time.monotonic() - began < minutes * 60:
        time.sleep(dice.uniform(*pause))
        _kill(stack, "postgres")
        outages += 1
    enough.set()
    people.join()
    _settle(stack, 600.0)
    _judge(stack, submitted)
    assert {name: process.pid for name, process in stack.processes.items()} == first, "they go on by themselves"
    record_property("counted", {"minutes of outages": minutes, "outages": outages, "events": len(submitted)})


def _ordeal(stack: Stack, *, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    submitted: list[str] = []
    enough = threading.Event()
    people = threading.Thread(target=_submit, args=(stack, submitted, enough))
    people.start()
    victims: Counter[str] = Counter()
    for _ in range(rounds):
        time.sleep(dice.uniform(0.3, 1.5))
        victim = dice.choice(["serve", "work", "postgres"])
        victims[victim] += 1
        _kill(stack, victim)
        _supervise(stack)
    enough.set()
    people.join()
    _settle(stack)
    _judge(stack, submitted)
    assert sum(victims.values()) == rounds


def _submit(stack: Stack, submitted: list[str], enough: threading.Event, every_seconds: float = 0.1) -> None:
    """Newcomers ask for something, each once and each at its time, until told to stop."""
    number, began = 0, time.monotonic()
    while not enough.wait(max(0.0, began + (number + 1) * every_seconds - time.monotonic())):
        number += 1
        email = f"kill{number}@kaisha.example.co.jp"
        found = stack.sandbox.submit("お問い合わせ", {"email": email, "lastname": "山田"})
        submitted.append(found["contact_id"])


def _kill(stack: Stack, victim: str) -> None:
    if victim != "postgres":
        stack.processes[victim].kill()
        stack.processes[victim].wait()
        return
    named = stack.home / "postgres" / "cluster" / "postmaster.pid"
    # it may just be on its way back from the kill before
    come_back = (FileNotFoundError, IndexError, ProcessLookupError)
    until(lambda: os.kill(int(named.read_text().split()[0]), signal.SIGKILL) is None, 60.0, but=come_back)


def _supervise(stack: Stack) -> None:
    """Start again what has ended, as a supervisor does."""
    for name, process in list(stack.processes.items()):
        if process.poll() is not None:
            stack.start(name, [name])


def _settle(stack: Stack, most_seconds: float = SETTLE_SECONDS) -> None:
    """Return when nothing is left to do; whatever ended meanwhile is started again."""
    deadline = time.monotonic() + most_seconds
    quiet_since: float | None = None
    while time.monotonic() < deadline:
        _supervise(stack)
        if _busy(stack):
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > QUIET_SECONDS:
            return
        time.sleep(0.2)
    raise AssertionError("the relay did not come to rest")


def _busy(stack: Stack) -> bool:
    if not stack.sandbox.wait_webhooks(timeout_seconds=2.0, retries=True):
        return True
    try:
        with stack.database.transaction(stack.installation_id) as conn:
            row = conn.execute(_BUSY).fetchone()
    except RetryableError:
        return True
    return row is None or row["busy"] > 0


def _judge(stack: Stack, submitted: list[str]) -> None:
    """By the sandbox's own records, not by ours."""
    assert stack.sandbox.webhooks()["state"]["given_up"] == 0, "the sender gave up: the service was away for too long"
    acknowledged = {
        str(event)
        for attempt in stack.sandbox.webhook_log(1_000_000)
        if attempt["status"] == 200
        for event in attempt["event_ids"]
    }
    with stack.database.transaction(None) as conn:
        ids = [row["id"] for row in conn.execute("SELECT id FROM inbox WHERE source = 'hubspot'")]
    bodies = [body_of(stack.database, one) or b"" for one in ids]
    stored = {str(event["eventId"]) for body in bodies for event in orjson.loads(body)}
    assert acknowledged - stored == set(), "an acknowledged delivery is gone"

    tasks: list[dict[str, Any]] = stack.sandbox.records("tasks")
    keys = Counter(task["properties"]["tasuki_key"] for task in tasks)
    assert [key for key, count in keys.items() if count > 1] == [], "a task exists twice"
    asked = Counter(
        (contact, rule_of(task["properties"]["tasuki_key"]))
        for task in tasks
        for contact in task["associations"].get("contacts", ())
    )
    expected = [(contact, rule) for contact in submitted for rule in ("mql_call", "mql_first_touch")]
    assert {one: asked[one] for one in expected if asked[one] != 1} == {}, "a call and a first mail each"
    known = set(submitted)
    assert {one for one in asked if one[0] in known} == set(expected), "and nothing else"
    for contact in submitted:
        shown = stack.sandbox.record("contacts", contact)["properties"]
        assert (shown["lifecyclestage"], shown["tasuki_score"]) == ("marketingqualifiedlead", "40")

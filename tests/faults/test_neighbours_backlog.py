"""A backlog of one company and the neighbour's newcomers: two companies on one machine and one PostgreSQL server.

The settings, the receiver and the worker serve one company, so a second one is installed with a service, a worker and a
database of its own; what they share is the server and the machine. Everything runs as the product does: real processes,
a sandbox portal each over HTTP, with its rate limits.

What is judged is a ratio within one run. The neighbour's newcomers come in waves, by turns alone (the busy company's
processes stand still) and beside the backlog, a few seconds each, so that whatever else the machine does meets both
alike. Two waves in which it worked for others for more than two thirds of its time do not count, whatever they showed.
What counts is taken five pairs at a time, p95 over p95, and the median of those: one that was disturbed all the same
decides nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import psycopg
import pytest
from cryptography.fernet import Fernet

from connector.cli.latency import latencies, percentile
from connector.cli.shipped import shipped_policy
from connector.cli.stack import Stack, running
from tests.conftest import fresh_database
from tests.e2e.relay import INQUIRY

BACKLOG = 10_000
BLOCKS, PAIRS = 8, 5
LEAST_BLOCKS, MOST_SECONDS = 4, 1_800.0
OTHERS = 2 / 3
FORMS, EACH_SECONDS = 8, 0.25
HELD_UP = 2.0
AT_ONCE = 1_000
SETTLE_SECONDS = 600.0

TITLES, GRADES = ("課長", "部長"), "CB"

_WAITING = """
SELECT (SELECT count(*) FROM inbox WHERE state = 'new')
     + (SELECT count(*) FROM link WHERE read_wanted_at IS NOT NULL OR desired_revision > confirmed_revision)
     + (SELECT count(*) FROM lead_due WHERE due_at <= now()) AS waiting
"""


@pytest.mark.soak
@pytest.mark.fault("F23")
def test_the_neighbours_newcomers_hardly_wait_for_a_backlog_of_ten_thousand(
    postgres_dsn: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    policy = _graded_by_title(tmp_path / "policy")
    neighbours = _company(postgres_dsn, shipped_policy("b2b-ja"))
    with _company(postgres_dsn, policy) as busy, neighbours as neighbour:
        ratio = _held_up(busy, neighbour)
    assert ratio <= HELD_UP
    record_property("counted", {"backlog": BACKLOG, "% of the p95 alone is the p95 beside it": round(ratio * 100)})


def _held_up(busy: Stack, neighbour: Stack) -> float:
    """The neighbour's p95 beside the backlog over its p95 alone."""
    _change_everybody(busy, TITLES[0])
    _settle(busy)
    assert _graded(busy, GRADES[0]) == BACKLOG
    _wave(neighbour, "first")
    pairs = list[tuple[list[float], list[float]]]()
    ours, title, began, number = _Ours(busy.database.dsn), 0, time.monotonic(), 0
    while len(pairs) < BLOCKS * PAIRS and time.monotonic() - began < MOST_SECONDS:
        if _graded(busy, GRADES[title]) > BACKLOG // 2:
            title = 1 - title
            _change_everybody(busy, TITLES[title])
        number += 1
        before, then = ours.used(), _processors()
        with _standing_still(busy):
            alone = _wave(neighbour, f"alone{number}")
        beside = _wave(neighbour, f"beside{number}")
        assert _waiting(busy) > 0, "the backlog lay beside the last of them too"
        if ours.of_others(before, then) <= OTHERS:
            pairs.append((alone, beside))
    _settle(busy)
    assert _graded(busy, GRADES[title]) == BACKLOG, "all of it is done"
    if len(pairs) < LEAST_BLOCKS * PAIRS:
        pytest.skip(f"the machine worked for others: of {number} pairs of waves {len(pairs)} count")
    blocks = [pairs[first : first + PAIRS] for first in range(0, len(pairs) - PAIRS + 1, PAIRS)]
    return median(_p95(beside for _, beside in block) / _p95(alone for alone, _ in block) for block in blocks)


def _p95(waves: Iterable[Sequence[float]]) -> float:
    return percentile([took for wave in waves for took in wave], 95)


class _Ours:
    """What the processors did for this test: its processes and the server's."""

    def __init__(self, dsn: str) -> None:
        with psycopg.connect(dsn) as conn:
            self._server = int(_stat(conn.info.backend_pid)[1])

    def used(self) -> dict[int, int]:
        """Ticks by process."""
        everybody = (*_family(os.getpid()), *_family(self._server))
        return {one: sum(map(int, stat[11:13])) for one in everybody if (stat := _stat(one))}

    def of_others(self, before: Mapping[int, int], then: tuple[int, int]) -> float:
        """The part of the processors' time since then in which they worked for others, or were the host's."""
        after, (every, idle) = self.used(), _processors()
        ours = sum(after[one] - ticks for one, ticks in before.items() if one in after)
        return 1.0 - (idle - then[1] + ours) / max(1, every - then[0])


def _processors() -> tuple[int, int]:
    """Ticks of all processors, and those in which they had nothing to do."""
    ticks = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def _stat(pid: int) -> list[str]:
    """What the kernel tells of a process, from its state on; nothing once it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


@contextlib.contextmanager
def _standing_still(stack: Stack) -> Iterator[None]:
    """This company's service and worker do nothing meanwhile; its portal then has nothing to answer."""
    everybody = [one for process in stack.processes.values() for one in _family(process.pid)]
    for one in everybody:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in everybody:
            os.kill(one, signal.SIGCONT)


def _family(pid: int) -> list[int]:
    """A process and its children."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(found for child in children for found in _family(int(child)))]
    return []


def _wave(stack: Stack, name: str) -> list[float]:
    """Some newcomers, one after another; seconds from the form of each to their first task, as the portal's ledger has
    it. Returns when all have been worked on."""
    start, began = len(stack.sandbox.ledger()), time.monotonic()
    submitted: dict[str, list[float]] = {}
    for number in range(FORMS):
        time.sleep(max(0.0, began + number * EACH_SECONDS - time.monotonic()))
        found = stack.sandbox.submit(INQUIRY, {"email": f"{name}-{number}@example.co.jp", "lastname": "山田"})
        submitted[str(found["contact_id"])] = [found["submitted_at"] / 1000]
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        rows = stack.sandbox.ledger(since=start)
        tasks = {row["id"]: _whose(stack, row["id"]) for row in rows if row["type"] == "tasks"}
        took = latencies(rows, submitted, tasks).task
        if len(took) == FORMS:
            return list(took)
        time.sleep(0.2)
    raise AssertionError(f"{FORMS - len(took)} of {FORMS} have no task")


def _whose(stack: Stack, task_id: str) -> str:
    """The contact of a task."""
    return next(iter(stack.sandbox.record("tasks", task_id)["associations"].get("contacts", {})), "")


def _graded_by_title(folder: Path) -> Path:
    """The small team's policy with a grade that each change of a title changes: a lead is read, decided and written."""
    shutil.copytree(shipped_policy("small-team"), folder)
    scoring = folder / "scoring.yaml"
    first = "      - {id: grade_a,"
    by_title = "      - {id: grade_title, when: {job_title: {contains_any: [部長]}}, value: B}\n"
    scoring.write_text(scoring.read_text(encoding="utf-8").replace(first, by_title + first), encoding="utf-8")
    return folder


def _change_everybody(stack: Stack, title: str) -> None:
    """A list import that changes every lead of the company."""
    for first in range(0, BACKLOG, AT_ONCE):
        stack.sandbox.import_rows(
            [
                {"email": f"p{number}@example.co.jp", "lastname": "山田", "jobtitle": title}
                for number in range(first, first + AT_ONCE)
            ]
        )


def _waiting(stack: Stack) -> int:
    with stack.database.transaction(stack.installation_id) as conn:
        row = conn.execute(_WAITING).fetchone()
    return int(row["waiting"]) if row else 0


def _settle(stack: Stack) -> None:
    """Until the portal has told everything and nothing has waited for a while."""
    deadline, quiet = time.monotonic() + SETTLE_SECONDS, 0
    while quiet < 3:
        assert time.monotonic() < deadline, "the backlog does not end"
        time.sleep(0.5)
        quiet = 0 if _waiting(stack) else quiet + 1


def _graded(stack: Stack, grade: str) -> int:
    """How many leads show this grade in the portal."""
    rows = stack.sandbox.records("contacts", properties=["tasuki_grade"])
    return sum(row["properties"].get("tasuki_grade") == grade for row in rows)


@contextlib.contextmanager
def _company(postgres_dsn: str, policy: Path) -> Iterator[Stack]:
    """A company with its processes, its portal and its database on this server."""
    home = Path(tempfile.mkdtemp(prefix="tasuki-company-"))
    home.chmod(0o755)
    options = ["--contacts", "0", "--latency-ms", "80"]
    try:
        with fresh_database(postgres_dsn) as dsn:
            variables = {"TASUKI_DATABASE_URL": dsn, "TASUKI_SECRET_KEY": Fernet.generate_key().decode()}
            with running(home, policy, sandbox_options=options, database=variables) as stack:
                yield stack
    finally:
        shutil.rmtree(home, ignore_errors=True)

"""The database goes away under a working worker, and comes back: everything goes on by itself."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from connector.errors import RetryableError
from connector.store import cluster
from connector.store.database import Database
from connector.store.embedded import embedded_database
from connector.store.migrate import migrate

from .conftest import Bench, await_

T = TypeVar("T")


class Outages:
    """A server of this test's own, that can be taken away for as long as it likes."""

    def __init__(self, home: Path, dsn: str) -> None:
        self.home = home
        self.dsn = dsn

    def kill(self) -> None:
        """As by the kernel; returns when the launcher has started it again: until then there is none to be killed."""
        os.kill(self._server(), signal.SIGKILL)
        await_(self._up)

    def begin(self) -> None:
        """Take it away until `end`."""
        os.kill(self._launcher(), signal.SIGSTOP)
        os.kill(self._server(), signal.SIGKILL)
        await_(lambda: not self._processes())  # its children answer for a moment longer

    def end(self) -> None:
        """Give it back."""
        self.relent()
        await_(self._up)

    def relent(self) -> None:
        """Let the launcher go on, whatever a test left it in."""
        os.kill(self._launcher(), signal.SIGCONT)

    def _server(self) -> int:
        return int((self.home / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])

    def _launcher(self) -> int:
        launcher: int = json.loads(cluster.state_file(self.home).read_text())["launcher_pid"]
        return launcher

    def _processes(self) -> list[str]:
        """Every process that works in the data directory."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if entry.readlink() == self.home / "cluster":
                    found.append(entry.parent.name)
        return found

    def _up(self) -> bool:
        try:
            psycopg.connect(self.dsn).close()
        except psycopg.OperationalError:
            return False
        return True


def steadily(ask: Callable[[], T]) -> T:
    """The answer, however often the database goes away meanwhile."""
    answers: list[T] = []
    await_(lambda: answers.append(ask()) or True)  # type: ignore[func-returns-value]
    return answers[0]


@pytest.fixture
def outages() -> Iterator[Outages]:
    """A migrated server of one's own."""
    home = Path(tempfile.mkdtemp(prefix="tasuki-outage-"))
    home.chmod(0o711)
    with embedded_database(home) as dsn:
        migrate(dsn)
        made = Outages(home, dsn)
        yield made
        made.relent()
    with open(cluster.launcher_lock(home), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    shutil.rmtree(home)


@pytest.fixture
def own_bench(outages: Outages) -> Iterator[Bench]:
    """A bench on that server."""
    made = Bench(outages.dsn)
    yield made
    made.close()


@pytest.mark.fault("T3")
def test_worker_stays_and_goes_on_after_an_outage(outages: Outages, own_bench: Bench) -> None:
    worker = own_bench.start_worker()
    own_bench.add("due", 1)
    await_(lambda: own_bench.did("serve", 1))
    own_bench.add("hold", 7)
    own_bench.defer("hold", 7, lock="lane")
    await_(lambda: own_bench.did("begin", 7))
    outages.begin()
    with pytest.raises(RetryableError):
        own_bench.did("serve")
    outages.end()
    steadily(lambda: own_bench.let_go(7))
    steadily(lambda: own_bench.add("due", 2))
    await_(lambda: own_bench.did("serve", 2))
    await_(lambda: own_bench.did("end", 7))
    assert own_bench.did("serve") == [worker.pid] * 2, "the same process, not a new one"
    assert worker.poll() is None


@pytest.mark.fault("T3")
def test_killing_the_database_in_a_loop_serves_everything_once(outages: Outages, own_bench: Bench) -> None:
    """T3, small: the server is killed six times under two workers that serve three hundred pieces of work."""
    with own_bench.database.transaction(None) as conn:
        conn.execute("INSERT INTO due SELECT generate_series(1, 300)")
    workers = [own_bench.start_worker(concurrency=2) for _ in range(2)]
    served = 0
    for _ in range(6):
        await_(lambda served=served: len(own_bench.did("serve")) > served or not _left(own_bench), 60)
        served = steadily(lambda: len(own_bench.did("serve")))
        outages.kill()
    await_(lambda: not _left(own_bench), 60)
    assert len(steadily(lambda: own_bench.did("serve"))) == 300
    assert [worker.poll() for worker in workers] == [None, None]
    await_(lambda: "doing" not in own_bench.statuses())


def test_worker_that_is_stopped_while_the_database_is_away_ends(outages: Outages, own_bench: Bench) -> None:
    worker = own_bench.start_worker()
    own_bench.add("due", 1)
    await_(lambda: own_bench.did("serve", 1))
    outages.begin()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    outages.end()


def test_answer_lost_on_the_way_does_not_take_the_lock_for_ever(outages: Outages, own_bench: Bench) -> None:
    """One connection dies while the worker reports the end of a job; worker and database live on."""
    own_bench.start_worker(fetch_poll_seconds=30)
    own_bench.add("hold", 1)
    own_bench.defer("hold", 1, lock="lane")
    await_(lambda: own_bench.did("begin", 1))
    with own_bench.database.transaction(None) as conn:
        conn.execute("SELECT id FROM procrastinate_jobs FOR UPDATE")  # the report waits for this row
        own_bench.let_go(1)
        await_(lambda: _cut_waiting_report(own_bench))
    own_bench.defer("count", 2, lock="lane")
    await_(lambda: own_bench.did("count", 2))


def _cut_waiting_report(bench: Bench) -> bool:
    query = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'tasuki-worker' AND wait_event_type = 'Lock' AND query LIKE '%finish_job%'
    """
    with bench.database.autocommit() as conn:
        return bool(conn.execute(query).fetchall())


def _left(bench: Bench) -> int:
    with bench.database.autocommit() as conn:
        row = conn.execute("SELECT count(*) AS n FROM due").fetchone()
    assert row is not None
    return int(row["n"])


def test_callers_are_told_at_once_that_the_database_is_away(outages: Outages) -> None:
    """A web thread answers 503 instead of waiting; and is served again without a restart."""
    with Database.open(outages.dsn, max_size=4, checkout_seconds=60.0) as database:
        with database.autocommit() as conn:
            conn.execute("SELECT 1")
        outages.begin()
        for _ in range(6):  # broken connections are found out one by one
            with pytest.raises(RetryableError), database.autocommit() as conn:
                conn.execute("SELECT 1")
        started = time.monotonic()
        with pytest.raises(RetryableError) as refused, database.autocommit() as conn:
            conn.execute("SELECT 1")
        assert time.monotonic() - started < 30, "less than the wait for a connection"
        assert refused.value.reason == "database_away"
        outages.end()
        database.wait_until_up(20)
        with database.autocommit() as conn:
            conn.execute("SELECT 1")

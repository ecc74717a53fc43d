"""Worker processes under fire: killed, frozen, stopped; jobs go on and nobody's job is stolen."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable

import pytest

from .conftest import Bench, await_


def test_worker_killed_with_a_waiter_queued_goes_on(bench: Bench) -> None:
    bench.add("hold", 1)
    first = bench.start_worker()
    bench.defer("hold", 1, lock="lane")
    await_(lambda: bench.did("begin", 1))
    bench.defer("count", 2, lock="lane")
    first.kill()
    second = bench.start_worker()
    bench.let_go(1)
    await_(lambda: bench.did("count", 2))
    assert bench.did("count", 2) == [second.pid]


def test_waiter_of_the_same_kind_takes_over_from_a_killed_worker(bench: Bench) -> None:
    """The case in which procrastinate's retry takes the lock out of service for ever."""
    bench.add("hold", 1)
    first = bench.start_worker()
    bench.defer("hold", 1, lock="lane")
    await_(lambda: bench.did("begin", 1))
    bench.defer("hold", 1, lock="lane")
    first.kill()
    second = bench.start_worker()
    await_(lambda: len(bench.did("begin", 1)) == 2)
    bench.let_go(1)
    await_(lambda: bench.did("end", 1) == [second.pid])
    await_(lambda: bench.statuses() == ["failed"])


def test_end_of_a_locked_job_wakes_its_waiter(bench: Bench) -> None:
    """Without our trigger the waiter would wait for the next poll, here a minute away."""
    bench.start_worker(fetch_poll_seconds=60)
    bench.add("hold", 1)
    bench.defer("hold", 1, lock="lane")
    await_(lambda: bench.did("begin", 1))
    bench.defer("count", 2, lock="lane")
    bench.let_go(1)
    await_(lambda: bench.did("count", 2))  # which is given less than that minute


def test_poll_finds_what_was_never_announced(bench: Bench) -> None:
    bench.start_worker()
    bench.defer("count", 1)
    await_(lambda: bench.did("count", 1))  # the worker is up and idle
    with bench.database.transaction(None) as conn:
        conn.execute("ALTER TABLE procrastinate_jobs DISABLE TRIGGER USER")
        conn.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'count', '{\"key\": 2}')"
        )
        conn.execute("ALTER TABLE procrastinate_jobs ENABLE TRIGGER USER")
    await_(lambda: bench.did("count", 2))


@pytest.mark.fault("F19", "T5")
def test_frozen_worker_is_relieved_and_a_slow_living_one_is_not(bench: Bench) -> None:
    # a living one may be kept from the processor for seconds, and then it looks as if it were frozen
    patient = {"heartbeat_seconds": 0.5, "stale_seconds": 5.0}
    for key in (1, 2):
        bench.add("hold", key)
    frozen = bench.start_worker(**patient)
    bench.defer("hold", 1, lock="frozen's")
    await_(lambda: bench.did("begin", 1))
    frozen.send_signal(signal.SIGSTOP)
    slow = bench.start_worker(**patient)
    bench.defer("hold", 2, lock="slow's")
    await_(lambda: len(bench.did("begin", 1)) == 2)  # the stale time has passed for job 2 as well by then
    with bench.database.autocommit() as conn:
        conn.execute("SELECT pg_sleep(3)")
    assert bench.did("begin", 2) == [slow.pid], "it lives: nobody takes its job"
    frozen.send_signal(signal.SIGCONT)
    for key in (1, 2):
        bench.let_go(key)
    await_(lambda: bench.did("end", 2) == [slow.pid])
    # the one that was frozen has lost its registration; it must notice and be of use again
    slow.send_signal(signal.SIGTERM)
    slow.wait(20)
    bench.defer("count", 3)
    await_(lambda: bench.did("count", 3) == [frozen.pid])


@pytest.mark.fault("F20")
def test_sigterm_lets_running_slices_end_and_takes_no_new_ones(bench: Bench) -> None:
    worker = bench.start_worker(grace_seconds=10)
    bench.add("hold", 1)
    bench.defer("hold", 1)
    await_(lambda: bench.did("begin", 1))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert bench.did("end", 1) == [worker.pid]
    bench.defer("count", 2)
    assert bench.statuses() == ["todo"]


@pytest.mark.fault("F20")
def test_slice_that_outlives_the_grace_time_is_handed_back_at_once(bench: Bench) -> None:
    worker = bench.start_worker()
    bench.defer("cling", 1, lock="lane")
    await_(lambda: bench.did("begin", 1))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert bench.statuses() == ["failed", "todo"], "the next worker need not wait for it to grow stale"


@pytest.mark.fault("F24")
def test_job_of_an_unknown_kind_is_parked_and_the_others_flow(bench: Bench) -> None:
    bench.start_worker()
    bench.defer("not_yet_invented", 1, lock="a")
    bench.defer("count", 2, lock="a")
    await_(lambda: bench.did("count", 2))
    await_(lambda: bench.statuses() == ["failed"])


@pytest.mark.fault("T4")
def test_every_job_runs_once_and_nobody_starves(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    _run_each_once(bench, record_property, workers=4, jobs=1_000)


@pytest.mark.soak
@pytest.mark.fault("T4")
def test_ten_thousand_jobs_run_once_in_twenty_processes(
    bench: Bench, record_property: Callable[[str, object], None]
) -> None:
    _run_each_once(bench, record_property, workers=20, jobs=10_000)


def _run_each_once(bench: Bench, record_property: Callable[[str, object], None], *, workers: int, jobs: int) -> None:
    patient = {"heartbeat_seconds": 4.0, "stale_seconds": 120.0, "rescue_seconds": 30.0}  # nobody is to be rescued here
    started = [bench.start_worker(concurrency=max(1, 32 // workers), **patient) for _ in range(workers)]
    for worker in started:  # all are up before the work comes
        bench.add("due", worker.pid)
    await_(lambda: len(bench.did("serve")) == workers, 300, every=0.2)
    await_(lambda: _at_work(bench) == workers, 300, every=0.2)
    with bench.database.transaction(None) as conn:
        conn.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            " SELECT 'default', 'count', jsonb_build_object('key', n) FROM generate_series(1, %s) n",
            [jobs],
        )
    await_(lambda: not bench.busy(), 1_200, every=0.2)
    done = bench.did("count")
    assert len(done) == jobs
    with bench.database.autocommit() as conn:
        row = conn.execute("SELECT count(DISTINCT key) AS n FROM did WHERE what = 'count'").fetchone()
    assert row == {"n": jobs}
    shares = Counter(done)
    assert len(shares) == workers
    assert min(shares.values()) >= jobs // 100
    record_property("counted", {"jobs": jobs, "processes": workers})


def _at_work(bench: Bench) -> int:
    """How many workers are registered and alive."""
    with bench.database.autocommit() as conn:
        row = conn.execute("SELECT count(*) AS n FROM procrastinate_workers").fetchone()
    return int(row["n"]) if row else 0


@pytest.mark.soak
@pytest.mark.fault("T5", "F19")
def test_five_hundred_jobs_each_of_killed_frozen_and_slow_workers(
    bench: Bench, record_property: Callable[[str, object], None]
) -> None:
    _relieve(bench, record_property, rounds=25, each=20)


def _relieve(bench: Bench, record_property: Callable[[str, object], None], *, rounds: int, each: int) -> None:
    """Each round one worker is killed, one frozen and one slow, with so many jobs each; a fourth one relieves them."""
    # a living one may be kept from the processor for seconds: the proportions stay the product's
    patient = {"heartbeat_seconds": 1.5, "stale_seconds": 6.0, "concurrency": each}
    for number in range(rounds):
        kinds = {name: [number * 1_000 + 100 * n + one for one in range(each)] for n, name in enumerate("kfs")}
        holders = {}
        for name, keys in kinds.items():
            holders[name] = bench.start_worker(**patient)  # its own jobs take all that it can do at once
            for key in keys:
                bench.add("hold", key)
                bench.defer("hold", key, lock=f"lane {key}")
            await_(lambda keys=keys: all(bench.who("begin", keys).values()), 120, every=0.1)
        holders["r"] = bench.start_worker(**patient | {"concurrency": 2 * each})
        holders["k"].kill()
        holders["f"].send_signal(signal.SIGSTOP)
        stuck, slow = [*kinds["k"], *kinds["f"]], kinds["s"]
        # who is frozen within a transaction keeps its locks until the database ends it, after two minutes
        await_(lambda stuck=stuck: all(len(one) >= 2 for one in bench.who("begin", stuck).values()), 300, every=0.1)
        assert bench.who("begin", slow) == {key: [holders["s"].pid] for key in slow}, "stolen from a living worker"
        holders["f"].send_signal(signal.SIGCONT)
        for key in (*stuck, *slow):
            bench.let_go(key)
        ended = {key: [holders["s"].pid] for key in slow}
        await_(lambda slow=slow, ended=ended: bench.who("end", slow) == ended, 120, every=0.1)
        await_(lambda stuck=stuck: all(bench.who("end", stuck).values()), 120, every=0.1)
        for name in "fsr":
            holders[name].send_signal(signal.SIGTERM)
        for name in "fsr":
            holders[name].wait(60)
    assert "doing" not in bench.statuses()
    record_property("counted", {f"jobs of {name} workers": rounds * each for name in ("killed", "frozen", "slow")})


@pytest.mark.fault("T5")
def test_killing_workers_in_a_loop_serves_everything_once(bench: Bench) -> None:
    """T5, small: twelve kills while two hundred pieces of work are served; none lost, none twice."""
    for key in range(200):
        bench.add("due", key)
    workers = [bench.start_worker() for _ in range(2)]
    for _ in range(12):
        before = len(bench.did("serve"))
        await_(lambda before=before: len(bench.did("serve")) > before or len(bench.did("serve")) == 200, 30)
        workers.pop(0).kill()
        workers.append(bench.start_worker())
    await_(lambda: len(bench.did("serve")) == 200, 60)
    with bench.database.autocommit() as conn:
        row = conn.execute("SELECT count(DISTINCT key) AS n FROM did WHERE what = 'serve'").fetchone()
    assert row == {"n": 200}

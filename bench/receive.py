"""How fast deliveries are taken in, beside what the database alone can do.

    python -m bench.receive [--seconds 5] [--rounds 3] [--beside-worker "COMMAND"]

Ten connections send signed HubSpot deliveries of 100 events to the real service (gunicorn, PostgreSQL with fsync), and
ten connections make one plain INSERT a request of the same body into the same server. Both figures, their ratio and the
latency of each are printed; the rounds alternate, so that the machine's mood is shared. What each request cost of the
processors (by whom, and in all) is printed too: on a machine that others use, only this stays comparable. The command
given with `--beside-worker` runs during all of it, with the database in TASUKI_DATABASE_URL.
"""

from __future__ import annotations

import argparse
import os
import selectors
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import psycopg
from cryptography.fernet import Fernet

from connector.store.embedded import embedded_database
from connector.store.migrate import migrate
from connector.vendors.hubspot.inbound import SignatureVersion, sign

CONNECTIONS = 10
EVENTS = 100
SECRET = "bench-client-secret"
PATH = "/webhooks/hubspot"
INSERT = "INSERT INTO inbox (source, headers, body) VALUES ('hubspot', '{}', %b)"


Trees = Mapping[str, int]
"""Who shares the cost of a request: a name for each process whose descendants count with it."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run's deliveries a second, latencies in milliseconds, and each one's cost: microseconds of CPU, by whom."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cost_us: Mapping[str, float]


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    body = delivery_body()
    with tempfile.TemporaryDirectory(prefix="tasuki-bench-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        with embedded_database(Path(folder) / "postgres") as dsn:
            migrate(dsn)
            environment = _environment(dsn)
            with _process(shlex.split(arguments.beside_worker), environment), _service(environment) as (pid, port):
                receiver, database = [], []
                trees = {"client": os.getpid(), "service": pid, "database": _postmaster(Path(folder) / "postgres")}
                deliver(port, body, arguments.seconds, trees)  # both processes are up and warm when it counts
                for number in range(arguments.rounds):
                    database.append(insert_plainly(dsn, body, arguments.seconds, trees))
                    receiver.append(deliver(port, body, arguments.seconds, trees))
                    print(f"round {number + 1} of {arguments.rounds} done", file=sys.stderr)
            stored = _stored(dsn)
    _report(receiver, database, stored, len(body))


def delivery_body() -> bytes:
    """100 property changes, as HubSpot sends them."""
    return orjson.dumps(
        [
            {
                "eventId": 3_000_000_000 + number,
                "subscriptionId": 2_400_000 + number % 20,
                "portalId": 40_012_345,
                "appId": 4_169_410,
                "occurredAt": 1_775_034_000_000 + number,
                "subscriptionType": "contact.propertyChange",
                "attemptNumber": 0,
                "objectId": 70_000_000_000 + number,
                "propertyName": "recent_conversion_date",
                "propertyValue": "1775034000000",
                "changeSource": "FORM",
                "sourceId": "f3b1c6f2-0000-4000-8000-000000000000",
            }
            for number in range(EVENTS)
        ]
    )


def insert_plainly(dsn: str, body: bytes, seconds: float, trees: Trees) -> Run:
    """Ten connections, each in a thread of its own, make one plain INSERT a request, one after another."""
    latencies: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    start = threading.Barrier(CONNECTIONS + 1)
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(mine: list[float]) -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(INSERT, (body,), prepare=True)
                start.wait()
                while not stop.is_set():
                    began = time.perf_counter()
                    connection.execute(INSERT, (body,), prepare=True)
                    mine.append(time.perf_counter() - began)
        except threading.BrokenBarrierError:
            return  # another one failed
        except psycopg.Error as error:
            failures.append(error)
            start.abort()

    threads = [threading.Thread(target=work, args=(mine,)) for mine in latencies]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):
        start.wait()
    began, spent = time.perf_counter(), _cpu_seconds(trees)
    if not start.broken:
        time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return _run([one for mine in latencies for one in mine], time.perf_counter() - began, trees, spent)


def deliver(port: int, body: bytes, seconds: float, trees: Trees) -> Run:
    """Ten connections send one signed delivery after another.

    What sends takes its share of the two cores, and must not be what is measured: one thread waits for all answers,
    and a request is signed once (a signature holds for five minutes; the receiver proves each anew). Another connection
    is opened when an answer came on one that is open, as a sender's pool grows: ten that are opened in one instant may
    all land in one of the service's processes, and the other one rests.
    """
    request = _signed_request(port, body)
    latencies: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as answers:
        sent: dict[socket.socket, float] = {}
        began, spent = time.perf_counter(), _cpu_seconds(trees)
        while (now := time.perf_counter()) < began + seconds:
            if len(sent) < CONNECTIONS:
                connection = stack.enter_context(_connected(port, len(request)))
                answers.register(connection, selectors.EVENT_READ)
                sent[connection] = time.perf_counter()
                connection.sendall(request)
            for key, _ in answers.select(timeout=1.0):
                answer = key.fileobj.recv(4096)
                assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
                assert answer.endswith(b"\r\n\r\n"), "the answer came in pieces"
                now = time.perf_counter()
                latencies.append(now - sent[key.fileobj])
                sent[key.fileobj] = now
                key.fileobj.sendall(request)
        took = now - began
        _drain(answers)
    return _run(latencies, took, trees, spent)


def _connected(port: int, size: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * size)  # sending never waits
    return connection


def _drain(answers: selectors.BaseSelector) -> None:
    """Let what is under way be answered, so that nothing of it falls into the next round."""
    for _ in range(CONNECTIONS):
        for key, _ in answers.select(timeout=1.0):
            answers.unregister(key.fileobj)
        if not answers.get_map():
            return


def _run(latencies: list[float], took: float, trees: Trees, spent: Mapping[str, float]) -> Run:
    every, now = sorted(latencies), _cpu_seconds(trees)
    return Run(
        per_second=len(every) / took,
        p50_ms=1000 * every[len(every) // 2],
        p99_ms=1000 * every[int(len(every) * 0.99)],
        cost_us={name: 1e6 * (now[name] - spent[name]) / len(every) for name in trees},
    )


def _cpu_seconds(trees: Trees) -> dict[str, float]:
    """What each tree of processes has used so far; those of its descendants that ended count too."""
    used: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended
            fields = status.read_text().rpartition(") ")[2].split()
            pid = int(status.parent.name)
            used[pid] = sum(map(int, fields[11:15]))
            children.setdefault(int(fields[1]), []).append(pid)

    def total(pid: int) -> int:
        return used.get(pid, 0) + sum(total(child) for child in children.get(pid, ()) if child not in roots)

    roots = set(trees.values())
    return {name: total(pid) / os.sysconf("SC_CLK_TCK") for name, pid in trees.items()}


def _postmaster(home: Path) -> int:
    return int((home / "cluster" / "postmaster.pid").read_text().split()[0])


def _signed_request(port: int, body: bytes) -> bytes:
    url = f"http://127.0.0.1:{port}{PATH}"
    signed = sign(SignatureVersion.V3, SECRET, "POST", url, body, timestamp_ms=round(time.time() * 1000))
    lines = [f"POST {PATH} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in signed.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def _service(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The service as `tasuki serve` runs it, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    own = environment | {"TASUKI_PORT": str(port), "TASUKI_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:webhooks.gunicorn_conf", "webhooks.wsgi:app"]
    with _process(command, own) as pid:
        _await_ready(port)
        yield pid, port


def _await_ready(port: int) -> None:
    """Until a process of the service answers that it can store."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
                if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    if not command:
        yield 0
        return
    here = Path(sys.executable).parent / command[0]  # `tasuki` stands beside the Python that runs this
    command = [str(here) if here.exists() else command[0], *command[1:]]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield running.pid
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _environment(dsn: str) -> dict[str, str]:
    return {
        **os.environ,
        "TASUKI_DATABASE_URL": dsn,
        "TASUKI_SECRET_KEY": Fernet.generate_key().decode(),
        "TASUKI_HUBSPOT_CLIENT_SECRET": SECRET,
        "TASUKI_HUBSPOT_ACCESS_TOKEN": "bench",
        "TASUKI_HUBSPOT_PORTAL_ID": "40012345",
        "TASUKI_HUBSPOT_BASE_URL": "http://127.0.0.1:9",
        "TASUKI_LOG_LEVEL": "warning",
    }


def _stored(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT count(*) FROM inbox").fetchone()
        return int(found[0]) if found else 0


def _report(receiver: list[Run], database: list[Run], stored: int, size: int) -> None:
    ours, plain = _median(receiver), _median(database)
    print(f"{CONNECTIONS} connections, {EVENTS} events ({size:,} bytes) a delivery, PostgreSQL with fsync")
    print(f"{'':34}{'deliveries/s':>14}{'events/s':>12}{'p50 ms':>9}{'p99 ms':>9}")
    for name, run in (("one plain INSERT a request", plain), ("the receiver, signature and all", ours)):
        print(f"{name:34}{run.per_second:>14,.0f}{run.per_second * EVENTS:>12,.0f}{run.p50_ms:>9.1f}{run.p99_ms:>9.1f}")
        print(f"{'':4}CPU, µs a request: " + ", ".join(f"{who} {cost:,.0f}" for who, cost in run.cost_us.items()))
    ratio = ours.per_second / plain.per_second
    cpu = sum(plain.cost_us.values()) / sum(ours.cost_us.values())
    print(f"by CPU alone, the receiver would reach {cpu:.2f} of the database")
    print(f"ratio {ratio:.2f} (goal: at least 0.50, with p99 under 100 ms); {stored:,} rows stored")


def _median(runs: list[Run]) -> Run:
    return Run(
        per_second=statistics.median(run.per_second for run in runs),
        p50_ms=statistics.median(run.p50_ms for run in runs),
        p99_ms=statistics.median(run.p99_ms for run in runs),
        cost_us={name: statistics.median(run.cost_us[name] for run in runs) for name in runs[0].cost_us},
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside-worker", default="", metavar="COMMAND")
    return parser.parse_args()


if __name__ == "__main__":
    main()

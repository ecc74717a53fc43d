"""How fast deliveries are taken in, beside what the database alone can do.

    python -m bench.receive [--seconds 5] [--rounds 3] [--beside-worker "COMMAND"]

Ten connections send signed HubSpot deliveries of 100 events to the real service (gunicorn, PostgreSQL with fsync), and
ten connections make one plain INSERT a request of the same body into the same server. Both figures, their ratio and the
latency of each are printed; the rounds alternate, so that the machine's mood is shared. The command given with
`--beside-worker` runs during all of it, with the database in TASUKI_DATABASE_URL.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run's deliveries a second and latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    body = delivery_body()
    with tempfile.TemporaryDirectory(prefix="tasuki-bench-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        with embedded_database(Path(folder) / "postgres") as dsn:
            migrate(dsn)
            environment = _environment(dsn)
            with _process(shlex.split(arguments.beside_worker), environment), _service(environment) as port:
                receiver, database = [], []
                for number in range(arguments.rounds):
                    database.append(measure(lambda: _inserter(dsn, body), arguments.seconds))
                    receiver.append(measure(lambda: _sender(port, body), arguments.seconds))
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


def measure(connect: Callable[[], Callable[[], None]], seconds: float) -> Run:
    """Ten threads repeat one request each for `seconds`; a request is made by what `connect` returns."""
    latencies: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    start = threading.Barrier(CONNECTIONS + 1)
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(mine: list[float]) -> None:
        try:
            request = connect()
            request()
            start.wait()
            while not stop.is_set():
                began = time.perf_counter()
                request()
                mine.append(time.perf_counter() - began)
        except threading.BrokenBarrierError:
            return  # another one failed
        except (OSError, psycopg.Error, AssertionError) as error:
            failures.append(error)
            start.abort()

    threads = [threading.Thread(target=work, args=(mine,)) for mine in latencies]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):
        start.wait()
    began = time.perf_counter()
    if not start.broken:
        time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    took = time.perf_counter() - began
    every = sorted(one for mine in latencies for one in mine)
    return Run(
        per_second=len(every) / took,
        p50_ms=1000 * every[len(every) // 2],
        p99_ms=1000 * every[int(len(every) * 0.99)],
    )


def _inserter(dsn: str, body: bytes) -> Callable[[], None]:
    connection = psycopg.connect(dsn, autocommit=True)

    def insert() -> None:
        connection.execute(INSERT, (body,), prepare=True)

    return insert


def _sender(port: int, body: bytes) -> Callable[[], None]:
    """Raw sockets, so that the measuring costs little of the two cores; each request is signed at its own time."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{port}{PATH}"

    def send() -> None:
        stamp = round(time.time() * 1000)
        signed = sign(SignatureVersion.V3, SECRET, "POST", url, body, timestamp_ms=stamp)
        lines = [f"POST {PATH} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in signed.items())]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = connection.recv(4096)
            assert piece, "the service closed the connection"
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200"), answer[:80]

    return send


@contextmanager
def _service(environment: dict[str, str]) -> Iterator[int]:
    """The service as `tasuki serve` runs it, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    own = environment | {"TASUKI_PORT": str(port), "TASUKI_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:webhooks.gunicorn_conf", "webhooks.wsgi:app"]
    with _process(command, own):
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield port


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    if not command:
        yield
        return
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
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
    ratio = ours.per_second / plain.per_second
    print(f"ratio {ratio:.2f} (goal: at least 0.50, with p99 under 100 ms); {stored:,} rows stored")


def _median(runs: list[Run]) -> Run:
    return Run(
        per_second=statistics.median(run.per_second for run in runs),
        p50_ms=statistics.median(run.p50_ms for run in runs),
        p99_ms=statistics.median(run.p99_ms for run in runs),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside-worker", default="", metavar="COMMAND")
    return parser.parse_args()


if __name__ == "__main__":
    main()

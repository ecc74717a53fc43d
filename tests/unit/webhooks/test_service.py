"""The service as it runs: gunicorn with two processes, raw requests, hostile bodies, flat memory."""

from __future__ import annotations

import gzip
import os
import selectors
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connector.store import inbox
from connector.store.database import Database
from connector.store.inbox import InboxState
from tests.unit.webhooks.running_service import PATH, Service, children, rendered, serving

BODY = b'[{"eventId": 1}]'
WARMING_UP = 32
MOST_GROWTH_BYTES = 50 * 1024 * 1024


@pytest.fixture
def service(database_dsn: str, tmp_path: Path) -> Iterator[Service]:
    with serving(database_dsn, tmp_path / "service.log") as running:
        yield running


def _stored(database: Database) -> list[bytes]:
    rows = inbox.listing(database, states=[InboxState.NEW], limit=1_000)
    return [inbox.body_of(database, row.id) or b"" for row in rows]


def test_raw_requests_are_proven_as_sent(service: Service, database: Database) -> None:
    target = PATH + "?a=%20&b=%2F%3f"
    assert service.request(target, BODY, headers=service.signed(BODY, target))[0] == 200
    chunked = service.signed(BODY) | {"Transfer-Encoding": "chunked"}
    lines = [f"POST {PATH} HTTP/1.1", "Host: evil.example", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in chunked.items()]
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert service.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)[0] == 200
    assert service.request(PATH + "/../hubspot", BODY, headers=service.signed(BODY))[0] == 404
    assert service.request(f"http://evil.example{PATH}", BODY, headers=service.signed(BODY))[0] == 401
    assert _stored(database) == [BODY, BODY]


@pytest.mark.fault("F11")
def test_hostile_bodies_are_refused_with_flat_memory(service: Service, database: Database) -> None:
    for _ in range(WARMING_UP):  # both processes have touched what any delivery touches
        service.request(PATH, BODY, headers=service.signed(BODY))
    before = service.memory_bytes()
    large = b"0" * (10 * 1024 * 1024)
    bomb = gzip.compress(b"0" * 100_000_000)
    deep = b"[" * 1_000_000
    for _ in range(8):
        assert service.request(PATH, large, headers=service.signed(b""))[0] == 413
        headers = service.signed(bomb) | {"Content-Encoding": "gzip"}
        assert service.request(PATH, bomb, headers=headers)[0] == 415
        assert service.request(PATH, deep, headers=service.signed(deep))[0] == 200
    endless = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    pieces = b"".join(b"10000\r\n" + b"x" * 65_536 + b"\r\n" for _ in range(64))
    assert service.raw(endless + pieces + b"0\r\n\r\n")[0] == 413
    assert service.memory_bytes() - before < MOST_GROWTH_BYTES
    assert _stored(database) == [*[BODY] * WARMING_UP, *[deep] * 8]


def test_endless_headers_are_refused(service: Service) -> None:
    """By gunicorn itself, as docs/webhooks.md says: its page tells nothing of the service."""
    many = {f"X-{number}": "x" for number in range(1_000)}
    for status, answer in (
        service.request(PATH, BODY, headers={"X-Long": "x" * 100_000}),
        service.request(PATH, BODY, headers=many),
        service.request(PATH + "?" + "x" * 10_000, BODY),
    ):
        assert (status, len(answer) < 400) in ((431, True), (414, True))
        assert not [word for word in (b"python", b"gunicorn", b"tasuki", b"webhooks") if word in answer.lower()]


def test_metrics_speak_for_both_processes(service: Service) -> None:
    for _ in range(40):
        assert service.request(PATH, BODY, headers=service.signed(BODY))[0] == 200
    text = service.request("/metrics", method="GET")[1].decode()
    assert 'tasuki_deliveries_total{outcome="stored",source="hubspot"} 40.0' in text
    assert "tasuki_inbox_waiting 40.0" in text


def test_connections_that_never_rest_leave_none_waiting(service: Service, database: Database) -> None:
    """More of them than there are threads: each is answered again and again."""
    request = rendered(PATH, BODY, service.signed(BODY))
    answered: Counter[int] = Counter()
    with ExitStack() as stack, selectors.DefaultSelector() as answers:
        for number in range(20):
            connection = stack.enter_context(service.connected())
            answers.register(connection, selectors.EVENT_READ, number)
            connection.sendall(request)
        while sum(answered.values()) < 1_000 and (came := answers.select(timeout=10)):
            for key, _ in came:
                assert key.fileobj.recv(4096).startswith(b"HTTP/1.1 200")  # type: ignore[union-attr]
                answered[key.data] += 1
                key.fileobj.sendall(request)  # type: ignore[union-attr]
    assert len(answered) == 20
    assert min(answered.values()) >= 5


def test_requests_sent_ahead_are_all_answered(service: Service, database: Database) -> None:
    request = rendered(PATH, BODY, service.signed(BODY))
    with service.connected() as connection:
        connection.sendall(request * 5)
        came = b""
        while came.count(b"HTTP/1.1 200") < 5 and (more := connection.recv(65_536)):
            came += more
    assert came.count(b"HTTP/1.1 200") == 5
    assert _stored(database) == [BODY] * 5


@pytest.mark.fault("T1")
def test_a_killed_process_loses_nothing_that_was_acknowledged(service: Service, database: Database) -> None:
    acknowledged = 0
    for round_number in range(6):
        for victim in children(service.process.pid)[:1]:
            os.kill(int(victim), signal.SIGKILL)
        for number in range(20):
            body = b'[{"eventId": %d}]' % (round_number * 100 + number)
            try:
                status, _ = service.request(PATH, body, headers=service.signed(body))
            except (OSError, IndexError):
                continue
            acknowledged += status == 200
    assert acknowledged > 60
    assert len(_stored(database)) >= acknowledged

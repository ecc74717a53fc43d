"""One request: what is known when it fails, and how much of an answer is read."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import urllib3

from connector.errors import QuotaError, RetryableError, UncertainError, UsageError
from connector.vendors import http
from connector.vendors.base import Lane
from connector.vendors.flight import Flight
from connector.vendors.http import MemoryTokens, Timeouts, refuse_insecure, send

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answers each connection with a function over the raw socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def start(answer: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    answer(connection)
                except OSError:
                    return

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/x"

    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


def _get(url: str, **timeouts: float) -> http.Answer:
    return send(urllib3.PoolManager(), "GET", url, headers={}, timeouts=Timeouts(**timeouts))


def test_a_closed_port_is_known_not_to_have_been_reached() -> None:
    with pytest.raises(RetryableError) as caught:
        _get("http://127.0.0.1:9/x")
    assert caught.value.reason == "not_connected"


def test_a_cut_without_an_answer_is_uncertain(serve: Serve) -> None:
    with pytest.raises(UncertainError):
        _get(serve(lambda connection: connection.shutdown(socket.SHUT_RDWR)))


def test_silence_is_uncertain_after_the_read_time(serve: Serve) -> None:
    done = threading.Event()
    url = serve(lambda connection: done.wait(5) and None)
    with pytest.raises(UncertainError):
        _get(url, read_seconds=0.1)
    done.set()


def test_half_an_answer_is_uncertain(serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with pytest.raises(UncertainError):
        _get(serve(lambda connection: connection.sendall(head)))


def test_an_answer_without_end_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_RESPONSE_BYTES", 1_000_000)

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    with pytest.raises(UncertainError) as caught:
        _get(serve(flood))
    assert caught.value.reason == "answer_too_large"


def test_a_dripping_answer_is_given_up(serve: Serve) -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b"x")

    with pytest.raises(UncertainError) as caught:
        _get(serve(drip), read_seconds=5, total_seconds=0.3)
    assert caught.value.reason == "answer_too_slow"
    stop.set()


def test_a_redirect_is_an_answer_like_any_other(serve: Serve) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    assert _get(serve(lambda connection: connection.sendall(head))).status == 302


@pytest.mark.parametrize("url", ["http://api.hubapi.com", "ftp://x", "//x", "http://127.0.0.1.evil.example"])
def test_a_token_never_travels_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError):
        refuse_insecure(url)
    assert refuse_insecure("https://api.hubapi.com/") == "https://api.hubapi.com"


def test_memory_tokens_pace_and_refuse() -> None:
    now, waits = [0.0], []
    tokens = MemoryTokens(rates={"burst": (2, 1.0)}, max_wait_seconds=1.0, clock=lambda: now[0], sleep=waits.append)
    for _ in range(4):
        tokens.take("burst", Lane.HOT)
    assert waits == [0.5, 1.0]
    with pytest.raises(QuotaError) as caught:
        tokens.take("burst", Lane.HOT)
    assert caught.value.retry_after_seconds == 1.5
    tokens.block("day", 60)
    with pytest.raises(QuotaError):
        tokens.take("search", Lane.HOT)


def test_a_flight_keeps_the_order_and_the_width() -> None:
    flight = Flight(rate_per_second=19, most=8)
    for _ in range(50):
        flight.observe(0.16)
    assert flight.width == 7
    gate, most, running, lock = threading.Barrier(7), [0], [0], threading.Lock()

    def work(number: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.wait(5)
        with lock:
            running[0] -= 1
        return number * 2

    assert flight.map(work, range(14)) == [number * 2 for number in range(14)]
    assert most[0] == 7
    flight.close()


def test_a_flight_raises_after_the_calls_under_way() -> None:
    flight = Flight()
    ended: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            raise RetryableError("x", reason="x")
        ended.append(number)

    with pytest.raises(RetryableError):
        flight.map(work, range(100))
    assert len(ended) < 99
    flight.close()

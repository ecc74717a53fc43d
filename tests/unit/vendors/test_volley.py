"""Reads side by side in one thread: each answer is its own read's, and a connection that broke is never used again."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector.errors import RetryableError, UncertainError
from connector.vendors.http import Timeouts
from connector.vendors.volley import Volley

Reply = Callable[[socket.socket, str], bool]
Serve = Callable[[Reply], str]


def _ok(connection: socket.socket, path: str) -> bool:
    body = path.encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    return True


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A host that answers each request by a function of its socket and path; False: it lets the connection go."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket, reply: Reply) -> None:
        with connection, contextlib.suppress(ConnectionError):
            while head := connection.recv(65_536):
                if not reply(connection, head.split(b" ", 2)[1].decode()):
                    return

    def accept(reply: Reply) -> None:
        try:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=talk, args=(connection, reply), daemon=True).start()
        except OSError:
            return

    def start(reply: Reply) -> str:
        threading.Thread(target=accept, args=(reply,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/base"

    yield start
    listener.close()


def _volley(url: str) -> Volley:
    return Volley(urllib3.PoolManager(), url, Timeouts(read_seconds=2.0))


def test_answers_belong_to_their_reads_in_whatever_order_they_come_and_connections_are_kept(serve: Serve) -> None:
    first, seen = threading.Event(), set[int]()

    def reply(connection: socket.socket, path: str) -> bool:
        seen.add(connection.fileno())
        if path.endswith("/0"):
            first.wait(5)
        done = _ok(connection, path)
        if path.endswith("/2"):
            first.set()
        return done

    volley = _volley(serve(reply))
    for _ in range(3):
        asked = [volley.ask(f"/{number}", {}) for number in range(3)]
        answers = [one.answer() for one in asked]
        assert [answer.body for answer in answers] == [b"/base/0", b"/base/1", b"/base/2"]
        assert {(answer.status, answer.headers["x-one"]) for answer in answers} == {(200, "1")}
    assert len(seen) == 3, "as many connections as were under way at once"
    volley.close()


def test_what_broke_or_was_dropped_is_not_used_again(serve: Serve) -> None:
    def reply(connection: socket.socket, path: str) -> bool:
        if path.endswith("/half"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            return False
        return _ok(connection, path)

    volley = _volley(serve(reply))
    with pytest.raises(UncertainError):
        volley.ask("/half", {}).answer()
    volley.ask("/unwanted", {}).drop()
    assert not volley.idle
    assert volley.ask("/wanted", {}).answer().body == b"/base/wanted"


def test_a_host_that_let_an_idle_connection_go_is_connected_anew(serve: Serve) -> None:
    closed = threading.Event()

    def reply(connection: socket.socket, path: str) -> bool:
        _ok(connection, path)
        if path.endswith("/last"):
            connection.shutdown(socket.SHUT_RDWR)
            closed.set()
            return False
        return True

    volley = _volley(serve(reply))
    assert volley.ask("/last", {}).answer().status == 200
    assert closed.wait(5)
    assert volley.ask("/next", {}).answer().body == b"/base/next"


def test_a_closed_port_is_known_not_to_have_been_reached() -> None:
    with pytest.raises(RetryableError) as caught:
        _volley("http://127.0.0.1:9").ask("/x", {})
    assert caught.value.reason == "not_connected"


def test_the_pools_certificates_are_asked_for(tmp_path: Path) -> None:
    path = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                with contextlib.suppress(ssl.SSLError), listener.accept()[0] as connection:
                    _ok(connection, connection.recv(65_536).split(b" ", 2)[1].decode())

    threading.Thread(target=serve, daemon=True).start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    trusting = urllib3.PoolManager(cert_reqs=ssl.CERT_REQUIRED, ca_certs=str(path))
    assert Volley(trusting, url, Timeouts()).ask("/x", {}).answer().body == b"/x"
    with pytest.raises(RetryableError):
        Volley(urllib3.PoolManager(cert_reqs=ssl.CERT_REQUIRED), url, Timeouts()).ask("/x", {})
    listener.close()


def _certificate(folder: Path) -> Path:
    """Of this machine's address, signed by itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "one.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path

"""The fence around addresses that an admin gives us: no inner one is reached, by whatever way it is named."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import urllib3

from connector.errors import RejectedError, UsageError
from connector.vendors import http, messenger
from connector.vendors.fence import Fence, is_public
from connector.vendors.http import Timeouts
from connector.vendors.salesforce.session import Session

INNER = (
    # this machine, in every spelling
    "127.0.0.1", "127.8.8.8", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "localhost", "::1", "::",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1",
    # our own networks, and a carrier's
    "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "::ffff:10.0.0.1", "fc00::1", "fd12::1",
    "fe80::1", "fec0::1",
    # what tells a cloud's machines their secrets
    "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
    # tunnels to all of these
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "192.88.99.1",
    "2001:0:7f00:1::1",
    # nobody, or everybody
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "255.255.255.255", "224.0.0.1", "ff02::1",
    "2001:db8::1", "100::1",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2400:cb00::1", "::ffff:8.8.8.8")
HERE = (ip_network("127.0.0.0/8"), ip_network("::1"), ip_network("0.0.0.0"))
HOP = (ip_network("127.0.0.2"),)
"""What stands in for a public machine: another address of this one."""


class Canary:
    """Hears every connection to this machine, and sends askers of /there to itself at 127.0.0.1."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        canary = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canary.heard.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                there = self.path.startswith("/there")
                self.send_response(302 if there else 200)
                self.send_header("Content-Length", "0")
                if there:
                    self.send_header("Location", f"http://127.0.0.1:{canary.port}/inner")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6
            daemon_threads = True

            def server_bind(self) -> None:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                super().server_bind()

            def verify_request(self, request: Any, client_address: Any) -> bool:
                canary.connections += 1
                return True

        self.connections = 0
        self._server = Server(("::", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def one_canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.close()


@pytest.fixture
def canary(one_canary: Canary) -> Canary:
    one_canary.heard.clear()
    one_canary.connections = 0
    return one_canary


def named(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _taken(address: str) -> bool:
    """Whether it went out; some spellings are no address to any service."""
    try:
        return messenger.send(address, "x")
    except RejectedError:
        return False


@pytest.mark.fault("T12")
@pytest.mark.parametrize("host", INNER)
def test_no_inner_address_is_reached_by_any_spelling(canary: Canary, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with Fence().around() as fence:
        with pytest.raises(OSError):  # noqa: PT011 - or nobody knows such a name
            socket.create_connection((host, canary.port), timeout=2)
        with socket.socket(family) as ours, pytest.raises(PermissionError):  # and where nobody resolves it first
            ours.connect((host, canary.port))
        with socket.socket(family, socket.SOCK_DGRAM) as ours, pytest.raises(PermissionError):
            ours.sendto(b"x", (host, canary.port))
    assert len(fence.refused) >= 2
    for scheme in ("json", "http"):
        assert not _taken(f"{scheme}://{named(host)}:{canary.port}/x")
    assert canary.connections == 0


@pytest.mark.fault("T12")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_network_that_is_named_is_reached(canary: Canary, host: str) -> None:
    """And so the canary hears: what the others show is not its deafness."""
    address = f"json://{named(host)}:{canary.port}/x"
    assert messenger.send(address, "x", networks=HERE) is True
    assert canary.heard == ["/x"]
    messenger.refuse_inner(address, HERE)
    with pytest.raises(UsageError, match="TASUKI_NOTICE_NETWORKS"):
        messenger.refuse_inner(address, ())


@pytest.mark.fault("T12")
@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_are_let_through(host: str) -> None:
    assert Fence().lets_through(host)
    address = ip_address(host)
    assert is_public(getattr(address, "ipv4_mapped", None) or address)


@pytest.mark.fault("T12")
def test_mail_and_datagrams_are_fenced_too(canary: Canary) -> None:
    for address in (
        f"mailto://user:secret@127.0.0.1:{canary.port}/?to=a@example.co.jp&from=b@example.co.jp",
        f"rsyslog://127.0.0.1:{canary.port}",
    ):
        with pytest.raises(RejectedError) as refused:
            messenger.send(address, "x")
        assert "secret" not in str(refused.value)
    assert canary.connections == 0


@pytest.mark.fault("T12")
def test_a_redirect_inwards_is_not_followed_and_would_be_refused(canary: Canary) -> None:
    asked = f"json://127.0.0.2:{canary.port}/there"
    assert messenger.send(asked, "x", networks=HOP) is False
    assert canary.heard == ["/there"]
    with pytest.raises(RejectedError):  # an address may demand it
        messenger.send(f"{asked}?redirect=yes", "x", networks=HOP)
    assert canary.heard == ["/there", "/there"]
    assert messenger.send(f"{asked}?redirect=yes", "x", networks=HERE) is True
    assert canary.heard[-1] == "/inner", "it leads there, where it may"


@pytest.mark.fault("T12")
def test_a_name_that_leads_elsewhere_the_second_time_is_refused(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = "127.0.0.2" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = f"json://rebinding.example:{canary.port}/x"
    messenger.refuse_inner(address, HOP)
    with pytest.raises(RejectedError):
        messenger.send(address, "x", networks=HOP)
    assert asked == ["rebinding.example"] * 2
    assert canary.connections == 0


@pytest.mark.fault("T12")
def test_a_service_of_its_own_host_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tokens stand where others have a host, and are nobody's to ask a name server for."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("looked up"))
    messenger.refuse_inner("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", ())


@pytest.mark.fault("T12")
def test_the_crms_clients_follow_no_redirect(canary: Canary) -> None:
    url = f"http://127.0.0.1:{canary.port}/there"
    assert http.send(urllib3.PoolManager(), "GET", url, headers={}).status == 302
    session = Session(
        f"http://127.0.0.1:{canary.port}", timeouts=Timeouts(), most_connections=1, allow_duplicates=False
    )
    assert session.request("GET", url.replace("http:", "https:")).status_code == 302
    assert canary.heard == ["/there", "/there"]


@pytest.mark.fault("T12")
def test_nothing_is_fenced_that_stands_outside(canary: Canary) -> None:
    """The database and the CRM's stand-in are inner too, and in the same process."""
    with Fence().around():
        other = threading.Thread(target=lambda: socket.create_connection(("127.0.0.1", canary.port)).close())
        other.start()
        other.join()
    socket.create_connection(("127.0.0.1", canary.port)).close()
    with socket.socket() as ours:
        ours.connect(("127.0.0.1", canary.port))

"""A fence around addresses that an admin gives us: nothing inner is reached, whatever the address says.

    with Fence(networks).around() as fence:
        …                       # any library may connect here: HTTP, mail, datagrams
    if fence.refused: …         # the inner addresses that it was about to reach

Judged is what a socket is about to be connected to, after every resolution and redirect, by Python's own audit events:
a name cannot point elsewhere between the look and the call. Networks of one's own are let through when they are named.
Threads that are started with a copy of the context are fenced too; others are not.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Taken for public by some Pythons, and yet a protocol's own or the inner side of a cloud (Azure) or of a tunnel
#: (NAT64, 6to4 and its relays).
_INNER = (
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("168.63.129.16/32"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("2001::/23"),
    ipaddress.IPv6Network("2002::/16"),
)


class Fence:
    """What may be reached: every public address, and these networks."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)
        self.refused: list[str] = []

    @contextlib.contextmanager
    def around(self) -> Iterator[Fence]:
        """Put it up around what happens in the block."""
        _listen()
        before = _standing.set(self)
        try:
            yield self
        finally:
            _standing.reset(before)

    def lets_through(self, host: object) -> bool:
        """Whether this address, as a socket is given it, may be reached. A name is none: nobody knows what it is."""
        try:
            address = ipaddress.ip_address(host if isinstance(host, str) else "")
        except ValueError:
            return False
        inner = getattr(address, "ipv4_mapped", None) or address
        return is_public(inner) or any(inner in network for network in self._networks)

    def refuses(self, name: str) -> str | None:
        """The first address behind a name that may not be reached; None when there is none, or no such name."""
        try:
            found = socket.getaddrinfo(name.strip("[]"), None)
        except OSError:
            return None
        addresses = [str(one[4][0]) for one in found]
        return next((one for one in addresses if not self.lets_through(one)), None)


def is_public(address: Address) -> bool:
    """True for an address of one machine out in the world."""
    if address.is_multicast or not address.is_global or any(address in network for network in _INNER):
        return False
    return address.version == 4 or address in _UNICAST


_standing: ContextVar[Fence | None] = ContextVar("fence", default=None)


@functools.cache
def _listen() -> None:
    """Hear of every connection of this process from now on; an audit hook cannot be taken away again."""
    sys.addaudithook(_hear)


def _hear(event: str, given: tuple[object, ...]) -> None:
    if event not in _CONNECTING:
        return
    fence = _standing.get()
    if fence is None:
        return
    target = given[1] if len(given) > 1 else None
    host = target[0] if isinstance(target, tuple) and target else target
    if not fence.lets_through(host):
        fence.refused.append(str(host))
        raise PermissionError("an address within our own network")

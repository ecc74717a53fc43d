"""One HTTP exchange between the sockets and a stand-in vendor, and what the sockets need of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs


@dataclass(kw_only=True)
class Request:
    """One HTTP request as read from the socket."""

    method: str
    #: path and query as sent
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""


@dataclass(kw_only=True)
class Outcome:
    """What the socket does: an answer, or none."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: close the connection without an answer
    cut: bool = False
    #: before that, wait so long or until the client leaves
    hold_seconds: float = 0.0
    #: claim this length although fewer bytes follow; then close
    claimed_length: int | None = None


class Answering(Protocol):
    """Something that answers requests: a stand-in's API, or its control API."""

    def handle(self, request: Request) -> Outcome:
        """Answer one request."""


class Stand(Answering, Protocol):
    """A stand-in vendor."""

    def close(self) -> None:
        """Stop its timers and what it sends."""


def form(body: bytes) -> dict[str, str]:
    """A form's values; the last one of a name that stands there twice."""
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}

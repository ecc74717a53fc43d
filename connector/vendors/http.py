"""HTTP as the vendors' clients need it: one request, bounded in time and size, told apart by what is known afterwards.

Also the vendor-neutral interfaces that a client is given: `Tokens` (the connection's shared rate limits) and
`TokenProvider` (its access token).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    SSLError,
)

from connector.errors import QuotaError, RetryableError, UncertainError, UsageError
from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.wire import storable_json

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
TOTAL_SECONDS = 30.0
MAX_RESPONSE_BYTES = 32 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Tokens(Protocol):
    """The connection's shared rate limits. Kinds: `burst`, `search`, `associations`; `day` is only ever blocked."""

    def take(self, kind: str, lane: Lane) -> None:
        """Return when one request of this kind may go out, or raise `QuotaError` when that takes too long."""

    def take_some(self, kind: str, lane: Lane, most: int) -> int:
        """The same for up to `most` requests that go out at once; returns for how many, one at least."""

    def observe(self, kind: str, headers: Mapping[str, str]) -> None:
        """Learn from the rate headers of an answer (names in lower case)."""

    def block(self, kind: str, seconds: float) -> None:
        """The vendor refused for its limit: nothing of this kind goes out for so long. `day` blocks every kind."""


class TokenProvider(Protocol):
    """Where a client has its access token from."""

    def token(self) -> str:
        """A token that is valid as far as we know. Raises `AuthError` when there is none to be had."""

    def renew(self, rejected: str) -> str:
        """The vendor refused `rejected`: another token, or `AuthError` when there is no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One complete HTTP answer. Header names are lower case; the body is decompressed and bounded."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body as JSON, fit to be stored; None for an empty one. ValueError for HTML or a truncated body."""
        if not self.body:
            return None
        return orjson.loads(storable_json(self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, for an answer as a whole."""

    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    total_seconds: float = TOTAL_SECONDS


def refuse_insecure(base_url: str) -> str:
    """`base_url` without its last slash; raises `UsageError` unless it is https or on this machine."""
    address = urlsplit(base_url)
    if address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOOPBACK):
        return base_url.rstrip("/")
    raise UsageError(say("The CRM's address must begin with https://"), reason="base_url_insecure")


def send(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeouts: Timeouts = Timeouts(),
) -> Answer:
    """One request, no retry, no redirect.

    Raises `RetryableError` when the request cannot have reached the vendor, and `UncertainError` when it may have:
    a time-out or a cut after sending, or an answer that never ends.
    """
    began = time.monotonic()
    try:
        response = pool.request(
            method,
            url,
            body=body,
            headers=dict(headers),
            timeout=urllib3.Timeout(connect=timeouts.connect_seconds, read=timeouts.read_seconds),
            preload_content=False,
            redirect=False,
            retries=False,
        )
    except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
        raise RetryableError(say("The CRM cannot be reached."), reason="not_connected") from error
    except (HTTPError, OSError) as error:
        raise UncertainError("The connection broke before an answer came.", reason="connection_lost") from error
    try:
        content = read_bounded(response, began + timeouts.total_seconds)
    except (HTTPError, OSError) as error:
        response.close()
        raise UncertainError("The connection broke within the answer.", reason="connection_lost") from error
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=content,
        seconds=time.monotonic() - began,
    )


def read_bounded(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The whole body; its connection can be used again."""
    pieces = iter(lambda: response.read1(CHUNK_BYTES, decode_content=True), b"")
    content = gathered(pieces, response.close, deadline)
    response.release_conn()
    return content


def gathered(pieces: Iterable[bytes], close: Callable[[], object], deadline: float) -> bytes:
    """A body as it comes, so that neither a drip nor a flood holds us: what goes too far is closed and uncertain."""
    found: list[bytes] = []
    size = 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size > MAX_RESPONSE_BYTES:
            close()
            raise UncertainError("The answer has no end.", reason="answer_too_large")
        if time.monotonic() > deadline:
            close()
            raise UncertainError("The answer took too long.", reason="answer_too_slow")
    return b"".join(found)


@dataclass(slots=True)
class _Bucket:
    capacity: float
    per_second: float
    tokens: float
    refilled_at: float
    blocked_until: float = 0.0


@dataclass(slots=True)
class MemoryTokens:
    """`Tokens` of one process, for tests, benchmarks and one-off commands; workers share theirs in the database.

    `rates` maps a kind to (requests, per seconds); a kind that is absent is not limited.
    """

    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    max_wait_seconds: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, kind: str, lane: Lane) -> None:
        """Wait for a token, at most `max_wait_seconds`; then `QuotaError`."""
        wait = self._reserve(kind)
        if wait > 0:
            self.sleep(wait)

    def take_some(self, kind: str, lane: Lane, most: int) -> int:
        """One by one: nothing is shared that would be asked less often."""
        self.take(kind, lane)
        return 1

    def observe(self, kind: str, headers: Mapping[str, str]) -> None:
        """Headers teach this implementation nothing."""

    def block(self, kind: str, seconds: float) -> None:
        """Nothing of this kind for so long; `day` blocks every kind."""
        with self._lock:
            bucket = self._bucket(kind)
            bucket.blocked_until = max(bucket.blocked_until, self.clock() + seconds)

    def _reserve(self, kind: str) -> float:
        """Take one token, in debt if need be; how long to wait until it is there."""
        with self._lock:
            now = self.clock()
            bucket = self._bucket(kind)
            bucket.tokens = min(bucket.capacity, bucket.tokens + (now - bucket.refilled_at) * bucket.per_second)
            bucket.refilled_at = now
            wait = max(bucket.blocked_until - now, self._bucket("day").blocked_until - now, 0.0)
            wait = max(wait, (1 - bucket.tokens) / bucket.per_second if bucket.tokens < 1 else 0.0)
            if wait > self.max_wait_seconds:
                raise QuotaError(
                    say("The CRM's limit is used up for now; the work goes on when its window turns."),
                    reason="quota",
                    retry_after_seconds=wait,
                )
            bucket.tokens -= 1
            return wait

    def _bucket(self, kind: str) -> _Bucket:
        if kind not in self._buckets:
            requests, seconds = self.rates.get(kind, (1e9, 1.0))
            self._buckets[kind] = _Bucket(requests, requests / seconds, requests, self.clock())
        return self._buckets[kind]


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that never changes: a private app's."""

    value: str = field(repr=False)

    def token(self) -> str:
        """The token."""
        return self.value

    def renew(self, rejected: str) -> str:
        """There is no other one."""
        from connector.errors import AuthError

        raise AuthError(
            say("HubSpot refuses the access token; make a new one in the private app and connect again."),
            reason="token_refused",
        )

"""Several reads of one host under way at once, in one thread: each is sent on a connection of its own, and its answer
is taken when it is its turn.

A pool sends a request and waits for its answer in one step: eight under way take eight threads, and each wakes, cold,
for every piece of its answer. Here answers wait in their sockets, and a round of them is read in one go. Connections,
TLS settings and answers are urllib3's, as the pool would have them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from connector.errors import RetryableError, UncertainError
from connector.texts import say
from connector.vendors.http import Answer, Timeouts, read_bounded

_TLS = ("cert_reqs", "ca_certs", "ca_cert_dir", "cert_file", "key_file", "assert_hostname", "ssl_context")


@dataclass(slots=True)
class Asked:
    """A read that is under way. Its answer is taken once, or it is dropped."""

    connection: HTTPConnection
    volley: Volley
    sent_at: float

    def answer(self) -> Answer:
        """Wait for it. Raises `UncertainError` as `http.send` does; reading is made again by the caller."""
        began = time.monotonic()
        try:
            response = self.connection.getresponse()
            content = read_bounded(response, began + self.volley.timeouts.total_seconds)
        except (HTTPException, HTTPError, OSError) as error:
            self.drop()
            raise UncertainError("The connection broke before the answer's end.", reason="connection_lost") from error
        except UncertainError:
            self.drop()
            raise
        self.volley.idle.append(self.connection)
        headers = {name.lower(): value for name, value in response.headers.items()}
        seconds = time.monotonic() - self.sent_at
        return Answer(status=response.status, headers=headers, body=content, seconds=seconds)

    def drop(self) -> None:
        """Nobody wants the answer any more."""
        self.connection.close()


class Volley:
    """Sends reads to the host of `base_url`, with the TLS settings of this pool. Safe to share between threads."""

    def __init__(self, pool: urllib3.PoolManager, base_url: str, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.idle: deque[HTTPConnection] = deque()
        self._address = urlsplit(base_url)
        settings = pool.connection_pool_kw
        self._tls: dict[str, Any] = {name: settings[name] for name in _TLS if settings.get(name) is not None}

    def ask(self, path: str, headers: Mapping[str, str]) -> Asked:
        """Send a GET. Raises `RetryableError` when it cannot have reached the host, `UncertainError` when it may."""
        connection = self._connection()
        try:
            connection.request("GET", self._address.path + path, headers=headers, preload_content=False)
        except (HTTPException, HTTPError, OSError) as error:
            connection.close()
            raise UncertainError("The connection broke within the request.", reason="connection_lost") from error
        connection.timeout = self.timeouts.read_seconds
        return Asked(connection, self, time.monotonic())

    def close(self) -> None:
        """Close the connections that are idle."""
        while self.idle:
            self.idle.pop().close()

    def _connection(self) -> HTTPConnection:
        """One that is idle and stands, or a new one."""
        try:
            connection = self.idle.pop()
        except IndexError:
            return self._new()
        if not connection.is_connected:  # the host let it go meanwhile
            connection.close()
            return self._new()
        return connection

    def _new(self) -> HTTPConnection:
        host, port, seconds = self._address.hostname or "", self._address.port, self.timeouts.connect_seconds
        connection: HTTPConnection
        if self._address.scheme == "https":
            connection = HTTPSConnection(host, port, timeout=seconds, **self._tls)
        else:
            connection = HTTPConnection(host, port, timeout=seconds)
        try:
            connection.connect()
        except (HTTPError, OSError) as error:
            connection.close()
            raise RetryableError(say("The CRM cannot be reached."), reason="not_connected") from error
        return connection

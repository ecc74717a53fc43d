"""The sockets: HTTP/1.1 with keep-alive on loopback, one thread a connection."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import socketserver
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connector.sandbox.exchange import Answering, Outcome, Request, Stand

MAX_BODY = 32 * 1024 * 1024
_REASONS = http.client.responses | {423: "Locked", 477: "Migration In Progress"}


class SandboxHandler(BaseHTTPRequestHandler):
    """Reads requests, writes outcomes; knows nothing of any vendor."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SandboxServer

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self._write(Outcome(status=413))
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            base_url=self.server.base_url,
        )
        if self.path.startswith("/control"):
            outcome = self.server.control.handle(request)
        else:
            outcome = self.server.service.handle(request)
        if outcome.cut:
            self._cut(outcome.hold_seconds)
        else:
            self._write(outcome)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _body(self) -> bytes | None:
        """The request's body, sent whole or in chunks; None for one that is too large."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            return None if length > MAX_BODY else self.rfile.read(length) if length else b""
        pieces: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
            if sum(map(len, pieces)) > MAX_BODY:
                return None
        self.rfile.readline()
        return b"".join(pieces)

    def _write(self, outcome: Outcome) -> None:
        """Head and body in one packet."""
        length = len(outcome.body) if outcome.claimed_length is None else outcome.claimed_length
        lines = [f"HTTP/1.1 {outcome.status} {_REASONS.get(outcome.status, 'Unknown')}", f"Date: {self.server.date()}"]
        lines += [f"{name}: {value}" for name, value in outcome.headers.items()]
        if outcome.status != 204:
            lines.append(f"Content-Length: {length}")
        if outcome.claimed_length is not None or self.close_connection:
            lines.append("Connection: close")
            self.close_connection = True
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + outcome.body)

    def _cut(self, hold_seconds: float) -> None:
        """Say nothing until the client leaves or the time is up, then close."""
        deadline = time.monotonic() + hold_seconds
        while not self.server.stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.2))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                break
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: the call counters tell more."""


class SandboxServer(ThreadingHTTPServer):
    """The listening socket with the service behind it."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, host: str, port: int, service: Stand, control: Answering) -> None:
        self.service = service
        self.control = control
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._date = (0, "")
        super().__init__((host, port), SandboxHandler)
        self.base_url = f"http://{host}:{self.server_address[1]}"
        self._thread: threading.Thread | None = None

    def server_bind(self) -> None:
        """Without the reverse DNS look-up of HTTPServer, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)

    def date(self) -> str:
        """The Date header, made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that closing the server closes it."""
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients leave in the middle of faults: that is what faults are for. Anything else is shown."""

        if not isinstance(sys.exc_info()[1], ConnectionError | ValueError | TimeoutError):
            super().handle_error(request, client_address)

    def start(self) -> None:
        """Serve in a daemon thread."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, cut every connection, stop webhooks."""
        self.stopping.set()
        self._stop_serving()
        self.server_close()
        with self._guard:
            for connection in list(self._connections):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        self.service.close()
        if self._thread is not None:
            self._thread.join(5.0)

    def _stop_serving(self) -> None:
        """A call wakes the loop, which would look only at its next turn whether it shall end."""
        ending = threading.Thread(target=self.shutdown)
        ending.start()
        with contextlib.suppress(OSError):
            socket.create_connection((self.server_name, self.server_port), 1.0).close()
        ending.join()

"""The webhook service as its own process (gunicorn with two workers), and raw requests to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from connector.cli.stack import free_port
from connector.vendors.hubspot.inbound import SignatureVersion, sign
from tests.patience import until

SECRET = "client-secret"
PATH = "/webhooks/hubspot"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def request(
        self, target: str, body: bytes = b"", *, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, bytes]:
        return self.raw(rendered(target, body, {"Connection": "close"} | (headers or {}), method))

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to these bytes."""
        with self.connected() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was read
                connection.sendall(request)
            answer = b""
            while True:
                try:
                    piece = connection.recv(65_536)
                except ConnectionResetError:
                    break
                if not piece:
                    break
                answer += piece
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), content

    def connected(self) -> socket.socket:
        """An open connection to the service."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def signed(self, body: bytes, target: str = PATH) -> dict[str, str]:
        stamp = round(time.time() * 1000)
        url = f"http://127.0.0.1:{self.port}{target}"
        return sign(SignatureVersion.V3, SECRET, "POST", url, body, timestamp_ms=stamp)

    def memory_bytes(self) -> int:
        """What the service's processes hold together."""
        pids = [str(self.process.pid), *children(self.process.pid)]
        return sum(_resident(pid) for pid in pids)


def rendered(target: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    """A request as it goes over the wire."""
    given = {"Host": "x", "Content-Length": str(len(body))} | headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _resident(pid: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def serving(dsn: str, log: Path, **environment: str) -> Iterator[Service]:
    """The service on this database, ready; it must end in order. gunicorn's own words go to `log`."""
    port = free_port()
    told = os.environ | {
        "TASUKI_DATABASE_URL": dsn,
        "TASUKI_SECRET_KEY": Fernet.generate_key().decode(),
        "TASUKI_PORT": str(port),
        "TASUKI_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TASUKI_HUBSPOT_CLIENT_SECRET": SECRET,
        "TASUKI_HUBSPOT_ACCESS_TOKEN": "token",
        "TASUKI_HUBSPOT_PORTAL_ID": "1",
        "TASUKI_HUBSPOT_BASE_URL": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:webhooks.gunicorn_conf", "webhooks.wsgi:app"]
    with log.open("wb") as words:
        process = subprocess.Popen(command, env=told | environment, stderr=words)
    running = Service(port=port, process=process, log=log)
    try:
        _until_ready(running)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def _until_ready(service: Service) -> None:
    def is_ready() -> bool:
        assert service.process.poll() is None, "the service did not start"
        return service.request("/readyz", method="GET")[0] == 200

    until(is_ready, 30.0, every=0.05, but=(OSError,))

"""A sandbox for each test, raw HTTP to it, and a receiver for its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import urllib3

from connector.sandbox.handle import SandboxHandle, start_sandbox


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)


@dataclass
class Api:
    """Raw HTTP with the private app's token."""

    sandbox: SandboxHandle
    token: str = ""
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, maxsize=4))

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = 10.0,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        given = {"Authorization": f"Bearer {self.token or self.sandbox.token}", "Content-Type": "application/json"}
        raw = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        reply = self.pool.request(
            method,
            self.sandbox.base_url + path,
            body=raw,
            headers={**given, **(headers or {})},
            timeout=urllib3.Timeout(total=timeout),
            redirect=False,
        )
        return Answer(reply.status, dict(reply.headers), reply.data)

    def contact(self, **properties: str) -> str:
        """Make a contact; gives its id."""
        made = self("POST", "/crm/v3/objects/contacts", {"properties": properties})
        assert made.status == 201, made.data
        return str(made.json["id"])

    def read(self, type_name: str, record_id: str, *names: str) -> dict[str, Any]:
        """Properties of one record."""
        found = self("GET", f"/crm/v3/objects/{type_name}/{record_id}?properties={','.join(names)}")
        assert found.status == 200, found.data
        return dict(found.json["properties"])


@pytest.fixture
def sandbox() -> Iterator[SandboxHandle]:
    with start_sandbox(contacts=0, auto_associate="off") as handle:
        yield handle


@pytest.fixture
def peopled() -> Iterator[SandboxHandle]:
    with start_sandbox(contacts=120, limits_enabled=False) as handle:
        yield handle


@pytest.fixture
def api(sandbox: SandboxHandle) -> Api:
    return Api(sandbox)


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(orjson.loads(self.body))


class Receiver:
    """Takes webhooks; `answer` decides the status of each POST."""

    def __init__(self) -> None:
        self.posts: list[Received] = []
        self.answer: Callable[[Received], int] = lambda _: 200
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                with receiver.arrived:
                    receiver.posts.append(got)
                    receiver.arrived.notify_all()
                self.send_response(receiver.answer(got))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/hubspot?source=a%20b%2Fc"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for post in self.posts for event in post.events]

    def wait_posts(self, number: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.posts) >= number, 5)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(sandbox: SandboxHandle) -> Iterator[Receiver]:
    found = Receiver()
    sandbox.webhooks(target_url=found.url, linger_seconds=0.01)
    yield found
    found.close()

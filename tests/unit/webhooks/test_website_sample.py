"""The samples of docs/webhooks.md work as they are printed: a page's server, and a shell."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3
from werkzeug.serving import make_server

from connector.cli.stack import free_port
from connector.store.inbox import Delivery
from connector.vendors.base import EventKind
from connector.vendors.website.inbound import parse
from tests.patience import until
from webhooks.app import create_app
from webhooks.services import Services
from webhooks.settings import ReceiverSettings

GUIDE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "0123456789abcdef0123456789abcdef"


class Kept:
    """A storage in memory."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []

    def add(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def try_out(self) -> None:
        """There is always room."""

    def depth(self) -> int:
        return len(self.deliveries)

    def streams(self) -> tuple[()]:
        return ()

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def service(kept: Kept) -> Iterator[str]:
    """The receiver on a real port, with the real time."""
    settings = ReceiverSettings(public_url="http://127.0.0.1", form_secrets={"website": (SECRET,)})
    services = Services(settings=settings, storage=kept, clock=lambda: datetime.now(UTC), wake=lambda: None)
    server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


def _sample(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found[-1])


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_websites_server_sends_a_form(service: str, kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "website.mjs").write_text(_sample("js"), encoding="utf-8")
    port = free_port()
    environment = os.environ | {"TASUKI_URL": service, "TASUKI_SECRET": SECRET, "PORT": str(port)}
    website = subprocess.Popen([shutil.which("node") or "node", "website.mjs"], cwd=tmp_path, env=environment)
    try:
        _await(port)
        fields = {"email": "Hanako@example.co.jp", "lastname": "髙﨑", "company": "株式会社サンプル"}
        answer = urllib3.PoolManager().request(
            "POST",
            f"http://127.0.0.1:{port}/document-request",
            fields=fields,
            encode_multipart=False,
            redirect=False,
            retries=False,
        )
    finally:
        website.terminate()
        website.wait(10)
    assert answer.status == 303
    [delivery] = kept.deliveries
    [event] = parse(delivery.body, source="website", received_at=datetime.now(UTC))
    assert (event.kind, event.type_name) == (EventKind.SUBMITTED, "website_form")
    assert event.submission is not None
    assert (event.submission.form_name, event.submission.email) == ("document_request", "hanako@example.co.jp")
    assert event.submission.values["lastname"] == "髙﨑"


@pytest.mark.skipif(shutil.which("openssl") is None or shutil.which("curl") is None, reason="no openssl or curl")
def test_the_shell_sample_is_taken(service: str, kept: Kept) -> None:
    environment = os.environ | {"TASUKI_URL": service, "TASUKI_SECRET": SECRET}
    done = subprocess.run(["bash", "-c", _sample("sh")], env=environment, capture_output=True, check=True, timeout=30)
    assert b" 200 OK" in done.stdout
    assert len(kept.deliveries) == 1


def _await(port: int) -> None:
    def answers() -> bool:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True

    until(answers, 15.0, every=0.05, but=(OSError,))

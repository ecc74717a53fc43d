"""The real webhook service on a thread, so that the sandbox's signed deliveries reach a test's inbox."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server

from connector.store.database import Database
from connector.store.inbox import Delivery, add
from webhooks.app import create_app
from webhooks.services import Services, machine_clock
from webhooks.settings import ReceiverSettings, SalesforceSender

SECRET = "sandbox-app-secret"  # the sandbox's own, known to all


class _Inbox:
    """`webhooks.services.Storage` over the test's own database pool."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, delivery: Delivery) -> None:
        add(self._database, delivery)

    def depth(self) -> int:
        return 0

    def streams(self) -> tuple[()]:
        return ()

    def close(self) -> None:
        """The pool is the test's."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def receiver(database: Database, salesforce: Mapping[str, SalesforceSender] | None = None) -> Iterator[str]:
    """The address of a running webhook service, which takes in the messages of these orgs too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        settings = ReceiverSettings(public_url=url, hubspot_secrets=(SECRET,), salesforce=salesforce or {})
        services = Services(settings=settings, storage=_Inbox(database), clock=machine_clock, wake=lambda: None)
        app = create_app(services)
        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet, fd=listener.fileno())
    # its end waits for it to look whether it shall end: half a second by default
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

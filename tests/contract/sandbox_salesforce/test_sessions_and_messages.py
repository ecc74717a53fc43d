"""Sessions that end, limits, outbound messages until they are acknowledged, and the people of both worlds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connector.sandbox.handle import start_sandbox
from connector.sandbox.salesforce.handle import SalesforceHandle, start_salesforce
from connector.vendors.salesforce import inbound

from .conftest import Api


def test_a_session_ends_when_it_has_rested_and_says_so_only_then(api: Api, sandbox: SalesforceHandle) -> None:
    for _ in range(3):
        sandbox.set_clock(advance_seconds=7000)
        assert api("GET", "/limits").status == 200
    sandbox.set_clock(advance_seconds=7201)
    found = api("GET", "/limits")
    assert (found.status, found.json) == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )
    got = api.token_endpoint(
        grant_type="client_credentials", client_id=sandbox.client_id, client_secret=sandbox.client_secret
    )
    assert got.status == 200
    assert "expires_in" not in got.json
    assert api.token_endpoint(grant_type="password", username="a", password="b").status == 400


def test_the_day_rolls(api: Api, sandbox: SalesforceHandle) -> None:
    sandbox.settings(daily_max=2, session_seconds=1_000_000)
    assert [api.query("SELECT Id FROM Lead").status for _ in range(3)] == [200, 200, 403]
    assert api.query("SELECT Id FROM Lead").json[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    sandbox.set_clock(advance_seconds=86_401)
    assert api.query("SELECT Id FROM Lead").headers["Sforce-Limit-Info"] == "api-usage=1/2"


class Listener:
    """Takes outbound messages; `answer` decides what is said."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answer: Callable[[bytes], tuple[int, bytes]] = lambda _: (200, inbound.answer())
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.bodies.append(body)
                status, told = listener.answer(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener(sandbox: SalesforceHandle) -> Iterator[Listener]:
    found = Listener()
    sandbox.messages(linger_seconds=0.01)
    sandbox.message_action("Lead", found.url, ["Email", "Title", "SystemModstamp", "LastModifiedById"])
    yield found
    found.close()


def test_messages_hold_up_to_a_hundred_and_come_again_until_ack(sandbox: SalesforceHandle, listener: Listener) -> None:
    from datetime import UTC, datetime

    said = iter([(500, b""), (200, b"OK"), (200, inbound.answer(taken=False))])
    listener.answer = lambda _: next(said, (200, inbound.answer()))
    sandbox.messages(paused=True)  # however long it takes to make them, they go together
    ids = sandbox.import_rows(
        "Lead", [{"LastName": "山田", "Company": "社", "Email": f"p{n}@b.example"} for n in range(120)]
    )
    sandbox.messages(paused=False)
    assert sandbox.wait_messages()
    assert [body.count(b"<Notification>") for body in listener.bodies] == [100, 20]
    sandbox.edit(ids[0], {"Title": "部長"})
    assert sandbox.wait_messages()
    assert sandbox.messages()["waiting"] == 121
    sandbox.set_clock(advance_seconds=60)
    sandbox.flush_messages()
    assert sandbox.wait_messages()
    assert sandbox.messages()["waiting"] == 0
    events = [one for body in listener.bodies[3:] for one in inbound.parse(body, received_at=datetime.now(UTC))]
    assert {one.object_id for one in events} == set(ids)
    titles = [one.value for one in events if one.property_name == "Title"]
    assert titles == ["部長", "部長"], "both notifications tell the record as it is when they are sent"
    sandbox.delete(ids[1])
    assert sandbox.messages()["notifications"] == 121, "deletions are never told"


def test_what_nobody_takes_for_a_day_is_dropped(sandbox: SalesforceHandle, listener: Listener) -> None:
    listener.answer = lambda _: (503, b"")
    sandbox.create("Lead", {"LastName": "山田", "Company": "社"})
    assert sandbox.wait_messages()
    sandbox.set_clock(advance_seconds=86_400)
    sandbox.flush_messages()
    assert sandbox.wait_messages()
    found = sandbox.messages()
    assert (found["waiting"], found["dropped"], found["acknowledged"]) == (0, 1, 0)


def test_both_worlds_hold_the_same_people() -> None:
    with start_sandbox(contacts=60) as hubspot, start_salesforce(people=60) as salesforce:
        portal = {one["properties"]["email"] for one in hubspot.records("contacts")}
        leads, contacts = ({one["fields"]["Email"] for one in salesforce.records(kind)} for kind in ("Lead", "Contact"))
        assert leads | contacts == portal
        assert leads.isdisjoint(contacts)
        assert min(len(leads), len(contacts)) > 5
        reps = {one["email"] for one in hubspot.owners()}
        assert reps <= {one["fields"]["Email"] for one in salesforce.records("User")}
        assert salesforce.ledger() == []

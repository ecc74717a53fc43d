"""Outbound messages over HTTP: acknowledged in Salesforce's own words, and only what is on disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from connector.errors import RetryableError, UsageError
from connector.sandbox.salesforce.handle import start_salesforce
from connector.store import inbox
from connector.store.database import Database
from connector.store.inbox import Delivery
from connector.vendors import signed
from connector.vendors.salesforce import inbound
from webhooks.app import create_app
from webhooks.services import Postgres, Services
from webhooks.settings import ReceiverSettings, SalesforceSender

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
ORG, ACTION = "00D5j0000000001EAA", "04k5j0000000001EAA"
SECRET = "an-address-that-nobody-guesses"
PATH = f"/webhooks/salesforce/main/{SECRET}"


def settings(**more: object) -> ReceiverSettings:
    org = {"organization_id": ORG, "secrets": (SECRET,), "actions": frozenset({ACTION}), **more}
    sender = SalesforceSender(**org)  # type: ignore[arg-type]
    return ReceiverSettings(public_url="https://crm.example.co.jp", salesforce={"main": sender})


def message(org: str = ORG, count: int = 1, title: str = "部長") -> bytes:
    rows = "".join(
        f"<Notification><Id>04l5j{number:010d}AAA</Id>"
        f'<sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>00Q5j{number:010d}AAA</sf:Id><sf:Title>{title}</sf:Title></sObject></Notification>"
        for number in range(count)
    )
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>{ACTION}</ActionId>{rows}</notifications>"
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


#: Ten levels of ten: 10 GB, were it ever spelled out.
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
).encode()


@pytest.fixture
def client(database_dsn: str) -> Iterator[FlaskClient]:
    storage = Postgres(database_dsn)
    services = Services(settings=settings(), storage=storage, clock=lambda: NOW, wake=lambda: None)
    yield create_app(services).test_client()
    storage.close()


def stored(database: Database) -> list[tuple[str, str | None, bytes]]:
    rows = inbox.listing(database, states=list(inbox.InboxState))
    return [(row.source, row.connection_hint, inbox.body_of(database, row.id) or b"") for row in rows]


def test_a_message_is_stored_as_it_came_and_then_acknowledged(client: FlaskClient, database: Database) -> None:
    answer = client.post(PATH, data=message(), content_type="text/xml")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/xml", inbound.answer())
    assert stored(database) == [("salesforce:main", ORG, message())]


@pytest.mark.fault("F9", "F10")
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH[:-1], message(), 401),
        ("/webhooks/salesforce/other/" + SECRET, message(), 404),
        (PATH, message(org="00D5j0000000002EAA"), 401),
        (PATH, message().replace(ACTION.encode(), b"04k5j0000000009EAA"), 401),
        (PATH, b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + message(), 400),
        (PATH, LAUGHS + message().replace(b"</sObject>", b"&i;</sObject>"), 400),
        (PATH, b"{}", 400),
    ],
)
def test_what_proves_nothing_leaves_no_trace_and_no_ack(
    client: FlaskClient, database: Database, path: str, body: bytes, status: int
) -> None:
    answer = client.post(path, data=body)
    assert answer.status_code == status
    assert b"Ack" not in answer.data
    assert stored(database) == []


def test_where_it_may_come_from_can_be_told() -> None:
    class Nowhere:
        def __init__(self) -> None:
            self.kept: list[Delivery] = []

        def add(self, delivery: Delivery) -> None:
            self.kept.append(delivery)

        def depth(self) -> int:
            return len(self.kept)

        def streams(self) -> tuple[()]:
            return ()

        def close(self) -> None:
            """Nothing is open."""

    storage = Nowhere()
    known = settings(networks=tuple(map(ip_network, ("13.108.0.0/14", "2001:db8::/32"))))
    app = create_app(Services(settings=known, storage=storage, clock=lambda: NOW, wake=lambda: None))
    heard = {"13.110.1.2": 200, "::ffff:13.110.1.2": 200, "2001:db8::1": 200, "10.0.0.1": 401, "": 401}
    for address, status in heard.items():
        answer = app.test_client().post(PATH, data=message(), environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == status
    assert len(storage.kept) == 3
    app.test_client().post(PATH, data=message(count=20), environ_base={"REMOTE_ADDR": "13.110.1.2"})
    assert [one.lane for one in storage.kept] == ["hot", "hot", "hot", "background"]


@pytest.mark.parametrize(
    ("address", "forwarded", "heard"),
    [
        ("10.1.0.9", "13.110.1.2", True),
        ("10.1.0.9", "203.0.113.9", False),
        ("10.1.0.9", "13.110.1.2, 10.1.0.8", True),
        ("10.1.0.9", "13.110.1.2, 203.0.113.9", False),  # what the sender itself claims to have come from
        ("203.0.113.9", "13.110.1.2", False),  # no proxy of ours says it
        ("10.1.0.9", "", False),
        ("10.1.0.9", "13.110.1.2, x", False),
    ],
)
def test_behind_a_proxy_of_ours_its_word_counts_and_nobody_elses(address: str, forwarded: str, heard: bool) -> None:
    org = SalesforceSender(
        organization_id=ORG,
        secrets=(SECRET,),
        networks=(ip_network("13.108.0.0/14"),),
        proxies=(ip_network("10.1.0.0/16"),),
    )
    assert org.may_come_from(address, forwarded) is heard


@pytest.mark.parametrize("secrets", [(), ("short",), (SECRET, "")])
def test_an_address_that_can_be_guessed_is_refused_at_start(secrets: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        settings(secrets=secrets)


@pytest.mark.fault("F7", "F14")
def test_messages_of_a_sandbox_survive_a_database_that_is_away_and_come_in_once(
    database: Database, database_dsn: str
) -> None:
    class Away(Postgres):
        away = 2

        def add(self, delivery: Delivery) -> None:
            if self.away:
                self.away -= 1
                raise RetryableError("The database is away.", reason="database_away")
            super().add(delivery)

    storage = Away(database_dsn)
    with start_salesforce() as org:
        sender = SalesforceSender(organization_id=org.organization_id, secrets=(SECRET,))
        known = ReceiverSettings(public_url="https://crm.example.co.jp", salesforce={"main": sender})
        services = Services(settings=known, storage=storage, clock=lambda: NOW, wake=lambda: None)
        server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        org.messages(linger_seconds=0.01)
        org.message_action("Lead", f"http://127.0.0.1:{server.server_port}{PATH}", ["Email", "LastModifiedById"])
        ids = org.import_rows(
            "Lead", [{"LastName": "山", "Company": "社", "Email": f"p{n}@b.example"} for n in range(3)]
        )
        for _ in range(3):
            assert org.wait_messages()
            org.flush_messages()
        assert org.wait_messages()
        org.redeliver_messages(5)
        assert org.wait_messages()
        state = org.messages()
        server.shutdown()
        storage.close()
    assert (state["waiting"], state["failed_attempts"]) == (0, 2)
    bodies = [body for _, _, body in stored(database)]
    events = [one for body in bodies for one in inbound.parse(body, received_at=NOW, our_user_id=org.user_id)]
    assert len(bodies) == 2, "what was acknowledged and sent again is stored again"
    assert len({one.key for one in events}) == 3, "and means nothing new"
    assert {one.object_id for one in events} == set(ids)
    assert {one.actor_is_us for one in events} == {False}


def test_a_signed_callout_is_stored_and_an_unsigned_one_is_not(client: FlaskClient, database: Database) -> None:
    body = b'{"organization_id": "00D", "events": []}'
    stamp = str(round(NOW.timestamp()))
    headers = {"X-Tasuki-Timestamp": stamp, "X-Tasuki-Signature": signed.sign(SECRET, stamp, body)}
    wrong = headers | {"X-Tasuki-Signature": signed.sign(SECRET, stamp, body + b" ")}
    assert client.post("/webhooks/salesforce/main", data=body, headers=wrong).status_code == 401
    assert client.post("/webhooks/salesforce/other", data=body, headers=headers).status_code == 404
    assert client.post("/webhooks/salesforce/main", data=body, headers=headers).status_code == 200
    assert stored(database) == [("salesforce_callout:main", ORG, body)]

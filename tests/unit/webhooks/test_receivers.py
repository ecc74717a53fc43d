"""The receiver on a real database: what is proven is stored as it came, everything else leaves no trace."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from connector.store import inbox
from connector.store.database import Database
from connector.vendors.hubspot.inbound import SignatureVersion, sign
from connector.vendors.website import inbound as website
from webhooks.app import create_app
from webhooks.services import CHECKOUT_SECONDS, LOCK_SECONDS, REOPEN_SECONDS, Postgres, Services
from webhooks.settings import ReceiverSettings

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
PUBLIC_URL = "https://crm.example.co.jp/in"
SECRET, OLD_SECRET, FORM_SECRET = "client-secret", "client-secret-before", "form-secret"
SETTINGS = ReceiverSettings(
    public_url=PUBLIC_URL,
    hubspot_secrets=(SECRET, OLD_SECRET),
    form_secrets={"website": (FORM_SECRET,)},
    company="hubspot:62515",
)
HUBSPOT_GIVES_UP_SECONDS = 5.0
BATCH = json.dumps([{"eventId": 1, "subscriptionType": "contact.creation", "objectId": 7, "portalId": 1}]).encode()


@pytest.fixture
def wakes() -> list[int]:
    return []


@pytest.fixture
def client(database_dsn: str, wakes: list[int]) -> Iterator[FlaskClient]:
    storage = Postgres(database_dsn)
    services = Services(settings=SETTINGS, storage=storage, clock=lambda: NOW, wake=lambda: wakes.append(1))
    yield create_app(services).test_client()
    storage.close()


def _signed(
    body: bytes,
    target: str = "/webhooks/hubspot",
    *,
    secret: str = SECRET,
    version: SignatureVersion = SignatureVersion.V3,
) -> dict[str, str]:
    stamp = round(NOW.timestamp() * 1000)
    return sign(version, secret, "POST", PUBLIC_URL + target, body, timestamp_ms=stamp)


def _stored(database: Database) -> list[tuple[str, bytes]]:
    rows = inbox.listing(database, states=list(inbox.InboxState))
    return [(row.source, inbox.body_of(database, row.id) or b"") for row in rows]


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_a_proven_delivery_is_stored_as_it_came(
    client: FlaskClient, database: Database, wakes: list[int], secret: str
) -> None:
    body = BATCH + b"  \n"
    answer = client.post("/webhooks/hubspot", data=body, headers=_signed(body, secret=secret))
    assert answer.status_code == 200
    assert _stored(database) == [("hubspot", body)]
    assert wakes == [1]


@pytest.mark.fault("F12")
@pytest.mark.parametrize("body", [b"\x00\xff\xfe", b"not json", b'["\\ud800"]', b"[" * 100_000, b""])
def test_the_body_is_nobodys_business_here(client: FlaskClient, database: Database, body: bytes) -> None:
    assert client.post("/webhooks/hubspot", data=body, headers=_signed(body)).status_code == 200
    assert _stored(database) == [("hubspot", body)]


def test_flasks_own_way_to_the_route_gives_the_same_answer(client: FlaskClient, database: Database) -> None:
    flask, statuses = client.application, []
    for headers in (_signed(BATCH), {}):
        builder = EnvironBuilder("/webhooks/hubspot", method="POST", data=BATCH, headers=headers)
        environ = builder.get_environ() | {"REQUEST_URI": "/webhooks/hubspot"}
        Flask.wsgi_app(flask, environ, lambda status, *_: statuses.append(status[:3]))
    assert statuses == ["200", "401"]
    assert _stored(database) == [("hubspot", BATCH)]


def test_path_and_query_are_signed_as_sent(client: FlaskClient, database: Database) -> None:
    target = "/webhooks/hubspot?a=%20x&b=%2Fy"
    assert client.post(target, data=BATCH, headers=_signed(BATCH, target)).status_code == 200
    assert client.post("/webhooks/hubspot?a=x", data=BATCH, headers=_signed(BATCH)).status_code == 401
    assert len(_stored(database)) == 1


def test_proxy_headers_change_nothing(client: FlaskClient) -> None:
    spoofed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Host": "evil.example"}
    assert client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH) | spoofed).status_code == 200
    stamp = round(NOW.timestamp() * 1000)
    theirs = sign(
        SignatureVersion.V3, SECRET, "POST", "http://evil.example/webhooks/hubspot", BATCH, timestamp_ms=stamp
    )
    assert client.post("/webhooks/hubspot", data=BATCH, headers=theirs | spoofed).status_code == 401


def test_what_proves_nothing_gets_a_bare_401_and_leaves_no_trace(client: FlaskClient, database: Database) -> None:
    forged = _signed(BATCH, secret="another")
    malformed = _signed(BATCH) | {"X-HubSpot-Request-Timestamp": "soon"}
    v2 = _signed(BATCH, version=SignatureVersion.V2)
    for headers in ({}, forged, malformed, v2):
        answer = client.post("/webhooks/hubspot", data=BATCH, headers=headers)
        assert (answer.status_code, answer.data) == (401, b"unauthorized\n")
    assert _stored(database) == []


def test_a_workflow_signs_with_v2_and_names_its_portal(client: FlaskClient, database: Database) -> None:
    target = "/webhooks/hubspot/workflow?account=4711"
    headers = _signed(BATCH, target, version=SignatureVersion.V2)
    assert client.post(target, data=BATCH, headers=headers).status_code == 200
    [row] = inbox.listing(database, states=[inbox.InboxState.NEW])
    assert (row.source, row.connection_hint, row.headers["signature"]) == ("hubspot_workflow", "4711", "v2")


def test_a_website_form_is_proven_by_its_sources_secret(client: FlaskClient, database: Database) -> None:
    body = b'{"form": "inquiry", "email": "a@example.co.jp"}'
    stamp = str(int(NOW.timestamp()))
    headers = {"X-Tasuki-Timestamp": stamp, "X-Tasuki-Signature": website.sign(FORM_SECRET, stamp, body)}
    assert client.post("/webhooks/forms/website", data=body, headers=headers).status_code == 200
    assert client.post("/webhooks/forms/website", data=body + b" ", headers=headers).status_code == 401
    assert client.post("/webhooks/forms/elsewhere", data=body, headers=headers).status_code == 404
    for offset in (-301, 301):
        stamp = str(int(NOW.timestamp()) + offset)
        late = {"X-Tasuki-Timestamp": stamp, "X-Tasuki-Signature": website.sign(FORM_SECRET, stamp, body)}
        assert client.post("/webhooks/forms/website", data=body, headers=late).status_code == 401
    assert _stored(database) == [("form:website", body)]
    with database.autocommit() as conn:
        hints = [row["connection_hint"] for row in conn.execute("SELECT connection_hint FROM inbox")]
    assert hints == [SETTINGS.company] == ["hubspot:62515"], "whose website it is"


def test_large_and_compressed_bodies_are_refused_unread(client: FlaskClient, database: Database) -> None:
    large = b"x" * (SETTINGS.max_body_bytes + 1)
    assert client.post("/webhooks/hubspot", data=large, headers=_signed(large)).status_code == 413
    bomb = gzip.compress(b"0" * 10_000_000)
    headers = _signed(bomb) | {"Content-Encoding": "gzip"}
    assert client.post("/webhooks/hubspot", data=bomb, headers=headers).status_code == 415
    assert _stored(database) == []


@pytest.mark.fault("F5")
def test_a_locked_inbox_is_answered_with_503_in_time(client: FlaskClient, database_dsn: str) -> None:
    client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH))
    with psycopg.connect(database_dsn) as blocker:
        blocker.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        answer = client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH))
        assert answer.status_code == 503, "it did not wait for whoever holds the inbox"
        assert CHECKOUT_SECONDS + LOCK_SECONDS < HUBSPOT_GIVES_UP_SECONDS
        blocker.rollback()
    assert client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH)).status_code == 200


@pytest.mark.fault("T1")
def test_a_connection_killed_in_the_middle_fails_its_own_delivery_alone(
    client: FlaskClient, database_dsn: str, database: Database
) -> None:
    bodies = [b'[{"eventId": %d}]' % number for number in range(4)]
    assert client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH)).status_code == 200
    with psycopg.connect(database_dsn) as blocker, ThreadPoolExecutor(len(bodies)) as threads:
        blocker.execute("LOCK TABLE inbox IN SHARE MODE")
        sent = [threads.submit(_post, client, body) for body in bodies]
        waiting = _until_waiting(blocker, len(bodies))
        blocker.execute("SELECT pg_terminate_backend(%s, 5000)", [waiting[0]])
        blocker.rollback()
        statuses = [one.result() for one in sent]
    assert sorted(statuses) == [200, 200, 200, 503]
    kept = {body for body, status in zip(bodies, statuses, strict=True) if status == 200}
    assert {body for _, body in _stored(database)} == kept | {BATCH}
    lost = next(body for body in bodies if body not in kept)
    assert _post(client, lost) == 200, "the sender tries again, on a connection that lives"


def test_what_the_database_refuses_is_to_be_sent_again_and_fails_alone(client: FlaskClient, database: Database) -> None:
    with database.autocommit() as connection:
        connection.execute("ALTER TABLE inbox ADD CHECK (body <> 'poison')")
    assert _post(client, b"poison") == 503
    assert _post(client, b"food") == 200
    assert [body for _, body in _stored(database)] == [b"food"]
    assert 'outcome="database_refused",source="hubspot"} 1.0' in client.get("/metrics").text


def _post(client: FlaskClient, body: bytes) -> int:
    return client.application.test_client().post("/webhooks/hubspot", data=body, headers=_signed(body)).status_code


_WAITING = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE NOT granted AND datname = current_database()
"""


def _until_waiting(connection: psycopg.Connection[tuple[int]], count: int) -> list[int]:
    """The sessions that wait for a lock, once there are so many."""
    deadline = time.monotonic() + 10
    while True:
        found = connection.execute(_WAITING).fetchall()
        if len(found) == count:
            return [row[0] for row in found]
        assert time.monotonic() < deadline, "they did not come to wait"


def test_ready_means_that_a_delivery_could_be_stored_now(
    client: FlaskClient, database: Database, database_dsn: str
) -> None:
    assert client.get("/readyz").status_code == 200
    assert _stored(database) == [], "it was only tried"
    with psycopg.connect(database_dsn, autocommit=True) as admin:
        admin.execute("ALTER TABLE inbox RENAME TO elsewhere")  # as before the schema is there
        try:
            assert client.get("/readyz").status_code == 503
            assert "tasuki_inbox_waiting" not in client.get("/metrics").text
        finally:
            admin.execute("ALTER TABLE elsewhere RENAME TO inbox")
        admin.execute("ALTER TABLE inbox ADD CONSTRAINT full_up CHECK (false) NOT VALID")  # read, but not written to
        try:
            assert client.get("/readyz").status_code == 503
        finally:
            admin.execute("ALTER TABLE inbox DROP CONSTRAINT full_up")
    assert client.get("/readyz").status_code == 200


@pytest.mark.fault("F14")
def test_a_database_that_is_away_is_answered_with_503(wakes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Postgres("postgresql://tasuki@127.0.0.1:9/tasuki")
    services = Services(settings=SETTINGS, storage=storage, clock=lambda: NOW, wake=lambda: wakes.append(1))
    client = create_app(services).test_client()
    tries: list[int] = []
    connect = Database.open
    monkeypatch.setattr(Database, "open", lambda *given, **named: tries.append(1) or connect(*given, **named))
    began = time.monotonic()
    for _ in range(20):
        assert client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH)).status_code == 503
    assert len(tries) <= 1 + (time.monotonic() - began) / REOPEN_SECONDS, "it is not tried for each of them"
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert wakes == []


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    requests: list[Callable[[], object]] = [
        lambda: client.get("/healthz"),
        lambda: client.get("/readyz"),
        lambda: client.get("/metrics"),
        lambda: client.get("/nowhere"),
        lambda: client.get("/webhooks/hubspot"),
        lambda: client.post("/webhooks/hubspot"),
    ]
    for send in requests:
        headers = send().headers  # type: ignore[attr-defined]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "max-age=31536000" in headers["Strict-Transport-Security"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"


def test_unknown_paths_and_methods_say_little(client: FlaskClient) -> None:
    assert (client.get("/nowhere").status_code, client.get("/nowhere").data) == (404, b"not found\n")
    assert client.post("//webhooks//hubspot", data=b"[]", headers={"Host": "evil.example"}).data == b"not found\n"
    assert client.get("/webhooks/hubspot").status_code == 405
    assert client.open("/webhooks/hubspot", method="TRACE").status_code == 405


def test_metrics_count_outcomes_and_the_depth(client: FlaskClient) -> None:
    client.post("/webhooks/hubspot", data=BATCH, headers=_signed(BATCH))
    client.post("/webhooks/hubspot", data=BATCH, headers={})
    text = client.get("/metrics").text
    assert 'tasuki_deliveries_total{outcome="stored",source="hubspot"} 1.0' in text
    assert 'tasuki_deliveries_total{outcome="signature_missing",source="hubspot"} 1.0' in text
    assert f'tasuki_delivery_bytes_total{{source="hubspot"}} {float(len(BATCH))}' in text
    assert "tasuki_inbox_waiting 1.0" in text
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 404

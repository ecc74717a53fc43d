"""The inbox: claimed once, by state; settled only under the lease; a delivery that kills its readers is parked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import RetryableError
from connector.store import inbox
from connector.store.database import Database
from connector.store.inbox import PACKED_FROM_BYTES, Delivery, InboxRow, InboxState, Settled


def _fill(database: Database, count: int) -> None:
    for number in range(count):
        inbox.add(database, Delivery(source="hubspot", body=b"%d" % number, headers={"signature": "v3"}))


def _expire(database: Database) -> None:
    with database.autocommit() as connection:
        connection.execute("UPDATE inbox SET claimed_until = now() - interval '1 second'")


def _claim(database: Database, limit: int = 100) -> Sequence[InboxRow]:
    return inbox.claim(database, limit=limit, lease_seconds=60)[1]


def test_a_delivery_comes_back_byte_for_byte(database: Database) -> None:
    body = bytes(range(256)) * 100
    inbox.add(database, Delivery(source="form:lp", body=body, headers={"content-type": "x"}, connection_hint="7"))
    [row] = _claim(database)
    assert (row.source, row.body, row.headers, row.connection_hint) == ("form:lp", body, {"content-type": "x"}, "7")
    assert (row.state, row.attempts) == (InboxState.NEW, 1)


@given(body=st.binary(max_size=50) | st.binary(min_size=PACKED_FROM_BYTES - 1, max_size=PACKED_FROM_BYTES + 1))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_body_comes_back_as_it_came(database: Database, body: bytes) -> None:
    inbox.add(database, Delivery(source="hubspot", body=body))
    [row] = _claim(database)
    assert (row.body, inbox.body_of(database, row.id)) == (body, body)


def test_large_bodies_are_packed_and_small_ones_readable(database: Database) -> None:
    event = b'{"eventId":1,"subscriptionType":"contact.propertyChange","propertyName":"email","objectId":70000}'
    for body in (event, b"[" + b",".join([event] * 100) + b"]"):
        inbox.add(database, Delivery(source="hubspot", body=body))
    with database.autocommit() as connection:
        rows = connection.execute("SELECT packed, length(body) AS size FROM inbox ORDER BY id").fetchall()
    assert [row["packed"] for row in rows] == [False, True]
    assert rows[0]["size"] == len(event)
    assert rows[1]["size"] < 1_000


def test_the_statement_is_known_again_after_the_connection_forgot_it(database: Database) -> None:
    _fill(database, 1)
    with database.autocommit() as connection:
        connection.execute("DEALLOCATE ALL")
    _fill(database, 1)
    assert len(_claim(database)) == 2


def test_what_the_database_refuses_is_said_and_leaves_nothing(database: Database) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        inbox.add(database, Delivery(source="hubspot", body=b"1", lane="no such lane"))
    _fill(database, 1)
    assert [row.body for row in _claim(database)] == [b"0"]


def test_rows_are_taken_oldest_first_and_once(database: Database) -> None:
    _fill(database, 5)
    assert [row.body for row in _claim(database, 3)] == [b"0", b"1", b"2"]
    assert [row.body for row in _claim(database, 3)] == [b"3", b"4"]
    assert _claim(database) == []


@pytest.mark.fault("T4")
def test_many_workers_share_the_rows(database: Database) -> None:
    _fill(database, 200)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: [row.id for row in _claim(database, 7)], range(40)))
    every = [one for part in taken for one in part]
    assert sorted(every) == sorted(set(every))
    assert len(every) == 200


def test_settling_stores_state_and_reason(database: Database) -> None:
    _fill(database, 3)
    token, rows = inbox.claim(database, limit=3, lease_seconds=60)
    results = [
        Settled(id=rows[0].id, state=InboxState.DONE),
        Settled(id=rows[1].id, state=InboxState.PARKED, reason="not_json"),
        Settled(id=rows[2].id, state=InboxState.UNKNOWN, reason="unknown_type"),
    ]
    with database.transaction(None) as connection:
        inbox.settle(connection, token, results)
    kept = inbox.listing(database, states=[InboxState.PARKED, InboxState.UNKNOWN])
    assert [(row.state, row.reason) for row in kept] == [
        (InboxState.PARKED, "not_json"),
        (InboxState.UNKNOWN, "unknown_type"),
    ]
    assert _claim(database) == []


def test_a_lease_that_was_taken_over_settles_nothing(database: Database) -> None:
    _fill(database, 2)
    token, rows = inbox.claim(database, limit=2, lease_seconds=60)
    _expire(database)
    _, again = inbox.claim(database, limit=1, lease_seconds=60)
    done = [Settled(id=row.id, state=InboxState.DONE) for row in rows]
    with pytest.raises(RetryableError) as caught, database.transaction(None) as connection:
        inbox.settle(connection, token, done)
    assert caught.value.reason == "lease_lost"
    assert again[0].attempts == 2
    assert len(inbox.listing(database, states=[InboxState.NEW])) == 2


@pytest.mark.fault("F21")
def test_a_delivery_that_kills_its_readers_is_parked(database: Database) -> None:
    _fill(database, 1)
    for _ in range(inbox.MAX_CLAIMS):
        assert len(_claim(database)) == 1
        _expire(database)
    assert _claim(database) == []
    [row] = inbox.listing(database, states=[InboxState.PARKED])
    assert row.reason == "reader_died"


def test_released_rows_are_free_again_and_not_blamed(database: Database) -> None:
    _fill(database, 4)
    token, _ = inbox.claim(database, limit=4, lease_seconds=60)
    assert inbox.release(database, token) == 4
    assert [row.attempts for row in _claim(database)] == [1, 1, 1, 1]


def test_parked_rows_can_be_read_again(database: Database) -> None:
    _fill(database, 3)
    token, rows = inbox.claim(database, limit=3, lease_seconds=60)
    with database.transaction(None) as connection:
        inbox.settle(connection, token, [Settled(id=row.id, state=InboxState.PARKED, reason="x") for row in rows])
    assert inbox.retry(database, [rows[1].id]) == 1
    assert [row.id for row in _claim(database)] == [rows[1].id]
    assert inbox.retry(database, None) == 2


def test_depth_and_bodies(database: Database) -> None:
    _fill(database, 5)
    assert inbox.depth(database) == 5
    assert inbox.depth(database, limit=3) == 3
    [first, *_] = inbox.listing(database, states=[InboxState.NEW], limit=1)
    assert first.body == b""
    assert inbox.body_of(database, first.id) == b"0"
    assert inbox.body_of(database, 10**9) is None

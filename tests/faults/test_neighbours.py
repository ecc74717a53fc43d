"""Two companies in one database: neither sees the other's rows nor touches them, also while its workers are killed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from connector import bootstrap_hubspot
from connector.errors import RetryableError
from connector.sandbox.handle import start_sandbox
from connector.store.database import Database
from connector.store.inbox import Delivery, add
from tests.conftest import fresh_database, superuser_dsn
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import INQUIRY, MQL, POLICY, Relay, quick
from tests.faults.children import run
from tests.faults.test_worker_killed import PASSAGES, PLACES, order_of
from webhooks.settings import from_settings

Counted = Callable[[str, object], None]

_OWN = """
SELECT c.relname AS name FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'installation_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'account' ORDER BY 1
"""


@pytest.mark.fault("F23")
def test_killed_workers_of_one_company_leave_its_neighbour_alone(
    make_relay: MakeRelay, database: Database, monkeypatch: pytest.MonkeyPatch, record_property: Counted
) -> None:
    _beside(make_relay, database, monkeypatch, record_property, 1)


@pytest.mark.soak
@pytest.mark.fault("F23")
def test_workers_of_one_company_that_are_killed_by_the_hundred_leave_its_neighbour_alone(
    make_relay: MakeRelay, database: Database, monkeypatch: pytest.MonkeyPatch, record_property: Counted
) -> None:
    _beside(make_relay, database, monkeypatch, record_property, 20)


def _beside(
    make_relay: MakeRelay, database: Database, monkeypatch: pytest.MonkeyPatch, record_property: Counted, times: int
) -> None:
    """Five kills a time, at each of the places once; the neighbour's own people come in between."""
    first, second = _neighbours(make_relay, monkeypatch)
    dice, killed, asked = random.Random(times), 0, list[str]()
    kept = [second.new_mql("b@example.co.jp")]
    while killed < times * len(PLACES):
        before = _rows(database, second.installation_id)
        place = PLACES[killed % len(PLACES)]
        asked.append(_inquire(first, f"a{len(asked)}@example.co.jp"))
        killed += run(order_of(first, f"{place}@{dice.randint(1, min(2, PASSAGES[place]))}"))
        first.expire_leases()
        assert _rows(database, second.installation_id) == before, "not one value of the neighbour's has changed"
        if killed % len(PLACES) == 0:
            first.hear_and_settle()  # the inbox is one: who reads it takes in what there is, each for whom it is
            before = _rows(database, first.installation_id)
            kept.append(second.new_mql(f"b{len(kept)}@example.co.jp"))
            assert _rows(database, first.installation_id) == before
    first.hear_and_settle()
    for relay, people in ((first, asked), (second, kept)):
        assert {relay.contact(one)["lifecyclestage"] for one in people} == {MQL}
        assert len(relay.live_tasks()) == 2 * len(people), "each once, and none of the neighbour's"
    _assert_apart(database, first.installation_id, second.installation_id)
    record_property("counted", {"kills at P4–P8": killed, "people": len(asked) + len(kept)})


@pytest.mark.fault("F23")
def test_a_connection_that_broke_under_one_company_serves_the_next_with_its_own_rows(
    make_relay: MakeRelay, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool's connections serve both in turn: whatever ends a transaction, its installation ends with it."""
    first, second = _neighbours(make_relay, monkeypatch)
    first.new_mql("a@example.co.jp")
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero), database.transaction(first.installation_id) as conn:
            conn.execute("SELECT 1 / 0")
        with pytest.raises(RetryableError), database.transaction(first.installation_id) as conn:
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(KeyboardInterrupt), database.transaction(first.installation_id) as conn:
            raise KeyboardInterrupt
        for other in (None, second.installation_id):
            with database.transaction(other) as conn:
                assert conn.execute("SELECT count(*) AS n FROM lead").fetchone() == {"n": 0}
        with database.autocommit() as conn:
            assert conn.execute("SELECT count(*) AS n FROM lead").fetchone() == {"n": 0}


@pytest.mark.fault("F23")
def test_what_a_website_sends_is_taken_in_for_the_company_whose_service_took_it(
    make_relay: MakeRelay, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _neighbours(make_relay, monkeypatch)
    for relay, email in ((first, "a@example.co.jp"), (second, "b@example.co.jp")):
        company = from_settings(dataclasses.replace(relay.settings, public_url="http://127.0.0.1:1")).company
        body = orjson.dumps([{"id": email, "form": "inquiry", "email": email, "occurred_at": relay.now().isoformat()}])
        add(database, Delivery(source="form:site", body=body, connection_hint=company))
    for relay in (first, second):
        relay.hear_and_settle()
    for relay, email in ((first, "a@example.co.jp"), (second, "b@example.co.jp")):
        assert [one["properties"]["email"] for one in relay.sandbox.records("contacts")] == [email]
        assert len(relay.live_tasks()) == 2


BACKLOG = 1_000


@pytest.mark.fault("F23")
def test_a_backlog_that_does_not_move_at_all_lets_the_neighbour_on_the_same_server_by(
    make_relay: MakeRelay, postgres_dsn: str, tmp_path: Path, record_property: Counted
) -> None:
    """As a second company is installed: with a database of its own. The first one's is locked, all of it: whatever the
    neighbour needed of it, it would wait for. How long newcomers take beside a backlog is measured in the soak."""
    busy = make_relay(policy=POLICY.parent / "small-team")
    busy.listen()
    busy.sandbox.import_rows([{"email": f"p{n}@example.co.jp", "lastname": "山田"} for n in range(BACKLOG)])
    busy.hear()
    while busy.runtime.ingest():
        pass
    outstanding = "SELECT count(*) AS n FROM link WHERE read_wanted_at IS NOT NULL"
    assert busy.rows(outstanding) == [{"n": BACKLOG}]
    with (
        busy.database.transaction(None) as held,
        fresh_database(postgres_dsn) as dsn,
        Database.open(dsn) as database,
    ):
        tables = [row["name"] for row in held.execute(_OWN)]
        held.execute(sql.SQL("LOCK TABLE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
        sandbox = start_sandbox(contacts=0, portal_id=24_680, limits_enabled=False)
        neighbour = Relay(sandbox, database, tmp_path, POLICY, quick())
        neighbour.listen()
        for number in range(2):
            contact_id = neighbour.new_mql(f"b{number}@example.co.jp")
            assert len(neighbour.tasks(contact_id)) == 2
        neighbour.close()
    assert busy.rows(outstanding) == [{"n": BACKLOG}], "it has not moved meanwhile"
    record_property("counted", {"backlog": BACKLOG})


def _neighbours(make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch) -> tuple[Relay, Relay]:
    """Two companies with a portal each, in one database."""
    first: Relay = make_relay()
    monkeypatch.setattr(bootstrap_hubspot, "INSTALLATION", "neighbour")
    second: Relay = make_relay(portal_id=24_680)
    assert second.installation_id != first.installation_id
    ahead = (first.now() - datetime.now(UTC)).total_seconds()
    second.crm.set_clock(advance_seconds=max(0.0, ahead))  # the database's clock is one; the portals' are their own
    first.listen()
    second.listen()
    return first, second


def _inquire(relay: Relay, email: str) -> str:
    found = relay.sandbox.submit(INQUIRY, {"email": email, "lastname": "山田"})
    relay.hear()
    return str(found["contact_id"])


def _rows(database: Database, installation_id: int) -> dict[str, str]:
    """A digest of all that an installation sees, table by table."""
    with database.transaction(installation_id) as conn:
        tables = [row["name"] for row in conn.execute(_OWN)]
        asked = sql.SQL("SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) AS it FROM {} AS t")
        return {
            table: str(row["it"])
            for table in tables
            if (row := conn.execute(asked.format(sql.Identifier(table))).fetchone()) is not None
        }


def _assert_apart(database: Database, *installations: int) -> None:
    """In every table each sees its own rows alone and all of them, may add none to the other's, and has some."""
    name = conninfo_to_dict(database.dsn)["dbname"]
    filled = 0
    with psycopg.connect(make_conninfo(superuser_dsn(database.dsn), dbname=name)) as everything:
        for (table,) in everything.execute(_OWN).fetchall():
            ids = sql.SQL("SELECT installation_id FROM {}").format(sql.Identifier(table))
            every = sorted(row[0] for row in everything.execute(ids))
            seen = {one: _seen(database, one, ids) for one in installations}
            assert all(set(found) <= {one} for one, found in seen.items()), table
            assert sorted(row for found in seen.values() for row in found) == every, table
            filled += set(installations) <= set(every)
    assert filled > 10, "of most tables both have rows"


def _seen(database: Database, installation_id: int, query: sql.Composed) -> list[int]:
    with database.transaction(installation_id) as conn:
        return [row["installation_id"] for row in conn.execute(query)]

"""Several rows are locked by id, in whatever order they are given or stored: no two workers wait for each other."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from connector.store import leads, links, managed, read_failures, wanted
from connector.store.database import Connection, Database
from connector.store.managed import Settlement
from connector.store.outstanding import Setback
from connector.store.read_failures import Later
from tests.patience import until_waited_for

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
CONNECTION = 7
BACKWARDS = ("3", "2", "1")
CLAIM = uuid.uuid4()
SETBACK = Setback(seconds=1.0, stumbled=True, parked=False)

Work = Callable[[Connection], object]

#: What takes several rows, by the table whose rows they are.
WORK: dict[str, tuple[str, Work]] = {
    "want records": ("managed_record", lambda conn: _want(conn, BACKWARDS, "changed")),
    "intend": ("managed_record", lambda conn: managed.intend(conn, CONNECTION, BACKWARDS, settle_seconds=1.0)),
    "settle": (
        "managed_record",
        lambda conn: managed.settle(conn, CONNECTION, _made(conn)),
    ),
    "failed": ("managed_record", lambda conn: managed.failed(conn, CONNECTION, dict.fromkeys(BACKWARDS, SETBACK))),
    "want": ("wanted_read", lambda conn: wanted.want(conn, 1, CONNECTION, "calls", BACKWARDS, lane="hot")),
    "follow": (
        "managed_record",
        lambda conn: managed.follow(conn, CONNECTION, "task", {one: f"{one}0" for one in BACKWARDS}),
    ),
    "gone": ("managed_record", lambda conn: managed.gone(conn, CONNECTION, "task", BACKWARDS)),
    "done": ("wanted_read", lambda conn: wanted.done(conn, CONNECTION, "calls", dict.fromkeys(BACKWARDS, NOW))),
    "postpone": ("wanted_read", lambda conn: wanted.postpone(conn, CONNECTION, "calls", BACKWARDS, seconds=1, most=9)),
    "postpone_reads": (
        "link",
        lambda conn: read_failures.postpone(
            conn, CONNECTION, CLAIM, [Later(lead_id=int(one), seconds=1.0) for one in BACKWARDS]
        ),
    ),
    "release": ("link", lambda conn: links.release(conn, CONNECTION, CLAIM)),
    "release_due": ("lead_due", lambda conn: leads.release_due(conn, CLAIM)),
    "set_gone": ("lead", lambda conn: leads.set_gone(conn, CONNECTION, BACKWARDS, "archived", object_type="contact")),
}
KEY = {"managed_record": "key", "wanted_read": "vendor_id", "link": "lead_id", "lead_due": "lead_id", "lead": "id"}


@pytest.fixture
def stored(database: Database) -> Database:
    """Three of everything, stored from the last to the first."""
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        for one in map(int, BACKWARDS):
            _want(conn, [str(one)], "wanted")
            conn.execute(
                "INSERT INTO lead (installation_id, id, created_at) OVERRIDING SYSTEM VALUE VALUES (1, %s, %s)",
                [one, NOW],
            )
            leads.mark_due(conn, 1, [one], at=NOW, why="dirty", lane="hot")
            leads.identify(conn, 1, CONNECTION, "contact", [(str(one), one)])
            links.ensure(conn, 1, CONNECTION, {one: str(one)})
            wanted.want(conn, 1, CONNECTION, "calls", [str(one)], lane="hot")
        conn.execute("UPDATE link SET claim = %s, read_claim = %s", [CLAIM, CLAIM])
        conn.execute("UPDATE managed_record SET vendor_id = key")
        conn.execute("UPDATE lead_due SET claim = %s", [CLAIM])
    return database


@pytest.mark.parametrize("name", WORK)
def test_the_first_is_waited_for_before_another_one_is_held(stored: Database, name: str) -> None:
    table, work = WORK[name]
    look = f"SELECT 1 FROM {table} WHERE {KEY[table]}::text = ANY(%s) FOR UPDATE NOWAIT"

    def other() -> None:
        with stored.transaction(1) as conn:
            work(conn)

    thread = threading.Thread(target=other, daemon=True)
    with stored.transaction(1) as conn:
        conn.execute(look, [["1"]])
        thread.start()
        until_waited_for(conn)
        conn.execute(look, [["2", "3"]])  # raises where the other one holds them
    thread.join(10.0)
    assert not thread.is_alive()


def _want(conn: Connection, keys: Sequence[str], title: str) -> None:
    rows = [
        {"key": one, "lead_id": int(one), "kind": "task", "desired": {"title": title}, "state": "open"} for one in keys
    ]
    managed.want(conn, 1, CONNECTION, rows)


def _made(conn: Connection) -> list[Settlement]:
    records = managed.of_leads(conn, CONNECTION, [int(one) for one in BACKWARDS], dirty_only=False)
    return [Settlement(record=one, step="exists", vendor_id=one.key) for one in records]

"""Tombstones: each name has its own hash, in every installation another; files of them, and bodies without people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import UsageError
from connector.store import connections, leads, tombstone_file, tombstones
from connector.store.database import Database
from connector.store.inbox_erasing import Names, of_them, without
from connector.store.tombstones import RecordName, Tombstone

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def installed(database: Database, name: str = "one") -> tuple[int, int]:
    installation_id = connections.ensure_installation(database, name)
    with database.transaction(installation_id) as conn:
        connection_id = connections.ensure(
            conn, installation_id, vendor="hubspot", account_id=f"of {name}", base_url="http://localhost", settings={}
        )
    return installation_id, connection_id


def test_only_the_names_that_were_buried_are_known(database: Database) -> None:
    installation_id, one = installed(database)
    other_id, other = installed(database, "two")
    with database.transaction(installation_id) as conn:
        tombstones.bury(conn, installation_id, [RecordName(one, "contact", "7")], ["Taro＠Example.co.jp"], erased_at=AT)
        assert tombstones.among(conn, one, "contact", ["7", "70", "8"]) == {"7"}
        assert tombstones.among(conn, one, "company", ["7"]) == set()
        assert set(tombstones.addresses(conn, ["taro@example.co.jp", "jiro@example.co.jp"])) == {"taro@example.co.jp"}
        assert leads.identities(conn, one, "contact", ["7", "8"]) == {"7": (leads.NOBODY, "erased")}
        (lead_id,) = leads.new_leads(conn, installation_id, [AT])
        leads.identify(conn, installation_id, one, "contact", [("7", lead_id), ("8", lead_id)])
        assert leads.identities(conn, one, "contact", ["7", "8"])["7"] == (leads.NOBODY, "erased")
        mine = tombstones.key_name(conn)
        assert len({found.hash for found in tombstones.listed(conn)}) == 2
    with database.transaction(other_id) as conn:
        assert tombstones.among(conn, other, "contact", ["7"]) == set()
        assert tombstones.key_name(conn) != mine


def test_an_address_counts_as_erased_since_the_last_time_and_again_changes_nothing(database: Database) -> None:
    installation_id, _ = installed(database)
    later = AT + timedelta(days=1)
    with database.transaction(installation_id) as conn:
        for moment, again in ((AT, False), (later, False), (AT, False), (later + timedelta(days=9), True)):
            tombstones.bury(conn, installation_id, [], ["a@example.com"], erased_at=moment, again=again)
        assert tombstones.addresses(conn, ["a@example.com"]) == {"a@example.com": later}


def test_a_file_of_tombstones_is_whole_and_of_one_installation(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "tombstones.jsonl"
    found = [Tombstone(hash=bytes([number] * 32), erased_at=AT) for number in range(3)]
    tombstone_file.write(path, found, key_name="mine")
    assert tombstone_file.read(path, key_name="mine") == found
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="another installation"):
        tombstone_file.read(path, key_name="yours")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="no file of tombstones"):
        tombstone_file.read(path, key_name="mine")
    with pytest.raises(UsageError, match="cannot be read"):
        tombstone_file.read(tmp_path / "missing", key_name="mine")


WORDS = st.sampled_from(["12345", "99999", "taro@example.co.jp", "jiro@example.co.jp", "plain"])
EVENTS = st.lists(
    st.dictionaries(st.sampled_from(["objectId", "value", "deep"]), WORDS | st.lists(WORDS) | st.just(12345)),
    max_size=6,
)
NAMES = Names.of(["12345"], ["TARO@example.co.jp"])


@given(EVENTS)
def test_a_body_loses_exactly_the_events_that_name_somebody(events: list[dict[str, object]]) -> None:
    body = orjson.dumps(events)
    theirs = of_them(body, NAMES)
    left = orjson.loads(without(body, NAMES))
    assert [one for one in events if one not in theirs] == left
    assert all(("12345" in str(one)) or ("taro@" in str(one)) for one in theirs)
    assert not any(("12345" in str(one)) or ("taro@" in str(one)) for one in left)
    assert without(orjson.dumps(left), NAMES) == orjson.dumps(left)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b"<Id>12345</Id>", b""),
        (b"<Id>123456</Id>", b"<Id>123456</Id>"),
        (b"mail Taro@Example.co.jp now", b""),
        (b'{"email": "taro@example.co.jp"}', b"[]"),
        (b'{"email": "hanako@example.co.jp"}', b'{"email": "hanako@example.co.jp"}'),
        (b"\xff\x00 12345", b""),
    ],
)
def test_what_cannot_be_divided_goes_whole(body: bytes, left: bytes) -> None:
    assert without(body, NAMES) == left

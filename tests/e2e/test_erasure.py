"""A person who is erased is nowhere: no table, delivery, log or restored backup knows them, and none will again.

The tests read the catalogue: a table that is new is looked through by itself.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from connector.store import subjects
from connector.store.database import Database
from connector.store.inbox import Delivery, add
from connector.store.reconcile_passes import Scope
from connector.sync.erasures import agree
from connector.sync.housekeeping import keep_house
from connector.sync.persons import SEALED_ABOUT
from tests.conftest import TEMPLATE, superuser_dsn
from tests.e2e import website
from tests.e2e.activities import CONNECTED, log
from tests.e2e.canary import WORDS, copied, everything, hits, hits_in_files, logged
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import HEARD, new_sql
from tests.e2e.relay import INQUIRY, POLICY, Relay

SAID = {name: f"{text}(鳥の話)" for name, text in HEARD.items()}
BYSTANDER = "yamada@example.co.jp"


@pytest.fixture
def empty_dsn(postgres_dsn: str) -> Iterator[str]:
    """A second database, to restore a backup into."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    yield make_conninfo(postgres_dsn, dbname=name)
    with psycopg.connect(superuser_dsn(postgres_dsn), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def lived(relay: Relay) -> tuple[str, list[str]]:
    """Somebody about whom the product holds whatever it can; returns the contact, and the words that are theirs."""
    contact = new_sql(relay, **WORDS)
    for name, text in SAID.items():
        relay.sandbox.edit("contacts", contact, {name: text})
    relay.sandbox.edit("contacts", contact, {"tasuki_score": "77"})  # a value that a rule does not let stand
    log(relay, "calls", contact, hs_call_disposition=CONNECTED, hs_call_title=f"電話 {WORDS['lastname']}")
    website.submits(relay, WORDS["email"], "whitepaper")
    website.happens(relay, WORDS["email"], "pricing_page")
    relay.hear_and_settle()
    waiting = {"id": "w", "form": "不明", "email": WORDS["email"]}
    others = {"id": "x", "note": "no form at all", "by": BYSTANDER}
    add(relay.database, Delivery(source="form:site", body=orjson.dumps([others, {"id": "y", "who": WORDS["email"]}])))
    add(relay.database, Delivery(source="form:site", body=f"not JSON: {WORDS['email']}".encode()))
    relay.settle()
    add(relay.database, Delivery(source="form:site", body=orjson.dumps([waiting])))  # nobody has read it yet
    return contact, [*WORDS.values(), "鳥の話", contact]


def come_back(relay: Relay, contact: str) -> None:
    """Whatever could bring somebody back: deliveries sent again, late ones, polls, looks through everything."""
    relay.sandbox.redeliver_webhooks(last=500)
    relay.hear_and_settle()
    late = {"id": "late", "form": "inquiry", "email": WORDS["email"], "occurred_at": "2026-01-01T00:00:00Z"}
    add(relay.database, Delivery(source="form:site", body=orjson.dumps(late)))
    relay.poll()
    relay.meet()
    for scope in Scope:
        relay.pass_time(hours=1)
        relay.reconcile(scope)
    relay.settle()
    keep_house(relay.database, relay.installation_id, tombstones=relay.settings.tombstone_file)


def nothing_left(relay: Relay, dsn: str, words: list[str]) -> None:
    assert hits(dsn, words) == {}
    with relay.database.transaction(relay.installation_id) as conn:
        held = subjects.rows_of(conn, subjects.subject_of(conn, subjects.erased_leads(conn)))
    assert set(held) <= set(subjects.KEPT), "what is left is what the list says, and no other table"
    assert {(one["data_key"], str(one["state"] | one["desired"])) for one in held["lead"]} == {(None, "{}")}


@pytest.mark.fault("T14")
def test_a_person_erased_in_the_crm_is_nowhere_and_never_comes_back(
    make_relay: MakeRelay, tmp_path: Path, empty_dsn: str
) -> None:
    with logged() as lines:
        relay = make_relay()
        relay.listen()
        other = relay.new_mql(BYSTANDER)
        contact, words = lived(relay)
        held = hits(relay.database.dsn, words)
        assert {"mirror", "identity", "link", "managed_record", "inbox", "inbox_subject"} <= set(held)
        exported = _export(relay, contact, tmp_path)
        assert [word for word in words if word not in exported] == []
        assert BYSTANDER not in exported
        copied(relay.database.dsn, empty_dsn)
        theirs = _rows_of(relay, other)

        relay.sandbox.forget(contact)
        relay.hear_and_settle()
        come_back(relay, contact)
        nothing_left(relay, relay.database.dsn, words)
        assert _rows_of(relay, other).keys() >= theirs.keys(), "nothing of anybody else went with them"
        assert BYSTANDER in " ".join(everything(relay.database.dsn)["inbox"]), "nor of what else they came with"
        assert relay.made_by(other)

        file = relay.settings.tombstone_file
        assert file is not None
        assert hits(empty_dsn, words) == held, "the backup still knows them"
        with Database.open(empty_dsn) as restored:
            erased = agree(restored, relay.installation_id, file, thorough=True)
            assert erased.leads > 0
            assert agree(restored, relay.installation_id, file, thorough=True).leads == 0, "and then they agree"
        assert hits(empty_dsn, words) == {}
    assert "slice" in lines.getvalue() or "policy_activated" in lines.getvalue(), "the log was listened to"
    assert [word for word in words if word in lines.getvalue()] == []
    (tmp_path / "canary.json").unlink()
    assert hits_in_files(tmp_path, words) == set()


def _export(relay: Relay, contact: str, folder: Path) -> str:
    """What `tasuki export-subject` writes; everything of theirs, whatever holds it."""
    file = folder / "canary.json"
    told = CommandLine.of(relay).json("export-subject", WORDS["email"], "--to", file)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert file.stat().st_mode & 0o077 == 0
    assert {table: len(rows) for table, rows in found["tables"].items()} == told["rows"]
    assert found["records"] == [{"connection_id": relay.connection_id, "object_type": "contact", "vendor_id": contact}]
    assert any("opened" in row for row in found["tables"]["ledger_value"])
    assert "data_key" not in file.read_text(encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _rows_of(relay: Relay, contact: str) -> dict[str, int]:
    with relay.database.transaction(relay.installation_id) as conn:
        subject = subjects.subject_of(conn, [int(relay.lead(contact)["id"])])
        return {table: len(rows) for table, rows in subjects.rows_of(conn, subject).items()}


@pytest.mark.soak
@pytest.mark.fault("T14")
def test_two_hundred_erased_people_leave_no_trace(
    make_relay: MakeRelay, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with logged() as lines:
        relay = make_relay(policy=POLICY.parent / "small-team")
        relay.listen()
        found = [
            relay.sandbox.submit(INQUIRY, {"email": f"canary-{number}x@example.co.jp", "lastname": f"金糸雀{number}号"})
            for number in range(200)
        ]
        relay.poll()
        relay.hear()
        relay.settle(rounds=1_000)
        words = ["canary-", "金糸雀", *(str(one["contact_id"]) for one in found)]
        assert len(hits(relay.database.dsn, words)["identity"]) == 200
        for one in found:
            relay.sandbox.forget(str(one["contact_id"]))
        relay.hear()
        relay.settle(rounds=1_000)
        relay.sandbox.redeliver_webhooks(last=1_000)
        relay.hear()
        relay.poll()
        relay.meet()
        for scope in Scope:
            relay.pass_time(hours=1)
            relay.reconcile(scope)
        relay.settle(rounds=1_000)
        assert hits(relay.database.dsn, words) == {}
    assert [word for word in words if word in lines.getvalue()] == []
    assert hits_in_files(tmp_path, words) == set()
    record_property("counted", {"canaries": 200})


@pytest.mark.fault("T14")
def test_the_command_erases_who_is_known_and_who_may_yet_come(relay: Relay, tmp_path: Path) -> None:
    relay.listen()
    contact, words = lived(relay)
    shell = CommandLine.of(relay)
    refused = shell.run("erase", "nobody-known")
    assert (refused.exit_code, "Nobody is known" in refused.stderr) == (3, True)
    asked = shell.run("erase", WORDS["email"])
    assert asked.exit_code == 1, "without an answer nothing is done"
    assert relay.lead(contact)["gone"] is None
    told = shell.json("erase", WORDS["email"], "--yes")
    assert told["leads"] == len(relay.rows("SELECT id FROM lead WHERE gone = 'erased'"))
    assert {"mirror", "identity", "link"} <= set(told["rows"])
    come_back(relay, contact)  # the CRM still has the contact, and shows it to everybody who looks
    nothing_left(relay, relay.database.dsn, words)
    nobody = shell.json("erase", "future@example.co.jp", "--yes")
    assert (nobody["leads"], nobody["rows"]) == (0, {})
    written = shell.json("tombstones", "write", tmp_path / "t.jsonl")
    assert written["tombstones"] == 3
    assert shell.json("tombstones", "apply", tmp_path / "t.jsonl") == {
        "new": 0,
        "leads": 0,
        "rows": {},
        "deliveries": 0,
    }
    assert shell.run("export-subject", contact, "--to", tmp_path / "x.json").exit_code == 3

    relay.pass_time(minutes=1)  # what is sent now was not sent before the erasure
    website.submits(relay, WORDS["email"].replace("canary", "somebody-else"), "inquiry")
    website.submits(relay, "future@example.co.jp", "inquiry")
    assert relay.rows("SELECT email FROM mirror WHERE email = 'future@example.co.jp'"), "who comes anew is new"


def test_every_sealed_table_of_leads_can_be_opened_for_its_subject(relay: Relay) -> None:
    with relay.database.transaction(relay.installation_id) as conn:
        sealed = {one.table for one in subjects.places(conn) if {"sealed", "lead_id"} <= one.columns}
    assert sealed == set(SEALED_ABOUT)


def test_a_form_that_was_sent_before_the_erasure_brings_nobody_back(relay: Relay) -> None:
    relay.listen()
    submitted = relay.sandbox.submit(INQUIRY, {"email": WORDS["email"], "lastname": WORDS["lastname"]})
    CommandLine.of(relay).json("erase", WORDS["email"], "--yes")
    relay.poll()
    relay.settle()
    found = relay.rows("SELECT id FROM lead")
    assert len(found) <= 1, submitted

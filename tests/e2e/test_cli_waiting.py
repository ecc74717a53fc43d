"""`tasuki inbox`, `outbox`, `parked`: what waits, why, tried again, given up."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.vendors.base import Lane
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import Relay
from tests.e2e.relay import CALL, MAIL

EMAIL = "yamada@example.co.jp"


@pytest.fixture
def cli(relay: Relay) -> CommandLine:
    return CommandLine.of(relay)


def submitted(relay: Relay) -> str:
    """A contact that has sent an inquiry, decided and delivered."""
    found = relay.sandbox.submit("お問い合わせ", {"email": EMAIL, "lastname": "山田"})
    relay.poll()
    relay.settle()
    return str(found["contact_id"])


def execute(relay: Relay, query: str, *values: object) -> None:
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute(query, list(values))


def items(cli: CommandLine) -> dict[str, Any]:
    return {one["item"]: one for one in cli.json("parked", "list")}


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_delivery_from_arrival_to_the_bin(cli: CommandLine, relay: Relay) -> None:
    assert cli.json("inbox", "list") == {"waiting": 0, "deliveries": []}
    relay.deliver(b"this is not JSON: secret@example.co.jp")
    listed = cli.json("inbox", "list")
    assert (listed["waiting"], listed["deliveries"][0]["state"]) == (1, "new")
    relay.settle()
    (parked,) = cli.json("inbox", "list")["deliveries"]
    assert (parked["state"], parked["reason"], parked["cause"]) == ("parked", "not_json", "the delivery is not JSON")
    row_id, item = parked["id"], f"delivery:{parked['id']}"
    assert items(cli)[item]["remedy"] == parked["remedy"]
    assert cli.run("inbox", "retry", row_id).exit_code == 0
    assert cli.json("inbox", "list", "--state", "new")["deliveries"][0]["id"] == row_id
    relay.settle()
    assert cli.run("parked", "retry", item).exit_code == 0
    relay.settle()
    assert cli.run("parked", "drop", item, "--reason", "a scanner's noise").exit_code == 0
    assert items(cli) == {}
    assert cli.json("inbox", "list")["deliveries"] == []
    assert cli.json("inbox", "show", row_id)["state"] == "done"


def test_show_tells_kinds_and_bodies_only_when_asked(cli: CommandLine, relay: Relay) -> None:
    event = {"subscriptionType": "contact.propertyChange", "objectId": 1, "portalId": 1, "propertyValue": EMAIL}
    body = orjson.dumps([event, event, {"subscriptionType": "contact.creation", "objectId": 2}])
    relay.deliver(body)
    row_id = cli.json("inbox", "list")["deliveries"][0]["id"]
    shown = cli.json("inbox", "show", row_id)
    assert shown["events"] == {"contact.propertyChange": 2, "contact.creation": 1}
    assert (shown["bytes"], "body" in shown) == (len(body), False)
    told = cli.run("inbox", "show", row_id)
    assert EMAIL not in told.stdout
    assert "contact.propertyChange" in told.stdout
    assert cli.run("inbox", "show", row_id, "--body").stdout_bytes == body + b"\n"
    assert cli.json("inbox", "show", row_id, "--body")["body"] == body.decode()
    missing = cli.run("inbox", "show", row_id + 1)
    assert (missing.exit_code, missing.stdout) == (3, "")


def test_retrying_what_is_not_parked_is_told(cli: CommandLine, relay: Relay) -> None:
    relay.deliver(b"nonsense")
    row_id = cli.json("inbox", "list")["deliveries"][0]["id"]
    assert cli.run("inbox", "retry", row_id).exit_code == 1
    assert cli.run("inbox", "retry").exit_code == 2
    assert cli.run("inbox", "retry", row_id, "--all").exit_code == 2
    relay.settle()
    assert cli.json("inbox", "retry", "--all") == {"retried": 1}


# ── records, properties, tasks, leads ────────────────────────────────────────────────────────────────────────
def test_a_refused_property_is_listed_mended_and_written(cli: CommandLine, relay: Relay) -> None:
    """An option is missing in the portal: the property is parked alone; mended and retried, it is written."""
    path = "/crm/properties/2026-03/contacts/tasuki_track"
    definition = relay.line.vendor.api.get(path, {}, lane=Lane.HOT)  # type: ignore[attr-defined]
    kept = [one for one in definition["options"] if one["value"] != "sdr"]
    relay.line.vendor.api.call("PATCH", path, {"options": kept}, lane=Lane.HOT)  # type: ignore[attr-defined]
    contact = submitted(relay)
    assert relay.contact(contact)["lifecyclestage"] == "marketingqualifiedlead"
    assert not relay.contact(contact).get("tasuki_track")
    (item,) = items(cli)
    assert item.startswith("property:")
    assert item.endswith(":tasuki_track")
    found = items(cli)[item]
    assert (found["kind"], found["vendor_id"], found["reason"]) == ("property", contact, "invalid_option")
    assert "tasuki connect" in found["remedy"]
    out = cli.run("parked", "list").stdout
    assert "the CRM's property has no such option" in out
    assert cli.run("connect").exit_code == 0  # the running policy: puts the option back
    assert cli.json("parked", "retry", item) == {"retried": [item], "not_parked": []}
    relay.settle()
    assert relay.contact(contact)["tasuki_track"] == "sdr"
    assert items(cli) == {}
    again = cli.run("parked", "retry", item)
    assert (again.exit_code, "Not parked" in again.stdout) == (1, True)


def test_a_property_that_is_given_up_is_listed_no_more_and_stays_unwritten(cli: CommandLine, relay: Relay) -> None:
    contact = submitted(relay)
    dropped = '{"tasuki_grade": {"reason": "invalid_option", "value": "D"}}'
    execute(relay, "UPDATE link SET dropped = %s WHERE vendor_id = %s", dropped, contact)
    (item,) = items(cli)
    assert cli.json("parked", "drop", item, "--reason", "we do not use grades")["dropped"] == [item]
    assert items(cli) == {}
    (row,) = relay.rows("SELECT dropped FROM link WHERE vendor_id = %s", [contact])
    assert row["dropped"]["tasuki_grade"] == {
        "reason": "invalid_option",
        "value": "D",
        "given_up": "we do not use grades",
    }
    (ledger,) = relay.rows("SELECT data FROM ledger WHERE kind = 'dropped'")
    assert ledger["data"] == {"what": "property", "name": "tasuki_grade", "because": "we do not use grades"}


def test_records_tasks_and_leads_are_tried_again(cli: CommandLine, relay: Relay) -> None:
    contact = submitted(relay)
    relay.sandbox.edit("contacts", contact, {"tasuki_score": "1"})
    execute(relay, "UPDATE link SET parked_reason = 'invalid_owner', parked_message = 'who?', parked_at = now()")
    execute(relay, "UPDATE managed_record SET step = 'parked', parked_reason = 'rejected', dirty = true")
    execute(relay, "UPDATE lead_due SET parked_reason = 'evaluation_failed_KeyError', failures = 8")
    found = items(cli)
    assert sorted(one["kind"] for one in found.values()) == ["lead", "link", "task", "task"]
    link = next(one for one in found.values() if one["kind"] == "link")
    assert (link["message"], link["vendor_id"]) == ("who?", contact)
    assert sorted(cli.json("parked", "retry", "--all")["retried"]) == sorted(found)
    assert items(cli) == {}
    relay.settle()
    assert [one["step"] for one in relay.rows("SELECT step FROM managed_record")] == ["exists"] * 2
    assert relay.rows("SELECT 1 FROM link WHERE desired_revision > confirmed_revision") == []
    assert relay.rows("SELECT 1 FROM lead_due WHERE failures > 0") == []
    assert relay.made_by(contact) == [CALL, MAIL]


def test_what_is_dropped_rests(cli: CommandLine, relay: Relay) -> None:
    contact = submitted(relay)
    execute(relay, "UPDATE managed_record SET step = 'parked', parked_reason = 'rejected', dirty = true")
    execute(relay, "UPDATE link SET parked_reason = 'rejected', parked_at = now()")
    execute(relay, "UPDATE link SET desired_revision = desired_revision + 1")
    execute(relay, "UPDATE lead_due SET parked_reason = 'evaluation_failed_KeyError'")
    found = sorted(items(cli))
    dropped = cli.json("parked", "drop", *found, "--reason", "tried everything")
    assert sorted(dropped["dropped"]) == found
    assert items(cli) == {}
    relay.settle()
    assert [one["step"] for one in relay.rows("SELECT step FROM managed_record")] == ["settled"] * 2
    assert relay.made_by(contact) == [CALL, MAIL]
    assert len(relay.rows("SELECT 1 FROM ledger WHERE kind = 'dropped'")) == len(found) == 4


def test_a_wrong_item_stops_everything(cli: CommandLine, relay: Relay) -> None:
    relay.deliver(b"nonsense")
    relay.settle()
    (item,) = items(cli)
    for wrong in ("delivery:", "property:1:1", "nothing:1", "link:1", "delivery:1; DROP TABLE inbox", "task:x:y"):
        result = cli.run("parked", "drop", item, wrong, "--reason", "x")
        assert result.exit_code == 3, wrong
        assert "copy the item from `tasuki parked list`" in result.stderr
    assert list(items(cli)) == [item]
    assert cli.run("parked", "drop", item).exit_code == 2
    assert cli.run("parked", "drop", item, "--reason", "  ").exit_code == 2
    assert cli.run("parked", "retry").exit_code == 2


# ── the outbox ───────────────────────────────────────────────────────────────────────────────────────────────
def test_the_outbox_tells_what_is_outstanding_and_what_holds_it_up(cli: CommandLine, relay: Relay) -> None:
    relay.sandbox.submit("お問い合わせ", {"email": EMAIL, "lastname": "山田"})
    relay.poll()
    listed = cli.json("outbox", "list")
    (row,) = listed["outstanding"]
    assert (row["vendor_id"], row["read"], row["write"], row["not_before"]) == (None, True, False, None)
    execute(relay, "UPDATE connection SET status = 'paused', paused_reason = 'token_refused'")
    (paused,) = cli.json("outbox", "list")["paused_connections"]
    assert (paused["reason"], paused["until"]) == ("token_refused", None)
    out = cli.run("outbox", "list").stdout
    assert "! Connection 1 is paused: the CRM no longer accepts our access token." in out
    assert "hot" in out
    execute(relay, "UPDATE connection SET status = 'active', paused_reason = NULL")
    relay.settle()
    assert cli.json("outbox", "list")["outstanding"] == []


def test_what_waits_after_a_failure_is_tried_at_once(cli: CommandLine, relay: Relay) -> None:
    relay.listen()
    contact_id = submitted(relay)
    relay.sandbox.fault("status", kind="contacts.batch_update", status=503, retry_after=3_000, times=1)
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.hear_and_settle()
    (row,) = cli.json("outbox", "list")["outstanding"]
    assert row["not_before"] is not None
    lead_id = row["lead_id"]
    assert relay.round() == 0, "it waits"
    missed = cli.run("outbox", "retry", lead_id, 4711, "--json")
    assert (missed.exit_code, orjson.loads(missed.stdout)) == (1, {"retried": [lead_id], "not_outstanding": [4711]})
    relay.settle()
    assert "現場の温度感が高い" in relay.contact(contact_id)["tasuki_score_reasons"]
    assert cli.json("outbox", "retry", "--all") == {"retried": [], "not_outstanding": []}

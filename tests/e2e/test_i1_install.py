"""I1: after an install, `tasuki doctor` says of everything that must be right whether it is, and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.both_relay import BothRelay
from tests.e2e.command_line import CommandLine


@pytest.fixture
def cli(both: BothRelay) -> CommandLine:
    found = CommandLine.of(both)
    found.environ |= {
        "TASUKI_SALESFORCE_LOGIN_URL": both.org.base_url,
        "TASUKI_SALESFORCE_CLIENT_ID": both.org.client_id,
        "TASUKI_SALESFORCE_CLIENT_SECRET": both.org.client_secret,
        "TASUKI_SALESFORCE_ORG_ID": both.org.organization_id,
    }
    return found


def _told(cli: CommandLine, *, wrong: bool) -> dict[tuple[str, str], list[dict[str, Any]]]:
    result = cli.run("doctor", "--json")
    assert result.exit_code == (1 if wrong else 0), result.output
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in json.loads(result.stdout):
        found.setdefault((one["check"], one["where"].split(" ")[0]), []).append(one)
    return found


def test_the_doctor_finds_nothing_wrong_and_then_each_thing_that_is(both: BothRelay, cli: CommandLine) -> None:
    relay = both
    relay.meet()
    relay.listen()
    contact = str(relay.sandbox.create("contacts", {"email": "yamada@example.co.jp", "lastname": "山田"})["id"])
    relay.hear_and_settle()
    (work,) = _told(cli, wrong=True)["work", "tasuki"]
    assert (work["state"], "no worker" in work["says"]) == ("error", True), "nothing waits, and nobody would take it"
    with relay.database.transaction(None) as conn:
        conn.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 hour')")
    mark, org_mark = relay.mark(), relay.org_mark()
    told = _told(cli, wrong=False)
    crms = ("hubspot", "salesforce")
    here = {("database", "tasuki"), ("clock", "tasuki"), ("policy", "tasuki"), ("work", "tasuki"), ("parked", "tasuki")}
    there = {(check, crm) for check in ("access", "fields", "events", "looks", "quota") for crm in crms}
    assert set(told) == here | there | {("native_sync", "hubspot")}
    assert {one["state"] for lines in told.values() for one in lines} == {"ok"}
    assert (relay.our_writes(since=mark), relay.org_writes(since=org_mark)) == ([], []), "it changes nothing"
    assert "Nothing is wrong." in cli.run("doctor").stdout
    assert "異常はありません。" in cli.run("--lang", "ja", "doctor").stdout

    # HubSpot's own integration has begun to link, a field is gone, a lead waits for a person.
    relay.sandbox.calculated("contacts", contact, {"salesforceleadid": "00Q000000000001AAA"}, source="SALESFORCE")
    relay.pass_time(minutes=1)  # HubSpot's search lags
    relay.api("DELETE", "/crm/v3/properties/contacts/tasuki_temperature")
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET parked_reason = 'duplicate_rule'")
    told = _told(cli, wrong=True)
    (native,) = told["native_sync", "hubspot"]
    assert (native["state"], "identity_and_fields" in native["remedy"]) == ("error", True)
    (field,) = told["fields", "hubspot"]
    assert ("tasuki_temperature" in field["says"], field["remedy"]) == (True, "Run `tasuki connect hubspot`.")
    assert told["parked", "tasuki"][0]["state"] == "warning"
    assert told["fields", "salesforce"][0]["state"] == "ok"

    # The org lets nobody in: a line, and the others are told all the same.
    relay.org.block_app()
    told = _told(cli, wrong=True)
    (access,) = told["access", "salesforce"]
    assert (access["state"], bool(access["remedy"])) == ("error", True)
    assert told["access", "hubspot"][0]["state"] == "ok"

    # A delivery that nobody takes, and a database that is away.
    with relay.database.transaction(None) as conn:
        conn.execute("INSERT INTO inbox (received_at, source, body) VALUES (now() - interval '1 hour', 'hubspot', '')")
    (work,) = _told(cli, wrong=True)["work", "tasuki"]
    assert (work["state"], "tasuki work" in work["remedy"]) == ("error", True)
    away = cli.run("doctor", "--json", TASUKI_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert '"check": "database"' in away.stdout
    assert (away.exit_code, "connection refused" in away.stdout.lower()) == (1, True), "nothing works without it"
    said = json.loads(cli.run("doctor", "--json", TASUKI_HUBSPOT_PORTAL_ID="4711").stdout)
    (access,) = [one for one in said if one["where"] == "hubspot"]
    assert (access["state"], str(relay.sandbox.portal_id) in access["says"]) == ("error", True), (
        "and makes no row of it"
    )
    other = cli.run("connect", "hubspot", TASUKI_HUBSPOT_PORTAL_ID="4711")
    assert (other.exit_code, "The access token is portal" in other.stderr) == (3, True)
    with relay.database.transaction(relay.installation_id) as conn:
        assert conn.execute("SELECT count(*) AS n FROM connection").fetchone() == {"n": 2}, "no third one is known"

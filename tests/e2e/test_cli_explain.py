"""`tasuki explain`: leads by whatever name a person has for them, and what is told of those in trouble."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import Relay

EMAIL = "yamada@example.co.jp"


@pytest.fixture
def cli(relay: Relay) -> CommandLine:
    return CommandLine.of(relay)


@pytest.fixture
def contact_id(relay: Relay) -> str:
    """A contact that has sent an inquiry, decided and delivered."""
    submitted = relay.sandbox.submit("お問い合わせ", {"email": EMAIL, "lastname": "山田"})
    relay.poll()
    relay.settle()
    return str(submitted["contact_id"])


def lead_id(relay: Relay, contact_id: str) -> int:
    return int(relay.rows("SELECT lead_id FROM identity WHERE vendor_id = %s", [contact_id])[0]["lead_id"])


def test_every_name_finds_the_lead(cli: CommandLine, relay: Relay, contact_id: str) -> None:
    lead = lead_id(relay, contact_id)
    for name in (EMAIL, EMAIL.upper(), contact_id, f"contact:{contact_id}", f"lead:{lead}", lead):
        assert cli.json("explain", name)["lead_id"] == lead, name


def test_an_unknown_lead_is_told_so(cli: CommandLine, contact_id: str) -> None:
    for name in ("nobody@example.co.jp", "999", "lead:999", "contact:999", "x", "9" * 40, "lead:", "٣"):
        result = cli.run("explain", name)
        assert result.exit_code == 3, name
        assert "No lead is known as" in result.stderr
        assert result.stdout == ""


def test_a_number_that_is_two_leads_asks_which(cli: CommandLine, relay: Relay, contact_id: str) -> None:
    lead = lead_id(relay, contact_id)
    with relay.database.transaction(relay.installation_id) as conn:
        other = conn.execute(
            "INSERT INTO lead (installation_id, created_at) VALUES (%s, now()) RETURNING id", [relay.installation_id]
        ).fetchone()
        assert other is not None
        conn.execute("UPDATE identity SET vendor_id = %s, lead_id = %s", [str(lead), other["id"]])
    result = cli.run("explain", lead)
    assert result.exit_code == 3
    assert f"lead:{lead}, lead:{other['id']}" in result.stderr


def test_a_lead_that_was_not_read_yet(cli: CommandLine, relay: Relay) -> None:
    with relay.database.transaction(relay.installation_id) as conn:
        row = conn.execute(
            "INSERT INTO lead (installation_id, created_at) VALUES (%s, now()) RETURNING id", [relay.installation_id]
        ).fetchone()
        assert row is not None
        conn.execute(
            "INSERT INTO link (installation_id, lead_id, connection_id, vendor_id) VALUES (%s, %s, %s, '77')",
            [relay.installation_id, row["id"], relay.connection_id],
        )
    result = cli.run("explain", f"lead:{row['id']}")
    assert result.exit_code == 3
    assert "has not been read from the CRM yet" in result.stderr


def test_troubles_are_told_with_their_remedy(cli: CommandLine, relay: Relay, contact_id: str) -> None:
    frozen = '{"frozen": {"until": "2999-01-01T00:00:00+00:00", "writers": ["tasuki", "WORKFLOWS"]}}'
    dropped = '{"tasuki_grade": {"reason": "invalid_option", "value": "A"}}'
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET dropped = %s, parked_reason = 'invalid_owner', parked_at = now()", [dropped])
        conn.execute("UPDATE mirror SET meta = jsonb_build_object('tasuki_band', %s::jsonb)", [frozen])
        conn.execute("UPDATE lead_due SET parked_reason = 'evaluation_failed_KeyError'")
        conn.execute("UPDATE connection SET status = 'paused', paused_reason = 'token_refused'")
    troubles: dict[str, Any] = cli.json("explain", EMAIL)["troubles"]
    assert troubles["connection_paused"] == "token_refused"
    assert troubles["parked"]["reason"] == "invalid_owner"
    assert troubles["dropped"] == [{"property": "tasuki_grade", "reason": "invalid_option", "given_up": None}]
    assert [one["property"] for one in troubles["frozen"]] == ["tasuki_band"]
    assert troubles["frozen"][0]["writers"] == ["tasuki", "WORKFLOWS"]
    assert troubles["evaluation_parked"] == "evaluation_failed_KeyError"
    out = cli.run("explain", EMAIL).stdout
    assert "! tasuki_grade is not written: the CRM's property has no such option." in out
    assert "! tasuki_band is frozen until 2999" in out
    assert "the CRM no longer accepts our access token" in out
    japanese = cli.run("explain", EMAIL, TASUKI_LANG="ja").stdout
    assert "! tasuki_gradeは書き込まれません: CRMのプロパティにその選択肢がありません。" in japanese
    assert "CRMがアクセストークンを受け付けなくなりました" in japanese
    assert "プールからの割り当て(新しい順)" in japanese

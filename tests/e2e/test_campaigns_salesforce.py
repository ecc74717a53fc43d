"""Campaigns of Salesforce: what becomes of a member is a signal, once; `enrol: salesforce_campaign` makes one, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import RetryableError
from connector.jobs import tasks
from connector.store import connections
from connector.sync.campaigns import campaigns_due, poll_campaigns
from connector.sync.context import Line
from connector.vendors.refusal import RefusedError
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.policies import changed_policy
from tests.e2e.salesforce_relay import SalesforceRelay


def _campaign(relay: SalesforceRelay, name: str, kind: str) -> str:
    campaign = relay.org.create("Campaign", {"Name": name, "Type": kind, "IsActive": True})
    for label, answer in (("登録", False), ("参加", True), ("欠席", False)):
        status = {"CampaignId": campaign, "Label": label, "HasResponded": answer}
        relay.org.create("CampaignMemberStatus", status)
    return campaign


def _lead(relay: SalesforceRelay, number: int) -> str:
    values = {"LastName": f"山田{number}", "Company": "社", "Email": f"p{number}@example.co.jp"}
    return relay.org.create("Lead", values)


def _look(relay: SalesforceRelay) -> int:
    relay.pass_time(seconds=1)
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE poll_cursor SET due_at = now() WHERE kind = 'campaigns'")
    assert campaigns_due(relay.line)
    return poll_campaigns(relay.line)


def _signals(relay: SalesforceRelay, person: str) -> list[str]:
    lead_id = relay.lead(person)["id"]
    query = "SELECT kind FROM signal WHERE lead_id = %s AND source = 'salesforce_campaign' ORDER BY id"
    return [row["kind"] for row in relay.rows(query, [lead_id])]


def test_what_becomes_of_a_member_is_a_signal_once_and_whom_we_put_there_did_nothing(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = changed_policy(
        tmp_path / "policy",
        "work.yaml",
        to="salesforce_campaign: ステップメール対象 => salesforce_campaign: ステップメール",
    )
    signals = policy / "signals.yaml"
    signals.write_text(signals.read_text("utf-8").replace("type: 展示会, status: [来場]", "type: 展示会"), "utf-8")
    relay = make_salesforce_relay(policy=policy)
    relay.meet()
    relay.pass_time(seconds=2)  # later than the activation by Salesforce's seconds too
    webinar = _campaign(relay, "秋のウェビナー", "Webinar")
    step_mail = _campaign(relay, "ステップメール", "展示会")
    old, guest = _lead(relay, 1), _lead(relay, 2)
    was_there = relay.org.create("CampaignMember", {"CampaignId": webinar, "LeadId": old, "Status": "参加"})

    # Both leads are of the low band: each is put into the campaign that the policy names, once, and that is no signal.
    relay.hear_and_settle()
    assert _look(relay) == 0, "first sight is a baseline"
    relay.pass_time(days=2)
    new = _lead(relay, 3)
    relay.hear_and_settle()
    relay.hear_and_settle()
    members = [one["fields"] for one in relay.org.records("CampaignMember") if one["fields"]["CampaignId"] == step_mail]
    assert sorted(one["LeadId"] for one in members) == sorted([old, guest, new])
    assert _look(relay) == 0
    score = relay.fields(guest)["TasukiScore__c"]

    # Registered is nothing yet; taking part is, at that moment, and shows in the score.
    member = relay.org.create("CampaignMember", {"CampaignId": webinar, "LeadId": guest, "Status": "登録"})
    assert _look(relay) == 0
    relay.org.edit(member, {"Status": "参加"})
    relay.mark()
    assert _look(relay) == 1
    assert relay.calls()["total"] == 1, "a look is one call"
    relay.hear_and_settle()
    assert _signals(relay, guest) == ["webinar_attended"]
    assert relay.fields(guest)["TasukiScore__c"] > score
    assert "ウェビナー参加" in relay.fields(guest)["TasukiReasons__c"]

    # Back and forth is the same once; who took part before our time did nothing now, whoever touches the row.
    for status in ("欠席", "参加"):
        relay.org.edit(member, {"Status": status})
        _look(relay)
    relay.org.edit(was_there, {"Status": "参加"})
    assert _look(relay) == 0
    assert (_signals(relay, guest), _signals(relay, old)) == (["webinar_attended"], [])

    # Of a campaign without a wanted status being put there by a person is enough; a stranger becomes a lead by it.
    stranger = _lead(relay, 4)
    relay.org.create("CampaignMember", {"CampaignId": step_mail, "LeadId": stranger, "Status": "登録"})
    assert _look(relay) == 1
    relay.hear_and_settle()
    assert _signals(relay, stranger) == ["exhibition_card"]
    assert relay.fields(stranger)["TasukiScore__c"] > 0

    # A user who may not read members: the next look is a minute away, and goes on from where it stood.
    relay.org.edit(
        relay.org.create("CampaignMember", {"CampaignId": webinar, "LeadId": new, "Status": "登録"}), {"Status": "参加"}
    )
    relay.org.fault("status", kind="data.query", status=400, code="INVALID_TYPE", times=None)
    with pytest.raises(RetryableError, match="campaign members"):
        _look(relay)
    assert not campaigns_due(relay.line)
    (wait,) = relay.rows(
        "SELECT due_at > now() + interval '30 seconds' AS long FROM poll_cursor WHERE kind = 'campaigns'"
    )
    assert wait["long"]
    relay.org.clear_faults()

    # The job looks at members also where a list is refused, and says so.
    def refused(line: Line) -> int:
        raise RefusedError("no", reason="invalid_type", status=400)

    monkeypatch.setattr(tasks, "poll_lists", refused)
    relay.pass_time(seconds=1)
    with relay.database.transaction(relay.installation_id) as conn:
        connections.make_due(conn, "campaigns")
    with pytest.raises(RefusedError):
        tasks.Jobs(relay.runtime).lists(relay.installation_id, relay.connection_id)
    assert _signals(relay, new) == ["webinar_attended"]

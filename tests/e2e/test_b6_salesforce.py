"""B6 on Salesforce alone: the fields that the guides name are read from the org, and stand on its tasks and packets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.e2e.org_people import edit, field_sales_gets, new_sal, opportunities
from tests.e2e.relay import CALL
from tests.e2e.salesforce_relay import KEY, SalesforceRelay
from tests.e2e.website import happens, submits

EMAIL = "yamada@example.co.jp"


def on_deal(relay: SalesforceRelay, deal: str) -> list[dict[str, Any]]:
    """Our tasks on an opportunity, its packet among them."""
    tasks = [one["fields"] for one in relay.org.records("Task")]
    return [one for one in tasks if one.get("WhatId") == deal and one.get(KEY)]


def test_the_call_tells_campaign_keyword_last_visit_best_time_and_where_the_record_is(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    known = {"LastName": "山田", "Company": "株式会社サンプル", "Email": EMAIL, "LeadSource": "広告"}
    known |= {"TasukiCampaign__c": "秋の比較", "TasukiKeyword__c": "見積 自動化"}
    lead = relay.org.create("Lead", known | {"TasukiBestCallTime__c": "平日10時"})
    relay.hear_and_settle()
    assert relay.tasks_of(lead, CALL) == []
    edit(relay, lead, TasukiLastVisit__c="2025-11-02T01:30:00Z")
    happens(relay, EMAIL, "social")
    submits(relay, EMAIL, "inquiry")
    (call,) = relay.tasks_of(lead, CALL)
    text = call["Description"]
    assert "つながりやすい時間: 平日10時" in text
    assert "流入: 広告 秋の比較 見積 自動化" in text
    assert "最終訪問: 2025-11-02 10:30" in text, "by the company's clock"
    assert "SNSでの反応" in text, "among what the lead did lately"
    assert f"{relay.org.base_url}/{lead}" in text
    assert relay.fields(lead)["TasukiScore__c"] == 42, "inquiry 40, social reaction 2"


def test_concerns_reach_field_sales_and_a_pending_deal_needs_its_reason(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    field_sales_gets(relay, new_sal(relay, EMAIL), TasukiConcerns__c="社内の稟議が長い")
    (deal,) = opportunities(relay)
    (note,) = [one for one in on_deal(relay, deal["Id"]) if "見積書" in (one.get("Description") or "")]
    assert "懸念点: 社内の稟議が長い" in note["Description"]
    assert relay.fields(note["WhoId"])["TasukiConcerns__c"] == "社内の稟議が長い", "the contact keeps it"
    meeting = (relay.now() + timedelta(days=5)).isoformat(timespec="seconds")
    edit(relay, deal["Id"], TasukiMeetingAt__c=meeting, TasukiMeetingResult__c="pending")
    assert relay.fields(deal["Id"])["TasukiMissing__c"] == "保留理由"
    asked = [one["Subject"] for one in on_deal(relay, deal["Id"]) if one["Status"] != "Completed"]
    assert asked == ["アポイント獲得 の必須項目: 保留理由"]
    edit(relay, deal["Id"], TasukiPendingReason__c="来期の予算待ち")
    assert not relay.fields(deal["Id"]).get("TasukiMissing__c")

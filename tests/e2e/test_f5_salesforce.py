"""F5 on Salesforce alone: each stage of an opportunity asks for fields, those of the stages before it too; a lost one
needs its reason."""

from __future__ import annotations

from tests.e2e.org_people import edit, new_sql, opportunities
from tests.e2e.salesforce_relay import SalesforceRelay


def _asked(relay: SalesforceRelay, deal: str) -> list[tuple[str, str]]:
    """What open tasks on the opportunity ask for, and of whom."""
    tasks = [one["fields"] for one in relay.org.records("Task") if one["fields"].get("WhatId") == deal]
    return [
        (one["Subject"], one["OwnerId"])
        for one in tasks
        if one["Status"] == "Not Started" and "の必須項目" in one["Subject"]
    ]


def test_stages_ask_for_fields_and_a_lost_opportunity_for_its_reason(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    contact = new_sql(relay, "yamada@example.co.jp")
    (made,) = opportunities(relay)
    deal, seller = made["Id"], made["OwnerId"]
    assert made["StageName"] == "Prospecting"
    assert seller in relay.pool("fs_east")
    assert _asked(relay, deal) == [("アポイント獲得 の必須項目: 初回商談日時", seller)]
    assert relay.fields(deal)["TasukiMissing__c"] == "初回商談日時"

    edit(relay, deal, StageName="Proposal/Price Quote")
    lacks = "初回商談日時、初回商談の実施日時、商談結果、提案日、予算"
    assert _asked(relay, deal) == [(f"提案 の必須項目: {lacks}", seller)], "a stage that was skipped is asked for"
    assert relay.fields(deal)["TasukiMissing__c"] == lacks
    met = "2026-11-27T01:00:00.000+0000"
    held = {"TasukiMeetingAt__c": met, "TasukiMeetingHeldAt__c": met, "TasukiMeetingResult__c": "pending"}
    edit(relay, deal, **held, TasukiProposalOn__c="2026-12-01")
    assert relay.fields(deal)["TasukiMissing__c"] == "予算、保留理由", "a pending meeting needs why"
    edit(relay, deal, TasukiMeetingResult__c="proceed")
    assert relay.fields(deal)["TasukiMissing__c"] == "予算"
    assert len(_asked(relay, deal)) == 1
    edit(relay, contact, TasukiBudget__c="secured")
    assert _asked(relay, deal) == [], "the person's field counts as much as the opportunity's"
    assert "TasukiMissing__c" not in relay.fields(deal)

    stood = relay.fields(contact)["TasukiStage__c"]
    edit(relay, deal, StageName="Closed Lost")
    assert relay.fields(contact)["TasukiStage__c"] == stood, "the person stays until somebody says why"
    assert _asked(relay, deal) == [("失注 の必須項目: 失注理由", seller)]
    edit(relay, deal, TasukiLostReason__c="other")
    assert relay.fields(contact)["TasukiStage__c"] == "リサイクル"
    assert _asked(relay, deal) == [("失注 の必須項目: 失注の補足", seller)]
    edit(relay, deal, TasukiLostNote__c="担当役員の交代")
    assert _asked(relay, deal) == []
    assert "TasukiMissing__c" not in relay.fields(deal)

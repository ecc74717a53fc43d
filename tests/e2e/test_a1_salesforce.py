"""A1 on Salesforce alone: a lead made in the org is found, scored and written back; owners never change by that."""

from __future__ import annotations

from tests.e2e.salesforce_relay import SalesforceRelay


def test_a_lead_of_the_org_is_scored_and_written_back(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    others = {"entries": [{"when": {"LastName": "山田"}, "owner": relay.org.admin_id}]}
    relay.org.rules(assignment={"Lead": others})
    rep = next(one["id"] for one in relay.org.records("User") if one["id"] not in (relay.org.admin_id,))
    lead = relay.org.create(
        "Lead",
        {
            "LastName": "山田",
            "Company": "株式会社サンプル",
            "Email": "yamada@example.co.jp",
            "Title": "部長",
            "Industry": "Manufacturing",
            "NumberOfEmployees": 500,
            "OwnerId": rep,
        },
    )
    relay.hear_and_settle()
    shown = relay.fields(lead)
    assert shown["TasukiScore__c"] > 0
    assert shown["TasukiStage__c"] == "リード"
    assert shown["OwnerId"] == rep
    mark = relay.mark()
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []

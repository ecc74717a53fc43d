"""F1 on Salesforce alone: the hand-over converts the lead once; what the lead has become is followed, as is a
conversion or merge by people."""

from __future__ import annotations

from typing import Any

from connector.store.reconcile_passes import Scope
from connector.sync.reconcile import types
from tests.e2e.org_people import HEARD, edit, new_sql, opportunities
from tests.e2e.salesforce_relay import KEY, SalesforceRelay


def deals_of(relay: SalesforceRelay, contact: str) -> list[str]:
    """The opportunities that we know the contact to have."""
    rows = relay.rows("SELECT to_ids FROM association WHERE from_id = %s AND to_type = 'Opportunity'", [contact])
    return [one for row in rows for one in row["to_ids"]]


def test_a_hand_over_converts_once_and_the_lead_goes_on_as_its_contact(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    account = relay.org.create("Account", {"Name": "サンプル商事", "Website": "https://www.example.co.jp/"})
    relay.org.fault("lost_response", kind="soap*")  # converted, and nobody tells us
    contact = new_sql(relay, "yamada@example.co.jp", Website="example.co.jp", TasukiProductInterest__c="core")
    conversions = relay.org.ledger(type="Lead", method="convert")
    assert len(conversions) == 1
    (deal,) = opportunities(relay)
    assert (deal["AccountId"], relay.fields(contact)["AccountId"]) == (account, account)
    assert (deal["StageName"], deal["Amount"], deal["Name"]) == ("Prospecting", 3_000_000, "株式会社サンプル 本体")
    assert deal["OwnerId"] in relay.pool("fs_east")
    assert deal[KEY].split(":")[0] == str(relay.lead(contact)["id"])
    roles = [one["fields"] for one in relay.org.records("OpportunityContactRole")]
    assert [(one["OpportunityId"], one["ContactId"]) for one in roles] == [(deal["Id"], contact)]
    notes = [one["fields"] for one in relay.org.records("Task") if one["fields"].get("WhatId") == deal["Id"]]
    (note,) = [one for one in notes if one["Status"] == "Completed" and "見積書" in (one.get("Description") or "")]
    assert note["WhoId"] == contact

    # From now on everything is the contact's: reads, scores, stages, tasks; nothing is left to be done to the lead.
    assert relay.lead(contact)["stage"] == "sql"
    assert relay.fields(contact)["TasukiStage__c"] == "SQL"
    before = relay.fields(contact)["TasukiScore__c"]
    edit(relay, contact, Title="代表取締役")
    assert relay.fields(contact)["TasukiScore__c"] > before
    relay.pass_time(seconds=2)
    relay.org.edit(deal["Id"], {"StageName": "Closed Won"})
    relay.hear_and_settle()
    relay.close_gaps()
    relay.settle()
    assert relay.fields(contact)["TasukiStage__c"] == "顧客"
    assert relay.parked() == []
    assert len(opportunities(relay)) == 1


def test_people_convert_and_merge_and_the_leads_follow(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    lead = relay.new_mql("tanaka@example.co.jp")
    number = relay.lead(lead)["id"]
    made = relay.org.convert(lead, no_opportunity=True)
    relay.hear_and_settle()
    contact = made["contact_id"]
    assert relay.lead(contact)["id"] == number
    assert relay.fields(contact)["TasukiStage__c"] == "MQL"
    edit(relay, contact, Title="取締役")
    assert "役" in relay.fields(contact)["TasukiReasons__c"]

    winner, loser = relay.new_mql("sato@example.co.jp"), relay.new_mql("sato2@example.co.jp")
    kept = relay.lead(winner)["id"]
    relay.org.merge(winner, loser)
    relay.hear_and_settle()
    gone = relay.rows("SELECT lead_id, gone FROM identity WHERE vendor_id = %s", [loser])
    assert [(one["lead_id"], one["gone"]) for one in gone] == [(kept, "merged")]
    assert relay.lead(winner)["stage"] == "mql"


def test_a_contact_that_is_told_of_before_its_conversion_is_nobody_new(salesforce_relay: SalesforceRelay) -> None:
    """Messages of the contact that our own call makes may come before the call has answered: another worker reads it,
    and would decide and work it as a person of its own, who enters SQL and finds the opportunity that stands."""
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    lead = relay.new_mql("yamada@example.co.jp", TasukiProductInterest__c="core")
    number = relay.lead(lead)["id"]
    edit(relay, lead, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    vendor, told = relay.line.vendor, []
    create = vendor.create

    def slowly(object_type: str, *args: Any, **keywords: Any) -> Any:
        first = object_type == "Opportunity" and not told
        if first:  # whatever was told of the lead until now is done with
            relay.hear()
            relay.decide()
        relay.org.messages(paused=first)
        found = create(object_type, *args, **keywords)
        if first:
            told.append(relay.fields(lead)["ConvertedContactId"])
            stamp = relay.fields(told[0])["SystemModstamp"]
            made = {"id": "1", "event": "created", "object": "Contact", "record_id": told[0], "occurred_at": stamp}
            relay.call_out(made)
            relay.settle()
        return found

    vendor.create = slowly
    edit(relay, lead, **HEARD, TasukiTimeline__c="within_3m")
    assert told == [relay.fields(lead)["ConvertedContactId"]]
    (deal,) = opportunities(relay)
    notes = [one["fields"] for one in relay.org.records("Task") if one["fields"].get("WhatId") == deal["Id"]]
    assert len([one for one in notes if one["Status"] == "Completed"]) == 1, "one packet"
    assert relay.lead(told[0])["id"] == number
    assert relay.rows("SELECT id FROM lead WHERE gone = 'merged' AND evaluated_at IS NOT NULL") == []


def test_a_merged_contact_keeps_its_opportunity_and_a_deleted_one_stays_deleted(
    salesforce_relay: SalesforceRelay,
) -> None:
    """An opportunity cannot be merged; its people and its account can."""
    relay = salesforce_relay
    relay.meet()
    contact = new_sql(relay, "yamada@example.co.jp")
    (deal,) = opportunities(relay)
    theirs = {"LastName": "山田", "Email": "yamada2@example.co.jp", "AccountId": deal["AccountId"]}
    other = relay.org.create("Contact", theirs)
    double = relay.org.create("Account", {"Name": "株式会社サンプル"})
    relay.hear_and_settle()
    relay.pass_time(seconds=2)
    relay.org.merge(other, contact)
    relay.org.merge(double, deal["AccountId"])
    relay.hear_and_settle()
    assert relay.lead(contact)["id"] == relay.lead(other)["id"]
    (made,) = relay.rows("SELECT lead_id, vendor_id, step FROM managed_record WHERE kind = 'Opportunity'")
    assert (made["lead_id"], made["vendor_id"], made["step"]) == (relay.lead(other)["id"], deal["Id"], "exists")
    assert relay.rows("SELECT to_ids FROM association WHERE from_id = %s", [other]) == [{"to_ids": [deal["Id"]]}]
    notes = [one["fields"] for one in relay.org.records("Task") if one["fields"].get("WhatId") == deal["Id"]]
    assert len([one for one in notes if "見積書" in (one.get("Description") or "")]) == 1

    relay.pass_time(seconds=2)
    relay.org.delete(deal["Id"])
    relay.hear_and_settle()
    relay.pass_time(minutes=5)
    relay.reconcile(Scope.EVERYTHING)
    relay.hear_and_settle()
    assert opportunities(relay) == []
    assert relay.rows("SELECT step FROM managed_record WHERE kind = 'Opportunity'") == [{"step": "settled"}]


def test_a_write_that_is_on_its_way_when_people_convert_the_lead_reaches_the_contact(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    form = {"LastName": "山田", "Company": "株式会社サンプル", "Email": "yamada@example.co.jp", "LeadSource": "Web"}
    lead = relay.org.create("Lead", form, web=True)
    vendor, made = relay.line.vendor, []
    update = vendor.update

    def once_converted(object_type: str, *args: Any, **keywords: Any) -> Any:
        if object_type == "Lead" and not made:
            made.append(relay.org.convert(lead, no_opportunity=True)["contact_id"])
        return update(object_type, *args, **keywords)

    vendor.update = once_converted
    relay.hear_and_settle()
    (contact,) = made
    shown = relay.fields(contact)
    assert (shown["TasukiStage__c"], shown["TasukiTrack__c"]) == ("MQL", "sdr")
    assert shown["TasukiScore__c"] > 0
    assert len(relay.rows("SELECT id FROM lead WHERE gone IS NULL")) == 1
    assert relay.parked() == []


def test_a_contact_role_that_somebody_adds_or_takes_away_is_noticed(salesforce_relay: SalesforceRelay) -> None:
    """Neither the opportunity nor the contact changes by it: one more query of a look tells."""
    relay = salesforce_relay
    relay.meet()
    account = relay.org.create("Account", {"Name": "サンプル商事"})
    contact = relay.org.create("Contact", {"LastName": "山田", "Email": "y@example.co.jp", "AccountId": account})
    values = {"Name": "一件", "StageName": "Prospecting", "CloseDate": "2026-12-31", "AccountId": account}
    deal = relay.org.create("Opportunity", values)
    relay.hear_and_settle()
    relay.pass_time(minutes=30)
    relay.hear_and_settle()
    assert deals_of(relay, contact) == []
    before = relay.fields(deal)["SystemModstamp"]
    role = relay.org.create("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})
    assert relay.fields(deal)["SystemModstamp"] == before
    relay.mark()
    relay.hear()
    looked_at = types(relay.line)[Scope.CHANGES]
    assert relay.calls()["total"] == 2 * len(looked_at) + 1, "of roles one query; of all else the bin, of people twice"
    relay.settle()
    assert deals_of(relay, contact) == [deal]
    assert relay.rows("SELECT vendor_id FROM mirror WHERE object_type = 'Opportunity' AND read_at IS NOT NULL") == [
        {"vendor_id": deal}
    ]
    relay.pass_time(minutes=30)
    relay.hear_and_settle()
    relay.pass_time(seconds=2)
    relay.org.delete(role)
    relay.hear_and_settle()
    assert deals_of(relay, contact) == []

"""Deals as the lead's facts: read with the person, kept fresh by events, at the least cost."""

from __future__ import annotations

from typing import Any

import pytest

from connector.domain.lead import Actor
from connector.domain.value import BLANK
from connector.sync.context import Limits
from connector.sync.facts import DEAL_STAGE
from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals, facts, new_contact, seen
from tests.e2e.relay import POLICY, Relay

SMALL = POLICY.parent / "small-team"


def test_a_deal_is_read_with_its_person_and_followed_by_events(relay: Relay) -> None:
    relay.listen()
    deals, contact = Deals(relay), new_contact(relay)
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] is BLANK, "that there is none is knowledge"
    deal = deals.make(contact, amount="1200000")
    relay.hear_and_settle()
    assert facts(relay, contact) == {
        DEAL_STAGE: "appointment", "deal.amount": 1_200_000, "deal.fs_decision": BLANK, "deal.meeting_at": BLANK,
    }  # fmt: skip
    relay.mark()
    owner = relay.sandbox.owners()[0]["id"]
    deals.move(deal, "受注", tasuki_fs_decision="accepted", hubspot_owner_id=owner)
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] == "won"
    assert facts(relay, contact)["deal.fs_decision"] == "accepted"
    lead = seen(relay, contact)
    assert lead.deal_owner == owner
    assert lead.deal_owner_changed_at == lead.fact(DEAL_STAGE).changed_at
    assert lead.fact(DEAL_STAGE).actor is Actor.PERSON
    calls = relay.calls()
    assert calls["deals.batch_read"] == 1, "a changed deal is read alone"
    assert "contacts.batch_read" not in calls
    assert "associations.batch_read" not in calls


def test_the_newest_open_deal_of_the_policys_pipeline_counts(relay: Relay) -> None:
    relay.listen()
    deals, contact = Deals(relay), new_contact(relay)
    old = deals.make(contact, "提案")
    relay.pass_time(days=1)
    deals.make(contact, "失注")
    relay.sandbox.create(
        "deals", {"dealname": "更新", "dealstage": "contractsent"}, associations=[("contacts", contact)]
    )
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] == "proposal", "open before closed, and other pipelines say nothing"
    deals.move(old, "受注")
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] == "lost", "all are closed: the newest"


def test_deals_that_go_and_people_who_lose_them(relay: Relay) -> None:
    relay.listen()
    deals, contact = Deals(relay), new_contact(relay)
    first = deals.make(contact, "提案")
    relay.hear_and_settle()
    relay.sandbox.delete("deals", first)
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] is BLANK
    relay.sandbox.restore("deals", first)
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] == "proposal"
    relay.api("DELETE", f"/crm/v4/objects/deals/{first}/associations/contacts/{contact}")
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] is BLANK


def test_an_event_that_comes_while_the_deal_is_read_is_not_lost(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is heard before the mirror holds what we have read."""
    relay.listen()
    deals, contact = Deals(relay), new_contact(relay)
    relay.hear_and_settle()
    deal = deals.make(contact)
    relay.hear()
    vendor = relay.line.vendor
    read = vendor.read

    def slowly(object_type: str, *args: Any, **keywords: Any) -> Any:
        found = read(object_type, *args, **keywords)
        if object_type == "deal":
            monkeypatch.undo()
            deals.move(deal, "受注")
            relay.hear()
            assert relay.runtime.ingest()
        return found

    monkeypatch.setattr(vendor, "read", slowly)
    relay.hear_and_settle()
    assert vendor.read == read, "the deal was read"
    assert facts(relay, contact)[DEAL_STAGE] == "won"


def test_a_missed_event_is_made_good_by_the_persons_own_count(relay: Relay) -> None:
    relay.listen()
    deals, contact = Deals(relay), new_contact(relay)
    relay.hear_and_settle()
    relay.sandbox.webhooks(drop_rate=1.0)
    deals.make(contact, "提案")
    relay.sandbox.webhooks(drop_rate=0.0)
    relay.sandbox.edit("contacts", contact, {"jobtitle": "部長"})
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] == "proposal"


def test_a_merged_person_has_the_deals_of_both(relay: Relay) -> None:
    relay.listen()
    deals = Deals(relay)
    kept, lost = new_contact(relay, 1), new_contact(relay, 2)
    deals.make(kept, "失注")
    relay.pass_time(minutes=1)
    deals.make(lost, "提案")
    relay.hear_and_settle()
    relay.sandbox.merge(kept, lost, new_record=True)
    relay.hear_and_settle()
    (winner,) = [one["id"] for one in relay.sandbox.records("contacts")]
    assert facts(relay, winner)[DEAL_STAGE] == "proposal"


def test_erasing_a_person_forgets_deals_that_nobody_else_has(relay: Relay) -> None:
    relay.listen()
    deals, one, other = Deals(relay), new_contact(relay, 1), new_contact(relay, 2)
    alone, shared = deals.make(one), deals.make(one)
    relay.api("PUT", f"/crm/v4/objects/deals/{shared}/associations/default/contacts/{other}")
    relay.hear_and_settle()
    relay.sandbox.forget(one)
    relay.hear_and_settle()
    rows = relay.rows("SELECT vendor_id FROM mirror WHERE object_type = 'deal'")
    assert [row["vendor_id"] for row in rows] == [shared]
    assert alone not in {row["vendor_id"] for row in rows}


def test_a_thousand_leads_with_deals_cost_an_association_page_and_a_deal_read_for_each_batch(
    make_relay: MakeRelay,
) -> None:
    relay = make_relay(limits=Limits(fresh_seconds=600.0))
    deals = Deals(relay)
    people = [new_contact(relay, number) for number in range(1_050)]
    for contact in people[:1_000]:
        deals.make(contact, "提案")
    relay.listen()
    for contact in people:
        relay.sandbox.edit("contacts", contact, {"jobtitle": "部長"})
    relay.hear()
    while relay.runtime.ingest():
        pass
    relay.mark()
    relay.settle()
    calls = relay.sandbox.calls()
    assert calls["contacts.batch_read"]["calls"] <= 11
    assert calls["associations.batch_read"]["calls"] <= 11
    assert calls["associations.batch_read"]["records"] == 1_000, "those without a deal are not asked for"
    assert calls["deals.batch_read"]["calls"] <= 11
    assert calls["deals.batch_read"]["records"] == 1_000
    assert facts(relay, people[0])[DEAL_STAGE] == "proposal"
    assert facts(relay, people[-1])[DEAL_STAGE] is BLANK


def test_a_policy_that_does_not_speak_of_deals_reads_none(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    relay.listen()
    contact = new_contact(relay)
    deal = relay.sandbox.create(
        "deals", {"dealname": "一件", "dealstage": "closedwon"}, associations=[("contacts", contact)]
    )
    relay.mark()
    relay.hear_and_settle()
    relay.sandbox.edit("deals", str(deal["id"]), {"amount": "5"})
    relay.hear_and_settle()
    assert not [kind for kind in relay.calls() if kind.startswith(("deals", "associations"))]
    assert relay.rows("SELECT 1 FROM wanted_read") == []
    (row,) = relay.rows("SELECT properties FROM mirror WHERE object_type = 'contact' AND vendor_id = %s", [contact])
    assert "num_associated_deals" not in row["properties"]


def test_a_won_deal_makes_a_customer(relay: Relay) -> None:
    relay.listen()
    deals = Deals(relay)
    values = {"email": "sql@example.co.jp", "lifecyclestage": "salesqualifiedlead"}
    contact = str(relay.sandbox.create("contacts", values)["id"])
    deal = deals.make(contact)
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "sql"
    deals.move(deal, "受注")
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "customer"
    assert relay.contact(contact)["lifecyclestage"] == "customer"

"""F1: at SQL a deal is created, once, with title, stage, amount, owner and associations."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals
from tests.e2e.handover import HEARD, edit, its_deals, its_notes, new_sql, say
from tests.e2e.relay import Relay


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    made.sandbox.create("companies", {"name": "株式会社例", "domain": "example.co.jp"})
    return made


def test_the_hand_over_makes_one_deal_in_the_pipeline_with_contact_and_company(relay: Relay) -> None:
    contact = new_sql(relay, tasuki_product="core")
    deals = Deals(relay)
    (deal,) = its_deals(relay, contact)
    shown = deal["properties"]
    assert (shown["dealname"], shown["amount"]) == ("株式会社例 本体", "3000000")
    assert (shown["pipeline"], shown["dealstage"]) == (deals.pipeline, deals.stages["アポイント獲得"])
    assert deal["associations"]["companies"] == [relay.contact(contact)["associatedcompanyid"]]
    relay.pass_time(days=3)
    relay.hear_and_settle()
    edit(relay, contact, tasuki_budget="secured", tasuki_concerns="費用")
    assert [one["id"] for one in its_deals(relay, contact)] == [deal["id"]]
    assert len(its_notes(relay, deal["id"])) == 1


def test_a_person_who_moves_the_lead_to_sql_hands_it_over_too(relay: Relay) -> None:
    contact = relay.new_mql()
    edit(relay, contact, **HEARD, tasuki_timeline="within_3m")
    assert its_deals(relay, contact) == []
    edit(relay, contact, lifecyclestage="salesqualifiedlead")
    assert relay.lead(contact)["stage"] == "sql"
    assert len(its_deals(relay, contact)) == 1


def test_a_colleagues_open_deal_is_joined_and_keeps_its_owner_and_its_maker(relay: Relay) -> None:
    first = new_sql(relay)
    (deal,) = its_deals(relay, first)
    people = [one["id"] for one in relay.sandbox.owners()]
    say(relay, deal["id"], hubspot_owner_id=people[0])
    second = new_sql(relay, "suzuki@example.co.jp")
    (joined,) = its_deals(relay, second)
    assert joined["id"] == deal["id"]
    assert sorted(joined["associations"]["contacts"]) == sorted([first, second])
    assert joined["properties"]["hubspot_owner_id"] == people[0]
    assert len(its_notes(relay, deal["id"])) == 2, "the packet of each hand-over goes onto it"


def test_a_deal_that_is_lost_is_followed_by_a_new_one(relay: Relay) -> None:
    contact = new_sql(relay)
    (first,) = its_deals(relay, contact)
    Deals(relay).move(first["id"], "失注", tasuki_lost_reason="timing")
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "recycled"
    relay.pass_time(days=91)
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "lead"
    relay.sandbox.submit("お問い合わせ", {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    edit(relay, contact, tasuki_rep_decision="accepted")
    assert relay.lead(contact)["stage"] == "sql", "nothing is asked again: what is known stays known"
    found = its_deals(relay, contact)
    assert len(found) == 2
    assert found[0]["properties"]["tasuki_lost_reason"] == "timing", "why the first one was lost stays on it"
    assert found[1]["properties"].get("tasuki_lost_reason") is None

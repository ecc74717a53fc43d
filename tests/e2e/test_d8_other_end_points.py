"""D6, D8: inside sales closes small deals or goes along; customers go to customer success, their wishes come back."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals
from tests.e2e.handover import HEARD, edit, its_deals, new_sal, new_sql, say
from tests.e2e.relay import Relay


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def _people(relay: Relay, team: str) -> set[str]:
    return {one["id"] for one in relay.sandbox.owners() if team in [each["name"] for each in one.get("teams", [])]}


def _won(relay: Relay, contact: str) -> str:
    deal = its_deals(relay, contact)[-1]
    relay.pass_time(seconds=2)
    Deals(relay).move(deal["id"], "受注")
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "customer"
    return str(deal["id"])


def test_a_small_deal_stays_with_the_inside_sales_person(relay: Relay) -> None:
    contact = new_sal(relay)
    owner = relay.contact(contact)["hubspot_owner_id"]
    assert owner in _people(relay, "インサイドセールスSDR")
    edit(relay, contact, **HEARD, tasuki_closing_by="inside_sales", tasuki_timeline="within_3m")
    (deal,) = its_deals(relay, contact)
    assert deal["properties"]["hubspot_owner_id"] == owner
    assert deal["properties"]["tasuki_is_owner"] == owner


def test_otherwise_field_sales_takes_over(relay: Relay) -> None:
    contact = new_sql(relay)
    (deal,) = its_deals(relay, contact)
    assert deal["properties"]["hubspot_owner_id"] in _people(relay, "FS_East")
    assert deal["properties"]["tasuki_is_owner"] == relay.contact(contact)["hubspot_owner_id"]


def test_who_goes_along_is_reminded_the_day_before(relay: Relay) -> None:
    contact = new_sql(relay, tasuki_closing_by="accompany")
    (deal,) = its_deals(relay, contact)
    say(relay, deal["id"], tasuki_meeting_at="2026-12-10T05:00:00Z")
    assert not [one for one in relay.open_tasks(contact) if "帯同" in one["hs_task_subject"]]
    relay.pass_time(days=14)
    relay.settle()
    (task,) = [one for one in relay.open_tasks(contact) if "帯同" in one["hs_task_subject"]]
    assert task["hubspot_owner_id"] == relay.contact(contact)["hubspot_owner_id"]


def test_a_customer_goes_to_customer_success_and_to_the_partner(relay: Relay) -> None:
    contact = new_sql(relay, tasuki_partner="東日本販売")
    _won(relay, contact)
    tasks = {one["hs_task_subject"].partition(":")[0]: one for one in relay.open_tasks(contact)}
    assert tasks["受注引き継ぎ"]["hubspot_owner_id"] in _people(relay, "カスタマーサクセス")
    assert "課題: 見積書の作成に毎月40時間かかる" in tasks["受注引き継ぎ"]["hs_task_body"]
    assert "東日本販売" in tasks["パートナー引き継ぎ"]["hs_task_subject"]


def test_a_customers_wish_comes_back_to_inside_sales_and_makes_a_second_deal(relay: Relay) -> None:
    contact = new_sql(relay)
    first = _won(relay, contact)
    relay.pass_time(days=30)
    relay.sandbox.submit("追加相談", {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "mql"
    assert any("追加相談" in one["hs_task_subject"] for one in relay.open_tasks(contact))
    edit(relay, contact, tasuki_rep_decision="accepted")
    assert relay.lead(contact)["stage"] == "sql"
    deals = its_deals(relay, contact)
    assert len(deals) == 2
    assert deals[0]["id"] == first
    _won(relay, contact)


def test_discarded_leads_stay_out_of_the_queues(relay: Relay) -> None:
    contact = relay.new_mql()
    edit(relay, contact, tasuki_discard_reason="student")
    assert relay.lead(contact)["stage"] == "discarded"
    assert relay.contact(contact)["hs_lead_status"] == "UNQUALIFIED"
    assert relay.open_tasks(contact) == []
    relay.sandbox.submit("お問い合わせ", {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "discarded"
    assert relay.open_tasks(contact) == []

"""F5: each stage of the pipeline asks for fields, those of the stages before it too; a lost deal needs its reason."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals
from tests.e2e.handover import its_deals, new_sql, open_tasks_of_deal, say
from tests.e2e.relay import Relay


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def _pipeline_tasks(relay: Relay, deal: str) -> list[tuple[str, str | None]]:
    return [
        (one["hs_task_subject"], one.get("hubspot_owner_id"))
        for one in open_tasks_of_deal(relay, deal)
        if "の必須項目" in one["hs_task_subject"]
    ]


def _deal_of(relay: Relay, contact: str) -> str:
    (deal,) = its_deals(relay, contact)
    return str(deal["id"])


def test_connecting_makes_the_pipeline_with_its_probabilities(relay: Relay) -> None:
    found = relay.api("GET", "/crm/pipelines/2026-03/deals")["results"]
    (mine,) = [one for one in found if one["label"] == "新規営業"]
    assert [(one["label"], one["metadata"]["probability"]) for one in mine["stages"]] == [
        ("アポイント獲得", "0.1"), ("初回商談", "0.2"), ("提案", "0.4"), ("見積提出", "0.6"), ("クロージング", "0.8"),
        ("受注", "1.0"), ("失注", "0.0"),
    ]  # fmt: skip


def test_a_skipped_stage_is_asked_for_and_what_lacks_stands_on_the_deal(relay: Relay) -> None:
    contact = new_sql(relay)
    deal, deals = _deal_of(relay, contact), Deals(relay)
    owner = relay.sandbox.owners()[0]["id"]
    say(relay, deal, hubspot_owner_id=owner)
    assert _pipeline_tasks(relay, deal) == [("アポイント獲得 の必須項目: 初回商談日時", owner)]
    assert relay.sandbox.record("deals", deal)["properties"]["tasuki_missing"] == "初回商談日時"
    relay.pass_time(seconds=2)
    deals.move(deal, "提案")
    relay.hear_and_settle()
    lacks = "初回商談日時、初回商談の実施日時、商談結果、提案日、予算"
    assert _pipeline_tasks(relay, deal) == [(f"提案 の必須項目: {lacks}", owner)]
    assert relay.sandbox.record("deals", deal)["properties"]["tasuki_missing"] == lacks
    say(
        relay, deal, tasuki_meeting_at="2026-11-27T01:00:00Z", tasuki_held_at="2026-11-27T01:00:00Z",
        tasuki_result="proceed", tasuki_proposal_on="2026-12-01",
    )  # fmt: skip
    assert relay.sandbox.record("deals", deal)["properties"]["tasuki_missing"] == "予算"
    assert len(_pipeline_tasks(relay, deal)) == 1
    relay.sandbox.edit("contacts", contact, {"tasuki_budget": "secured"})
    relay.hear_and_settle()
    assert _pipeline_tasks(relay, deal) == []
    assert "tasuki_missing" not in relay.sandbox.record("deals", deal)["properties"]


def test_a_pending_meeting_needs_why(relay: Relay) -> None:
    deal = _deal_of(relay, new_sql(relay))
    say(relay, deal, tasuki_meeting_at="2026-11-27T01:00:00Z", tasuki_result="pending")
    assert [title for title, _ in _pipeline_tasks(relay, deal)] == ["アポイント獲得 の必須項目: 保留理由"]


def test_a_lost_deal_waits_for_its_reason(relay: Relay) -> None:
    contact = new_sql(relay)
    deal, deals = _deal_of(relay, contact), Deals(relay)
    relay.pass_time(seconds=2)
    deals.move(deal, "失注")
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "sql"
    assert [title for title, _ in _pipeline_tasks(relay, deal)] == ["失注 の必須項目: 失注理由"]
    say(relay, deal, tasuki_lost_reason="other")
    assert relay.lead(contact)["stage"] == "recycled"
    assert [title for title, _ in _pipeline_tasks(relay, deal)] == ["失注 の必須項目: 失注の補足"]
    say(relay, deal, closed_lost_reason="担当役員の交代")
    assert _pipeline_tasks(relay, deal) == []


def test_a_deal_that_two_people_have_is_told_once(relay: Relay) -> None:
    relay.sandbox.create("companies", {"name": "株式会社例", "domain": "example.co.jp"})
    deal = _deal_of(relay, new_sql(relay))
    second = new_sql(relay, "suzuki@example.co.jp")
    assert _deal_of(relay, second) == deal
    relay.pass_time(seconds=2)
    Deals(relay).move(deal, "初回商談")
    relay.hear_and_settle()
    assert len(_pipeline_tasks(relay, deal)) == 1

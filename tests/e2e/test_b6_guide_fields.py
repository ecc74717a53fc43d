"""B6: the fields that the guides name are read, and stand where people need them: on the task, in the packet."""

from __future__ import annotations

from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import HEARD, edit, its_deals, its_notes, new_sal, open_tasks_of_deal, say
from tests.e2e.relay import CALL, INQUIRY, Relay
from tests.e2e.website import happens

EMAIL = "yamada@example.co.jp"


def test_the_call_tells_campaign_keyword_last_visit_best_time_and_where_the_record_is(make_relay: MakeRelay) -> None:
    relay = make_relay(ui_domain="app-eu1.hubspot.com")
    relay.listen()
    known = {"email": EMAIL, "lastname": "山田", "tasuki_best_call_time": "平日10時", "tasuki_source": "ads"}
    contact = str(relay.sandbox.create("contacts", known)["id"])
    relay.sandbox.calculated(
        "contacts", contact, {"hs_latest_source_data_1": "秋の比較", "hs_latest_source_data_2": "見積 自動化"}
    )
    relay.hear_and_settle()
    relay.sandbox.visit(contact)
    relay.hear_and_settle()
    happens(relay, EMAIL, "social")
    relay.sandbox.submit(INQUIRY, {"email": EMAIL})
    relay.poll()
    relay.hear_and_settle()
    ((call,), record) = relay.tasks_of(contact, CALL), relay.contact(contact)
    text = call["hs_task_body"]
    assert "つながりやすい時間: 平日10時" in text
    assert "流入: 広告 秋の比較 見積 自動化" in text
    assert "最終訪問: 20" in text
    assert "SNSでの反応" in text, "among what the lead did lately"
    portal = relay.sandbox.portal_id
    assert f"https://app-eu1.hubspot.com/contacts/{portal}/record/0-1/{contact}" in text
    assert record["tasuki_score"] == "43", "inquiry 40, social reaction 2, visit 1"


def test_concerns_reach_field_sales_and_a_pending_deal_needs_its_reason(relay: Relay) -> None:
    relay.listen()
    contact = new_sal(relay)
    edit(relay, contact, **HEARD, tasuki_timeline="within_3m", tasuki_concerns="社内の稟議が長い")
    (deal,) = its_deals(relay, contact)
    (note,) = its_notes(relay, deal["id"])
    assert "懸念点: 社内の稟議が長い" in note
    say(relay, deal["id"], tasuki_meeting_at="2026-12-01T01:00:00Z", tasuki_result="pending")
    (told,) = its_deals(relay, contact)
    assert told["properties"]["tasuki_missing"] == "保留理由"
    assert [one["hs_task_subject"] for one in open_tasks_of_deal(relay, deal["id"])] != []
    say(relay, deal["id"], tasuki_pending_reason="来期の予算待ち")
    (told,) = its_deals(relay, contact)
    assert not told["properties"].get("tasuki_missing")

"""A3, E1, E2, E3, E6 and E11 on Salesforce alone: what the org's leads are given to do, to whom and in which order."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from tests.e2e.command_line import CommandLine
from tests.e2e.org_people import OPEN, asked_by, campaign, edit, finishes, inquire, members, replies
from tests.e2e.relay import CALL, MAIL
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.test_a3_tracks import TARGET
from tests.e2e.test_e2_routing import absent
from tests.e2e.website import submits

STAGE, BAND = "TasukiStage__c", "TasukiBand__c"


def _stands(relay: SalesforceRelay, record: str, *names: str) -> list[str]:
    shown = relay.fields(record)
    return [shown[name] for name in names]


def _lead(relay: SalesforceRelay, email: str, source: str, **values: object) -> str:
    """Somebody puts a lead into the org that is nobody's yet; it is not looked at here."""
    given = {"LastName": "山田", "Company": "株式会社例", "Email": email, "LeadSource": source}
    return relay.org.create("Lead", given | {"OwnerId": relay.org.user_id} | values)


def test_a3_e6_channels_tracks_and_what_each_band_comes_to(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.pass_time(seconds=2)  # what comes in now is later than the activation by Salesforce's seconds too
    steps, thanks = campaign(relay, "ステップメール対象"), campaign(relay, "資料請求お礼")
    account = relay.org.create(
        "Account",
        {"Name": "大手製造", "Website": TARGET, "NumberOfEmployees": 300, "Industry": "Manufacturing"}
        | {"OwnerId": relay.org.user_id},
    )
    whose = {"OwnerId": relay.org.user_id}
    listed = relay.org.create(
        "Contact",
        {"LastName": "鈴木", "Email": f"suzuki@{TARGET}", "AccountId": account, "LeadSource": "アウトバウンド"} | whose,
    )
    target = _lead(relay, "sato@dai-ichi.example", "アウトバウンド", Website=TARGET)
    card = _lead(relay, "card@example.co.jp", "展示会")
    fits = {"State": "東京都", "Title": "部長", "NumberOfEmployees": 300}
    middle = _lead(relay, "middle@example.co.jp", "資料請求", **fits)
    hot = _lead(relay, "hot@example.co.jp", "資料請求", **fits)
    relay.hear_and_settle()
    submits(relay, "hot@example.co.jp", "inquiry")
    kinds = ("TasukiChannel__c", "TasukiTrack__c", STAGE, BAND)

    # Channel and track: the list of target accounts is the BDRs', a card makes no MQL.
    assert _stands(relay, card, *kinds) == ["event", "sdr", "リード", "low"]
    assert _stands(relay, hot, *kinds) == ["inbound", "sdr", "MQL", "hot"]
    assert _stands(relay, listed, *kinds) == ["outbound", "bdr", "MQL", "middle"], "30 points of fit"
    assert _stands(relay, target, *kinds)[:3] == ["outbound", "bdr", "MQL"], "a lead as well as a contact"
    (bdr,) = {relay.fields(one)["OwnerId"] for one in (listed, target)}
    assert bdr in relay.pool("bdr")
    plans = [asked_by(relay, one) for one in (listed, target)]
    assert sorted(plans) == [[], ["bdr_outbound"]], "a personal mail, no call at once; one plan an account"
    replies(relay, listed)
    assert _stands(relay, listed, BAND) == ["hot"], "for BDR a reply makes it hot, not 80 points"

    # Low is mailed by a campaign, middle is called from the list, hot is told of and called at once.
    assert members(relay, steps) == [card]
    assert asked_by(relay, card) == []
    (call,) = relay.tasks_of(middle, "track_middle")
    assert (call["TaskSubtype"], call["OwnerId"] in relay.pool("sdr")) == ("Call", True)
    (told,) = CommandLine.of(relay).json("queue", "tele_call")["tele_call"]
    assert (told["contact_id"], told["rule"], told["owner"]) == (middle, "track_middle", call["OwnerId"])
    assert _stands(relay, middle, "TasukiQueues__c") == ["テレコールリスト"]
    assert members(relay, thanks) == sorted([middle, hot])
    owner = relay.fields(hot)["OwnerId"]
    (call,) = relay.tasks_of(hot, CALL)
    assert (call["Priority"], call["OwnerId"]) == ("High", owner)
    rows = relay.rows("SELECT receiver FROM notice WHERE key LIKE '%%:hot_now:%%' AND lead_id = %s", [_id(relay, hot)])
    assert sorted(row["receiver"] for row in rows) == ["channel:sales_alerts", f"person:{owner}"]


def _id(relay: SalesforceRelay, record: str) -> int:
    return int(relay.lead(record)["id"])


def test_e1_e2_e3_e11_calls_are_given_out_in_turn_with_their_sheet_and_once(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    away, *there = sorted(relay.pool("sdr"))
    absent(relay, away)
    plain, *others = inquire(relay, *(f"a{n}" for n in range(5)))
    (large,) = inquire(relay, "large", NumberOfEmployees=2000, TasukiBudget__c="planned")

    # E2: in turn, and never to who is absent.
    counted = Counter(relay.fields(one)["OwnerId"] for one in (plain, *others, large))
    assert counted == dict.fromkeys(there, 2)
    (skipped,) = relay.rows("SELECT DISTINCT skipped FROM assignment_grant")
    assert skipped["skipped"] == {away: "absent"}

    # E1, E11: one call, due today, with its reason, its script and the sheet as far as it is filled in.
    (call,) = relay.tasks_of(large, CALL)
    shown = relay.fields(large)
    assert (call["TaskSubtype"], call["Priority"], call["Status"]) == ("Call", "High", OPEN)
    assert call["Subject"] == "【MQL】会社large 山田様に電話"
    assert call["OwnerId"] == shown["OwnerId"]
    (entry,) = relay.rows(
        "SELECT entered_at FROM stage_entry WHERE stage = 'mql' AND lead_id = %s", [_id(relay, large)]
    )
    due = relay.policy.rules[0].do[0].due.add(entry["entered_at"], relay.policy.calendar)
    assert call["ActivityDate"] == due.astimezone(relay.policy.zone).date().isoformat()
    minute = datetime.fromisoformat(shown["TasukiNextAction__c"])
    assert abs(minute - due) < timedelta(seconds=2), "a task of Salesforce has a day, the lead the minute"
    said = call["Description"].split("\n")
    assert said[0].startswith("理由: 問い合わせ +40")
    assert "■ 反響・比較検討の架電" in said
    assert said[said.index("■ ヒアリングシート(記録の項目に記入)") + 1 :] == [
        "・課題・ニーズ: (未記入)",
        "・導入時期(3か月以内・半年以内・1年以内・未定): (未記入)",
        "・予算(確保済み・申請予定・未定): 申請予定",
        "・決裁権(決裁者・影響者・推進者・情報収集者): (未記入)",
        "・比較中の競合: (未記入)",
        "・ISの判断(受け入れ・マーケへ差し戻し): (未記入)",
    ]
    edit(relay, large, Title="部長")
    assert [one["Id"] for one in relay.tasks_of(large, CALL)] == [call["Id"]], "never twice"

    # E3: the list's order is the field by which the org's list view sorts.
    found = [one for one in CommandLine.of(relay).json("queue", "today")["today"] if one["rule"] == CALL]
    assert found[0]["contact_id"] == large
    assert [one["order"] for one in found] == sorted((one["order"] for one in found), reverse=True)
    for one in found:
        shown = relay.fields(one["contact_id"])
        assert (one["order"], one["owner"]) == (shown["TasukiPriority__c"], shown["OwnerId"])
        assert shown["TasukiQueues__c"] == "今日の架電", "whom the list view shows"
        assert one["owner_name"]

    # E1: what people finish or delete stays so; what is open follows the owner, and ends with the stage.
    (done,), (deleted,) = relay.tasks_of(plain, CALL), relay.tasks_of(others[0], CALL)
    finishes(relay, done)
    relay.org.delete(deleted["Id"])
    relay.hear_and_settle()
    for lead in (plain, others[0]):
        rep = next(one for one in there if one != relay.fields(lead)["OwnerId"])
        edit(relay, lead, OwnerId=rep)
        assert asked_by(relay, lead, still=True) == [MAIL]
        assert [task["OwnerId"] for task in relay.tasks_of(lead, MAIL)] == [rep]
    assert [task["OwnerId"] for task in relay.tasks_of(plain, CALL)] == [done["OwnerId"]]
    assert relay.tasks_of(others[0], CALL) == []
    queued = [one["contact_id"] for one in CommandLine.of(relay).json("queue", "today")["today"] if one["rule"] == CALL]
    assert sorted(queued) == sorted([*others[1:], large])

    # E11: the answers land in the fields and move the lead.
    edit(relay, large, TasukiNeed__c="在庫の見える化", TasukiRepDecision__c="accepted")
    assert _stands(relay, large, STAGE, "TasukiNeed__c") == ["SAL", "在庫の見える化"]
    assert not relay.fields(large).get("TasukiQueues__c")
    for task in relay.tasks(large):
        assert task["Status"] == "Completed"
        assert "終了" in task["Description"]

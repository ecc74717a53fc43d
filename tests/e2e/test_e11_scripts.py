"""E11: talk script and hearing sheet on the task, by channel and phase; answers land in the fields and count."""

from __future__ import annotations

from tests.e2e.handover import edit
from tests.e2e.relay import CALL, Relay


def lines(relay: Relay, contact: str) -> list[str]:
    (task,) = relay.tasks_of(contact, CALL)
    return str(task["hs_task_body"]).split("<br>")


def test_the_sheet_stands_on_the_task_and_what_is_filled_in_moves_the_lead(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql(tasuki_budget="planned")
    said = lines(relay, contact)
    assert "■ 反響・比較検討の架電" in said
    assert said[said.index("■ ヒアリングシート(記録の項目に記入)") + 1 :] == [
        "・課題・ニーズ: (未記入)",
        "・導入時期(3か月以内・半年以内・1年以内・未定): (未記入)",
        "・予算(確保済み・申請予定・未定): 申請予定",
        "・決裁権(決裁者・影響者・推進者・情報収集者): (未記入)",
        "・比較中の競合: (未記入)",
        "・ISの判断(受け入れ・マーケへ差し戻し): (未記入)",
    ]
    from_event = relay.new_mql("event@other.example", tasuki_source="webinar")
    assert "■ 反響・情報収集の架電" in lines(relay, from_event), "another channel has another script"
    edit(relay, contact, tasuki_need="在庫の見える化", tasuki_rep_decision="accepted")
    assert relay.lead(contact)["stage"] == "sal", "the answer counts"
    assert relay.contact(contact)["tasuki_need"] == "在庫の見える化"

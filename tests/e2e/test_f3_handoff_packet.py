"""F3: one note on the deal holds the hearing, what the lead reacted to, the score with its reasons, the temperature."""

from __future__ import annotations

from tests.e2e.handover import edit, its_deals, its_notes, new_sql
from tests.e2e.relay import Relay


def test_the_packet_stands_on_the_deal(relay: Relay) -> None:
    relay.listen()
    contact = new_sql(relay, tasuki_temperature="hot", tasuki_concerns="既存システムとの連携")
    (deal,) = its_deals(relay, contact)
    (text,) = its_notes(relay, deal["id"])
    lines = text.splitlines()
    assert lines[0] == "課題・ニーズ: 見積書の作成に毎月40時間かかる"
    assert "予算: 未確認" in lines, "what nobody asked is said so"
    assert "決裁権: 影響者" in lines
    assert "導入時期: 3か月以内" in lines
    assert "懸念点: 既存システムとの連携" in lines
    assert "意思決定者: 鈴木本部長" in lines
    assert "比較中の競合: A社" in lines
    assert "温度感(現場): 高い" in lines
    history = lines.index("これまでの経緯:")
    assert [line.partition(" ")[2][17:] for line in lines[history + 1 : history + 5]] == [
        "リード", "MQL(問い合わせでMQL)", "SAL(IS受け入れ)", "SQL(SQL化)",
    ]  # fmt: skip
    assert lines[history + 5] == "反応した内容:"
    assert lines[history + 6].startswith("- 問い合わせ 1回(最終 ")
    assert "スコア合計: 55" in lines
    assert lines[-4:] == ["スコアの理由:", "- 問い合わせ +40点", "- 現場の温度感が高い +10点", "- 決裁者・影響者 +5点"]
    edit(relay, contact, tasuki_budget="secured")
    assert its_notes(relay, deal["id"]) == [text], "it says what was known when the lead was handed over"

"""What `tasuki plan` prints: the policy's words for people. (`--json` keeps the ids: tests/e2e/test_i2_plan.py.)"""

from __future__ import annotations

from collections import Counter

import pytest

from connector.cli.plan import _print_changes, _print_rules, batch_of
from connector.cli.policy_names import PolicyNames
from connector.engine.plan import prepare
from connector.engine.tally import rule_ids
from connector.policy.loader import load_policy
from connector.sync.forecast import Forecast
from tests.unit.policy.folders import MAPPINGS

POLICY = load_policy(MAPPINGS / "b2b-ja")
FOUND = Forecast(
    leads=40,
    changed=12,
    stages=Counter({"lead → mql": 9, "— → retired_stage": 1}),
    ratings={"band": Counter({"middle → hot": 7}), "tags": Counter()},
    owners=Counter({"sdr": 4}),
    tasks=Counter({"opened mql_call": 3, "closed document_request": 2, "opened on_wake": 1}),
    scores=Counter({"behaviour": 5}),
    clocks=Counter({"first_response": 2}),
    rules=Counter({"b_inquiry": 8, "size_in_icp": 6, "band_hot_sdr": 5, "to_mql_act": 9}),
    examples={"stage lead → mql": [11, 12], "band middle → hot": [13], "task opened mql_call": [14]},
)


def test_people_read_labels_and_rules_by_their_ids_besides(capsys: pytest.CaptureFixture[str]) -> None:
    _print_changes(FOUND, PolicyNames(POLICY))
    shown = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if line.startswith("│")]
    assert rows == [
        ["stage", "リード → MQL", "9", "11, 12"],
        ["stage", "— → retired_stage", "1", ""],
        ["温度", "中 → ホット", "7", "13"],
        ["owner", "SDR", "4", ""],
        ["task", "opened 新しいMQLに電話 (mql_call)", "3", "14"],
        ["task", "closed 資料請求フォロー (document_request)", "2", ""],
        ["task", "opened on_wake", "1", ""],
        ["score", "行動スコア", "5", ""],
        ["clock", "running MQL発生から初回コンタクト(合意)", "2", ""],
    ]


def test_a_rule_on_a_signal_is_called_by_it(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = dict(rule_ids(prepare(POLICY)))
    _print_rules(PolicyNames(POLICY), FOUND, kinds, ["b_webinar", "competitor"])
    shown = capsys.readouterr().out
    assert "問い合わせ (b_inquiry)" in shown
    assert "従業員数がICPの範囲 (size_in_icp)" in shown
    assert "SDRで合計80点以上 (band_hot_sdr)" in shown
    assert "No lead is touched by: ウェビナー参加 (b_webinar): points, 競合企業 (competitor): points" in shown


def test_calls_are_counted_by_what_the_connected_crm_takes_at_once() -> None:
    assert [batch_of(vendors) for vendors in (["hubspot"], ["salesforce"], ["hubspot", "salesforce"], [])] == [
        100,
        200,
        100,
        100,
    ]

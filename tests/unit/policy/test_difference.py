"""What two policies say differently."""

from __future__ import annotations

from connector.policy.difference import differences
from connector.policy.source import read_folder
from tests.unit.policy.folders import MAPPINGS

BASE = read_folder(MAPPINGS / "b2b-ja")


def said(**changes: tuple[str, str]) -> list[str]:
    """The differences after replacing a text in some files."""
    after = dict(BASE)
    for stem, (old, new) in changes.items():
        assert old.encode() in after[f"{stem}.yaml"]
        after[f"{stem}.yaml"] = after[f"{stem}.yaml"].replace(old.encode(), new.encode(), 1)
    return [change.text() for change in differences(BASE, after)]


def test_the_same_policy_has_no_difference() -> None:
    assert differences(BASE, dict(BASE)) == []


def test_a_comment_is_no_difference() -> None:
    assert said(scoring=("# 30日で半分に薄れる", "# 半減期")) == []


def test_a_rules_points_are_told_by_its_id() -> None:
    assert said(scoring=("signal: inquiry, points: 40", "signal: inquiry, points: 50")) == [
        "~ scoring.yaml scores.behaviour.rules.b_inquiry.points: 40 → 50"
    ]


def test_new_and_gone_rules_and_keys() -> None:
    found = said(
        work=("- {id: upsell_call,", "- {id: customer_call,"), recycle=("again: {after: 180d}", "again: {after: 90d}")
    )
    assert [line.split(":")[0].split(" (")[0] for line in found] == [
        "- work.yaml rules.upsell_call",
        "+ work.yaml rules.customer_call",
        "~ recycle.yaml reasons.no_decision.again.after",
    ]


def test_a_list_tells_what_came_and_went() -> None:
    assert said(policy=("[gmail.com, googlemail.com,", "[googlemail.com, example.com,")) == [
        "- policy.yaml lists.free_mail.values (was: [gmail.com])",
        "+ policy.yaml lists.free_mail.values: [example.com]",
    ]


def test_an_order_that_changed_is_told() -> None:
    found = said(scoring=("total: [fit, behaviour, rep_view]", "total: [behaviour, fit, rep_view]"))
    assert found == ["~ scoring.yaml total (order): [fit, behaviour, rep_view] → [behaviour, fit, rep_view]"]


def test_whole_files_and_csv_lists() -> None:
    after = {path: data for path, data in BASE.items() if path != "sla.yaml"}
    after["lists/competitors.csv"] = BASE["lists/competitors.csv"] + b"new.example\n"
    assert [change.text() for change in differences(BASE, after)] == [
        "- sla.yaml (was: the whole file)",
        "+ lists/competitors.csv : [new.example]".replace(" :", ":"),
    ]

"""Numbers and lengths of time that no policy can mean: each is an error at its place that tells the whole range."""

# ruff: noqa: E501  (a table of mistakes, one a line)
from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from connector.policy.files import MODELS
from connector.policy.problems import Problem
from connector.policy.schema import policy_schema
from connector.texts import shown
from tests.unit.policy.folders import checked, shipped

NUMBER = ("from -1,000,000 to 1,000,000", "-1,000,000から1,000,000まで")
TIME = ("write 1 or more", "1以上")
SHARE = ("more than 0%, up to 100%", "0%より大きく100%まで")
# file, what stands there once, what is written instead, where the error points, what it says in English and Japanese
ABSURD = [
    ("scoring.yaml", "when: {employees: {between: [100, 5000]}}, points: 15", "when: {employees: {between: [100, 5000]}}, points: 1e23", "points:", *NUMBER),
    ("scoring.yaml", "{at_least: 1000000000}}, points: 5", "{at_least: 1000000000}}, points: nan", "points:", *NUMBER),
    ("scoring.yaml", "{id: b_inquiry, signal: inquiry, points: 40}", "{id: b_inquiry, signal: inquiry, points: 1e999}", "points:", *NUMBER),
    ("scoring.yaml", "half_life: 30d", "half_life: 0d", "half_life:", *TIME),
    ("scoring.yaml", "publish_step: 1 ", "publish_step: 0 ", "publish_step:", "above 0, up to 1,000,000", "0より大きく1,000,000まで"),
    ("scoring.yaml", "up_to: {times: 2, within: 30d}", "up_to: {times: 0, within: 30d}", "times:", "from 1 to 10,000", "1から10,000まで"),
    ("scoring.yaml", "signal: pricing_page, points: 10, up_to: {times: 3, within: 14d}", "signal: pricing_page, points: 10, up_to: {times: 3, within: 0d}", "within:", *TIME),
    ("scoring.yaml", "floor: -20 ", "floor: -1e30 ", "floor:", *NUMBER),
    ("scoring.yaml", "{employees: {at_least: 1000}}, points: 20", "{employees: {at_least: 1e23}}, points: 20", "at_least:", "between -1,000,000,000,000,000 and", "1,000,000,000,000,000まで"),
    ("scoring.yaml", "signal.replied: {at_least: 1, within: 30d}", "signal.replied: {at_least: 1, within: 0d}", "within:", *TIME),
    ("scoring.yaml", "every: 3mo", "every: 0mo", "every:", *TIME),
    ("sla.yaml", "limit: 2 business days", "limit: 0d", "limit:", "or `0 business days` for today", "当日中なら`0 business days`"),
    ("sla.yaml", "limit: 5 business minutes", "limit: 0 business minutes", "limit:", *TIME),
    ("sla.yaml", "limit: 15 business days", "limit: 100000y", "limit:", "a number with m, h, d, w or mo", "m、h、d、w、mo"),
    ("sla.yaml", "at: 60%", "at: 0%", "at:", *SHARE),
    ("sla.yaml", "at: 75%", "at: 175%", "at:", "from 0% to 100%", "0%から100%"),
    ("sla.yaml", "after: 30 business minutes", "after: 0m", "after:", *TIME),
    ("work.yaml", "due: 5 business days", "due: 0d", "due:", "or `0 business days` for today", "当日中なら`0 business days`"),
    ("routing.yaml", "capacity: {mqls: 80, per: month}", "capacity: {mqls: -80, per: month}", "mqls:", "from 0 to 1,000,000", "0から1,000,000まで"),
    ("routing.yaml", "warn_above: 50", "warn_above: 99999999999", "warn_above:", "from 0 to 1,000,000", "0から1,000,000まで"),
    ("routing.yaml", "for: 180d", "for: 0d", "for:", *TIME),
    ("recycle.yaml", "limits: {times: 5, within: 730d", "limits: {times: 5, within: 73000d", "within:", "at most 3650 days", "3650 days(10年)まで"),
    ("handoff.yaml", "amount: 3000000 ", "amount: -1 ", "amount:", "from 0 to 1,000,000,000,000,000", "0から1,000,000,000,000,000まで"),
    ("kpi.yaml", "target: {between: [15, 25]}}\n  - {id: sdr_rate", "target: {between: [25, 15]}}\n  - {id: sdr_rate", "between:", "the lower end", "小さいほうを先"),
    ("kpi.yaml", "average_deal: 3000000", "average_deal: 0", "average_deal:", "above 0, up to", "0より大きく"),
    ("kpi.yaml", "deal_to_win: 25%", "deal_to_win: 0%", "deal_to_win:", *SHARE),
    ("kpi.yaml", "people: 4", "people: 0", "people:", "from 1 to 1,000,000", "1から1,000,000まで"),
    ("kpi.yaml", "{at_least: 80%}", "{at_least: 1" + "0" * 400 + "}", "at_least:", "from -1,000,000,000,000,000 to", "1,000,000,000,000,000まで"),
    ("policy.yaml", "fiscal_year_starts: 4 ", "fiscal_year_starts: 13 ", "fiscal_year_starts:", "from 1 to 12", "1から12まで"),
    ("policy.yaml", "check_every: 15m", "check_every: 0m", "check_every:", *TIME),
    ("signals.yaml", "about: product, per_day: 20", "about: product, per_day: " + "9" * 400, "per_day:", "from 1 to 1,000,000", "1から1,000,000まで"),
]  # fmt: skip


def changed() -> dict[str, str]:
    """b2b-ja with all of it."""
    files = shipped("b2b-ja")
    for file, old, new, *_ in ABSURD:
        assert files[file].count(old) == 1, (file, old)
        files[file] = files[file].replace(old, new)
    return files


@cache
def told() -> dict[tuple[str, int, int], Problem]:
    policy, problems = checked(changed())
    assert policy is None
    return {(one.file, one.line, one.column): one for one in problems if not one.warning}


def place(file: str, new: str, at: str) -> tuple[str, int, int]:
    text = changed()[file]
    start = text.index(new) + new.rindex(at)
    return file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "english", "japanese"), ABSURD, ids=[row[2][-40:] for row in ABSURD]
)
def test_what_no_policy_can_mean_is_told_with_its_range(
    file: str, old: str, new: str, at: str, english: str, japanese: str
) -> None:
    problem = told()[place(file, new, at)]
    assert english in problem.text(), problem.text()
    assert japanese in shown(problem.text(), "ja"), shown(problem.text(), "ja")


def test_nothing_else_is_told() -> None:
    assert len(told()) == len(ABSURD), [one.text() for one in told().values()]


#: What an editor cannot see by the form of the text or number: a length of days past ten years, an order, a condition.
UNSEEN = ("within: 73000d", "[25, 15]", "1e23}}", "replied", "1" + "0" * 400)


@pytest.mark.parametrize(("file", "old", "new"), [row[:3] for row in ABSURD], ids=[row[2][-40:] for row in ABSURD])
def test_an_editor_sees_it_while_typing(file: str, old: str, new: str) -> None:
    found = faults(file, shipped("b2b-ja")[file].replace(old, new))
    assert found or any(word in new for word in UNSEEN)


def faults(file: str, text: str) -> list[str]:
    stem = file.removesuffix(".yaml")
    schema = {"$defs": policy_schema()["$defs"], "$ref": f"#/$defs/{MODELS[stem].__name__}"}
    data: Any = YAML(typ="safe", pure=True).load(text)
    return [
        error.message
        for error in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(json.dumps(data, default=str)))
    ]


@pytest.mark.parametrize("limit", ["0 business days", "1m", "3650d", "120mo", "5256000 business minutes"])
def test_the_ends_of_the_range_are_good(limit: str) -> None:
    files = shipped("b2b-ja")
    files["sla.yaml"] = files["sla.yaml"].replace("limit: 2 business days", f"limit: {limit}")
    assert not faults("sla.yaml", files["sla.yaml"])
    policy, problems = checked(files)
    assert policy is not None, problems
    assert str(policy.clocks["first_response"].limit) == limit


def test_a_number_too_long_to_be_read_is_told_in_our_words() -> None:
    files = shipped("b2b-ja")
    files["kpi.yaml"] = files["kpi.yaml"].replace("people: 4", "people: " + "9" * 5000)
    assert [one.message for one in checked(files)[1] if not one.warning] == ["a whole number belongs here"]

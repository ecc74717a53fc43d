"""Where two versions of a policy differ, if in formulas alone."""

from __future__ import annotations

import pytest

from connector.policy.versions import Apart, apart
from tests.unit.engine.stories import BASE

FILES = {path: text.encode() for path, text in BASE.items()}


def _changed(stem: str, old: str, new: str) -> dict[str, bytes]:
    path = f"{stem}.yaml"
    assert old in BASE[path]
    return FILES | {path: BASE[path].replace(old, new, 1).encode()}


def _apart(**names: str) -> Apart:
    nothing = dict.fromkeys(("fields", "scores", "rules"), frozenset[str]())
    return Apart(**{**nothing, **{kind: frozenset(some.split()) for kind, some in names.items()}})


@pytest.mark.parametrize(
    ("stem", "old", "new", "found"),
    [
        ("policy", "policy: test\n", "policy: test # said\n", _apart()),
        ("scoring", "at_least: 60", "at_least: 50", _apart(fields="band")),
        ("scoring", "{id: band_low, value: low}", "{id: low, value: low}", _apart()),
        ("scoring", "points: -40", "points: -50", _apart(scores="fit")),
        ("scoring", "half_life: 10d", "half_life: 11d", _apart(scores="behaviour")),
        ("lifecycle", "{band: hot}", "{band: low}", _apart()),
        ("work", "due: 1d", "due: 2d", _apart(rules="call")),
        ("work", "id: call", "id: phone", _apart(rules="call phone")),
        ("scoring", "{hot: ホット, low: 低}", "{low: 低, hot: ホット}", None),
        ("lifecycle", "  sal: {label: SAL}\n  sql: {label: SQL}\n", "  sql: {label: SQL}\n  sal: {label: SAL}\n", None),
        ("fields", "label: 課題", "label: 課題感", None),
        ("recycle", "after: 90d", "after: 91d", None),
        ("handoff", "required: [need]", "required: [need, timeline]", None),
        ("policy", "fresh_for: 24h", "fresh_for: 25h", None),
        ("scoring", "  behaviour:\n    cap: 50", "  behaviour:\n    publish_step: 2\n    cap: 50", None),
    ],
)
def test_what_differs_is_a_formula_or_more(stem: str, old: str, new: str, found: Apart | None) -> None:
    assert apart(FILES, _changed(stem, old, new)) == found


def test_what_no_decision_reads_may_differ() -> None:
    assert apart(FILES, FILES | {"kpi.yaml": b"targets: []\n", "unused.csv": b"a\n"}) == _apart()
    assert apart(FILES, {path: text for path, text in FILES.items() if path != "work.yaml"}) is None


def test_a_list_is_part_of_what_conditions_say() -> None:
    named = FILES | {"policy.yaml": FILES["policy.yaml"] + b"lists:\n  few: {label: few, file: few.csv, column: a}\n"}
    assert apart(named | {"few.csv": b"a\nx\n"}, named | {"few.csv": b"a\nx\n"}) == _apart()
    assert apart(named | {"few.csv": b"a\nx\n"}, named | {"few.csv": b"a\ny\n"}) is None


def test_a_computed_field_of_deals_goes_by_its_full_name() -> None:
    deal = "deal:\n  size: {{label: s, type: choice, choices: {{a: A, b: B}}, rules: [{{id: r, value: {value}}}]}}\n"
    one, other = (FILES | {"fields.yaml": FILES["fields.yaml"] + deal.format(value=value).encode()} for value in "ab")
    assert apart(one, other) == _apart(fields="deal.size")

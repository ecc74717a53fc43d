"""Runs `tests/rules/*.yaml`: for every operator what is true, false and unknown, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.domain.value import Missing, Value
from connector.policy.document import read
from connector.policy.files.base import OPERATORS
from connector.policy.model import FieldType
from connector.policy.operands import YES_NO, date_of, moment_in, number_of
from tests.unit.policy.language import compiled, condition, vocabulary
from tests.unit.policy.views import NOW, TOKYO, FakeView

RULES = Path(__file__).parents[2] / "rules"
WORDS = vocabulary()
TRUTHS = {"true": True, "false": False, "unknown": None}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(RULES.glob("*.yaml")):
        yield path.stem, read(path.name, path.read_bytes()).data


def cases() -> Iterator[Any]:
    for stem, data in documents():
        for index, case in enumerate(data["cases"]):
            for word, truth in TRUTHS.items():
                for place, lead in enumerate(case.get(word, ())):
                    yield pytest.param(case["when"], lead, truth, id=f"{stem}-{index}-{word}-{place}")


def refusals() -> Iterator[Any]:
    for stem, data in documents():
        for index, case in enumerate(data.get("refused", ())):
            yield pytest.param(case["when"], case["reason"], case.get("nearest"), id=f"{stem}-refused-{index}")


def moment(text: str) -> datetime:
    found = moment_in(text, TOKYO)
    assert found is not None, text
    return found


def value_of(name: str, raw: Any) -> Value:
    if raw in ("blank", "unread", "unreadable"):
        return Missing(raw)
    kind = WORDS.names[name].type
    if kind is FieldType.CHOICES:
        return frozenset(raw)
    found: Value | None = raw
    if kind in (FieldType.NUMBER, FieldType.MONEY):
        found = number_of(raw)
    elif kind is FieldType.YES_NO:
        found = YES_NO[raw]
    elif kind is FieldType.DATE:
        found = date_of(raw)
    elif kind is FieldType.MOMENT:
        found = moment(raw)
    assert found is not None, (name, raw)
    return found


def view_of(lead: dict[str, Any]) -> FakeView:
    signals = {
        name.removeprefix("signal."): [moment(text) for text in times]
        for name, times in lead.items()
        if name.startswith("signal.")
    }
    entered = lead.get("stage_entered_at")
    return FakeView(
        now=moment(lead["now"]) if "now" in lead else NOW,
        values={
            name: value_of(name, raw)
            for name, raw in lead.items()
            if not name.startswith("signal.") and name not in ("now", "stage_entered_at")
        },
        signals=signals,
        stage_entered_at=moment(entered) if entered else None,
    )


@pytest.mark.parametrize(("when", "lead", "truth"), list(cases()))
def test_case(when: dict[str, Any], lead: dict[str, Any], truth: bool | None) -> None:
    tested, view = condition(when), view_of(lead)
    assert tested.test(view) is truth
    assert bool(tested.unknowns(view)) is (truth is None)


@pytest.mark.parametrize(("when", "reason", "nearest"), list(refusals()))
def test_refused(when: dict[str, Any], reason: str, nearest: str | None) -> None:
    found, problems = compiled(when)
    assert found is None
    assert [problem.reason for problem in problems] == [reason]
    if nearest is not None:
        assert problems[0].nearest == nearest


def test_every_operator_has_a_file_with_all_its_answers() -> None:
    said = dict(documents())
    assert set(said) == {*OPERATORS, "is", "all", "any", "none", "signal"}
    for stem, data in said.items():
        answers = {word for case in data["cases"] for word in TRUTHS if case.get(word)}
        expected = {"true", "false"} if stem == "signal" else set(TRUTHS)
        assert answers == expected, stem


def test_every_type_says_its_operators_in_words() -> None:
    for _, data in documents():
        for case in data["cases"]:
            for language in ("ja", "en"):
                assert condition(case["when"]).describe(language)


def test_a_moment_of_the_cases_is_read_in_tokyo() -> None:
    assert moment("2026-11-20 10:00") == NOW == datetime(2026, 11, 20, 1, tzinfo=UTC)

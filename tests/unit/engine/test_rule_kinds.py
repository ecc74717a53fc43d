"""Runs `tests/rules/*/*.yaml`: for every kind of rule what it does, what it does not, and what is refused.

Each file is a page of the language's manual: a policy's piece laid over `tests/rules/base`, examples that hold,
examples whose expectation must fail, and pieces that the loader refuses with their reason and nearest spelling.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.engine.examples import run_examples
from connector.engine.plan import prepare
from connector.policy.document import read
from connector.policy.files.actions import ACTION_WORDS
from connector.policy.loader import check_files
from connector.policy.model import EventKind
from connector.policy.problems import Problem
from connector.policy.source import read_folder
from tests.unit.policy.overlay import merged

RULES = Path(__file__).parents[2] / "rules"
BASE = {path: read(path, content).data for path, content in read_folder(RULES / "base").items()}
KINDS = sorted(path for path in RULES.glob("*/*.yaml") if path.parent.name != "base")
PEOPLE = {"sdr": ["sato", "suzuki"], "fs": ["ito"]}
EXPECTED = {
    "events": {kind.value for kind in EventKind},
    "actions": set(ACTION_WORDS),
    "scores": {"when", "signal", "up_to", "half_life", "linear", "floor_and_cap", "total"},
    "values": {"first_true", "tags", "rating"},
    "moves": {"transition", "answer", "by_a_person", "gate", "gate_if_missing"},
    "cadences": {"steps", "stop_on"},
    "recalls": {"again"},
    "contact_limits": {"up_to"},
    "scripts": {"ask"},
    "clocks": {"limit", "paused_while", "escalation"},
    "recycle": {"after", "on", "on_wake", "limits", "when"},
    "routing": {"rules", "keep_owner"},
    "handoff": {"create_deal"},
    "never": {"what"},
}


def kind(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def page(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(path.name, path.read_bytes()).data
    return found


def checked(*pieces: Mapping[str, Any]) -> tuple[Any, list[Problem]]:
    files = dict(BASE)
    for piece in pieces:
        for name, data in piece.items():
            files[name] = merged(files.get(name, {}), data)
    policy, problems = check_files({name: json.dumps(data).encode() for name, data in files.items()})
    return policy, [problem for problem in problems if not problem.warning]


def examples(path: Path) -> dict[str, Any]:
    said = page(path)
    every = [*said["holds"], *said["fails"]]
    return {"examples.yaml": {"now": "2026-11-20 10:00", "people": PEOPLE, "examples": every}}


@pytest.mark.parametrize("path", KINDS, ids=kind)
def test_what_it_does_and_what_it_does_not(path: Path) -> None:
    said = page(path)
    policy, errors = checked(said["policy"], examples(path))
    assert policy is not None, [problem.text() for problem in errors]
    outcome = run_examples(prepare(policy))
    failed = {failure.example for failure in outcome.failures}
    assert failed == {one["id"] for one in said["fails"]}, [failure.text("en") for failure in outcome.failures]


def refusals() -> Iterator[Any]:
    for path in KINDS:
        for index, refused in enumerate(page(path).get("refused", ())):
            yield pytest.param(path, refused, id=f"{kind(path)}-{index}")


@pytest.mark.parametrize(("path", "refused"), list(refusals()))
def test_refused(path: Path, refused: dict[str, Any]) -> None:
    policy, errors = checked(page(path)["policy"], refused["policy"])
    assert policy is None
    found = [problem for problem in errors if problem.reason == refused["reason"]]
    assert found, [problem.text() for problem in errors]
    assert refused.get("nearest") in (None, *(problem.nearest for problem in found))


def test_every_kind_has_a_page() -> None:
    there: dict[str, set[str]] = {}
    for path in KINDS:
        there.setdefault(path.parent.name, set()).add(path.stem)
    assert there == EXPECTED


def test_every_page_says_what_holds_and_what_fails_and_what_it_is_about() -> None:
    for path in KINDS:
        said = page(path)
        assert said["holds"], path
        assert said["fails"], path
        assert path.read_text(encoding="utf-8").startswith("# "), path

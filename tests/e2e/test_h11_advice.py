"""H11: policies that can run, but that the guides call failures, are told so by `tasuki check`, with a remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli.main import main
from connector.policy.document import read
from tests.e2e.relay import POLICY

GATE = ", gate: handoff"


def edited(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def policy(folder: Path) -> Path:
    """A copy of b2b-ja, without the examples and what is measured: those go with its rules."""
    folder.mkdir()
    for path in POLICY.rglob("*.*"):
        if path.name != "examples.yaml":
            target = folder / path.relative_to(POLICY)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


def check(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["check", str(folder), *options])


def told(folder: Path) -> set[str]:
    """The advice that this policy gets, by id; it is no error."""
    result = check(folder, "--json")
    assert result.exit_code == 0, result.output
    return {one["id"] for one in json.loads(result.stdout)["advice"]}


def failures() -> Iterator[object]:
    yield pytest.param("everything_to_sales", [("lifecycle.yaml", "when: {band: hot}", "when: {email: known}")])
    yield pytest.param("handoff_without_fields", [("lifecycle.yaml", GATE, "")])
    yield pytest.param("reasons_optional", [("lifecycle.yaml", "to_side: {needs: reason}", "to_side: allowed")])
    never = "when: {signal.any_behaviour: {at_least: 99}}"
    yield pytest.param("no_recycle", [("lifecycle.yaml", "when: {recycle.due: true}", never)])


@pytest.mark.parametrize(("advice", "edits"), list(failures()))
def test_a_failure_of_the_guides_is_told(tmp_path: Path, advice: str, edits: list[tuple[str, str, str]]) -> None:
    folder = policy(tmp_path / "policy")
    assert told(folder) == set(), "the shipped policy deserves none"
    for file, old, new in edits:
        edited(folder, file, old, new)
    assert advice in told(folder)


def test_activity_targets_alone_are_told_in_the_language_of_the_policy(tmp_path: Path) -> None:
    folder = policy(tmp_path / "policy")
    targets = read("kpi.yaml", (folder / "kpi.yaml").read_bytes()).data["targets"]
    alone = [one for one in targets if one["metric"] in ("calls", "mails")]
    (folder / "kpi.yaml").write_text(json.dumps({"targets": alone}), encoding="utf-8")
    assert told(folder) == {"activity_alone"}
    japanese = check(folder)
    assert japanese.exit_code == 0
    assert "助言(エラーではありません):" in japanese.stdout
    assert "activity_alone" in japanese.stdout
    edited(folder, "policy.yaml", "language: ja", "language: en")
    assert "Advice (no errors):" in check(folder).stdout

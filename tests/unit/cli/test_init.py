"""`tasuki init`: a copy that checks, with its schema, over nothing that exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli.main import main
from connector.policy.loader import check


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


@pytest.mark.parametrize("name", ["b2b-ja", "small-team"])
def test_the_copy_is_a_policy_that_can_run(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "mine"
    result = run(str(folder), "--policy", name)
    assert result.exit_code == 0, result.output
    policy, problems = check(folder)
    assert policy is not None, problems


def test_editors_find_the_schema_of_every_file(tmp_path: Path) -> None:
    assert run(str(tmp_path / "mine")).exit_code == 0
    headers = [path.read_text(encoding="utf-8").splitlines()[0] for path in (tmp_path / "mine").glob("*.yaml")]
    named = [found[1] for header in headers if (found := re.search(r"\$schema=(\S+)", header))]
    assert len(named) > 5
    for path in named:
        assert json.loads((tmp_path / "mine" / path).read_text(encoding="utf-8"))["$schema"]


def test_json_lists_what_was_made(tmp_path: Path) -> None:
    result = run(str(tmp_path / "mine"), "--policy", "small-team", "--json")
    made = json.loads(result.stdout)
    assert made["policy"] == "small-team"
    assert {"fields.yaml", "scoring.yaml"} <= set(made["files"])
    assert all((tmp_path / "mine" / path).is_file() for path in made["files"])


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "fields.yaml").write_text("mine", encoding="utf-8")
    result = run(str(tmp_path))
    assert result.exit_code == 3
    assert "nothing is overwritten" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fields.yaml"]
    assert (tmp_path / "fields.yaml").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    assert run(str(tmp_path)).exit_code == 0


def test_an_unknown_policy_is_told_with_those_there_are(tmp_path: Path) -> None:
    result = run(str(tmp_path / "mine"), "--policy", "b2b")
    assert result.exit_code == 3
    assert "b2b-ja" in result.stderr
    assert not (tmp_path / "mine").exists()

"""The schema for editors: current, valid, and of one mind with the loader about the shipped policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from connector.cli.schema import command
from connector.policy.files import MODELS
from connector.policy.schema import policy_schema, schema_files
from tests.unit.policy.folders import MAPPINGS, SAMPLES

SHIPPED = sorted(MAPPINGS.glob("*/*.yaml"))
PAPER = sorted(SAMPLES.glob("*/*.yaml"))


def faults(stem: str, data: Any) -> list[str]:
    schema = {"$defs": policy_schema()["$defs"], "$ref": f"#/$defs/{MODELS[stem].__name__}"}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def as_an_editor_reads(path: Path) -> Any:
    data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return json.loads(json.dumps(data, default=str))


def test_the_committed_schema_is_current() -> None:
    folder = MAPPINGS / "schema"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == schema_files(), (
        "run `tasuki schema --write mappings/schema`"
    )


def test_it_is_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(policy_schema())


@pytest.mark.parametrize(
    "path", [*SHIPPED, *PAPER], ids=lambda path: f"{path.parts[-3]}-{path.parent.name}-{path.stem}"
)
def test_policies_are_right_by_the_schema(path: Path) -> None:
    assert faults(path.stem, as_an_editor_reads(path)) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_shipped_file_names_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    target = (path.parent / first.removeprefix(prefix)).resolve()
    assert json.loads(target.read_text(encoding="utf-8"))["$ref"].endswith(f"/{MODELS[path.stem].__name__}")


@pytest.mark.parametrize(
    ("stem", "data"),
    [
        ("fields", {"lead": {"a": {"type": "txt"}}}),
        ("fields", {"lead": {"a": {"type": "text", "labell": "x"}}}),
        ("scoring", {"scores": {"fit": {"rules": [{"id": "a", "points": "many"}]}}}),
        ("work", {"rules": [{"id": "a", "on": {"entres": "mql"}, "do": []}]}),
        (
            "lifecycle",
            {"stages": {"a": {}}, "transitions": [{"id": "x", "from": "a", "to": "b", "when": {"a": {"atleast": 1}}}]},
        ),
    ],
)
def test_mistakes_are_seen_while_typing(stem: str, data: Any) -> None:
    assert faults(stem, data)


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    printed = CliRunner().invoke(command)
    assert json.loads(printed.stdout) == policy_schema()
    written = CliRunner().invoke(command, ["--write", str(tmp_path / "schema")])
    assert written.exit_code == 0
    assert {path.name for path in (tmp_path / "schema").iterdir()} == set(schema_files())

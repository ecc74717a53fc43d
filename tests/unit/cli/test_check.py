"""`tasuki check`: what people and programs read, and the exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli.check import command
from connector.cli.main import main

MAPPINGS = Path(__file__).parents[3] / "mappings"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MAPPINGS / "b2b-ja", tmp_path / "b2b-ja"))


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(command, [str(folder), *options])


def misspell(folder: Path, file: str, old: str, new: str) -> int:
    """Returns the line of the change."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_a_right_policy(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0
    assert "0 errors" in result.stdout
    assert "lead → mql → sal → sql → opportunity → customer (side: recycled, discarded)" in result.stdout
    assert "Checked, not run in this release:" in result.stdout
    assert "- kpi.yaml" in result.stdout


def test_errors_show_the_line_with_a_caret(folder: Path) -> None:
    line = misspell(folder, "lifecycle.yaml", "when: {band: hot}", "when: {band: hott}")
    result = run(folder)
    assert result.exit_code == 1
    shown = result.stdout.splitlines()
    place = next(index for index, text in enumerate(shown) if f"lifecycle.yaml:{line}:" in text)
    source, caret = shown[place + 1], shown[place + 2]
    before = source[: source.index("band: hott")]
    assert caret.index("^") == len(before) + sum(ord(character) > 0x2000 for character in before)
    assert "did you mean `hot`?" in shown[place + 3]
    assert "allowed: hot, middle, low" in shown[place + 4]
    assert "The running policy, if any, stays as it is." in result.stdout


def test_the_same_in_japanese(folder: Path) -> None:
    line = misspell(folder, "lifecycle.yaml", "when: {band: hot}", "when: {band: hott}")
    misspell(folder, "routing.yaml", "nobody_free: {pool: is_managers}", "nobody_free: {pool: is_manager}")
    misspell(folder, "sla.yaml", "at: 60%", "at: sixty")
    result = CliRunner().invoke(main, ["--lang", "ja", "check", str(folder)])
    assert result.exit_code == 1
    assert f"lifecycle.yaml:{line}:" in result.stdout
    assert "誤り: 「hott」は`band`の選択肢ではありません\n" in result.stdout
    assert "= 「hot」ですか?\n       = 書けるもの: hot, middle, low" in result.stdout
    assert "誤り: プール「is_manager」はありません\n" in result.stdout
    assert "誤り: 割合は0%から100%で書きます\n" in result.stdout
    assert "b2b-ja: 誤り3件, 注意" in result.stdout
    assert "動いている方針はそのままです。" in result.stdout
    english = CliRunner().invoke(main, ["check", str(folder)], env={"TASUKI_LANG": "en"})
    assert "error: there is no pool `is_manager`\n" in english.stdout, "one call says nothing about the next"
    facts = CliRunner().invoke(main, ["--lang", "ja", "check", str(folder), "--json"])
    assert "there is no pool `is_manager`" in {one["message"] for one in json.loads(facts.stdout)["errors"]}


def test_errors_of_a_command_are_told_in_the_readers_language(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["activate", str(tmp_path / "nowhere")], env={"TASUKI_LANG": "ja"})
    assert result.exit_code == 4
    assert "`tasuki init DIR`で方針を始められます" in result.stderr


def test_a_secret_is_not_printed(folder: Path) -> None:
    token = "pat-na1-12345678-1234-1234-1234-123456789abc"
    misspell(folder, "policy.yaml", "label: {ja: 営業アラート, en: Sales alerts}", f"label: {token}")
    result = run(folder)
    assert result.exit_code == 1
    assert "looks like a secret" in result.stdout
    assert token not in result.stdout


def test_json_for_programs(folder: Path) -> None:
    good = json.loads(run(folder, "--json").stdout)
    assert (good["ok"], good["errors"]) == (True, [])
    assert len(good["policy"]["hash"]) == 64
    line = misspell(folder, "scoring.yaml", "employees: {between", "employes: {between")
    result = run(folder, "--json")
    error = json.loads(result.stdout)["errors"][0]
    assert result.exit_code == 1
    assert (error["file"], error["line"], error["reason"], error["nearest"]) == (
        "scoring.yaml",
        line,
        "unknown_name",
        "employees",
    )


def test_no_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--lang", "ja", "check", str(tmp_path / "nowhere")])
    assert (result.exit_code, "`tasuki init DIR`で方針を始められます" in result.stderr) == (2, True), result.stderr
    (tmp_path / "scoring.yaml").write_text("")
    result = run(tmp_path / "scoring.yaml")
    assert (result.exit_code, f"name the folder that it stands in: {tmp_path}" in result.stderr) == (2, True)


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "fields.yaml is missing" in result.stdout

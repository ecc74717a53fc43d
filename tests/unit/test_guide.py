"""The tutorial, followed: every block of YAML in its order, every command, every output that it shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from connector.cli.main import COMMANDS, main
from connector.engine.examples import run_examples
from connector.engine.plan import prepare
from connector.policy.advice import advise
from connector.policy.loader import check_files, load_policy_from
from connector.policy.source import read_folder
from tests.unit.policy.folders import MAPPINGS, ROOT
from tests.unit.policy.overlay import Block, blocks, overlaid

GUIDES = sorted((ROOT / "docs" / "guide").glob("*/*.md"))
TUTORIALS = [path for path in GUIDES if path.stem == "tutorial"]
WHOLE = ("(全体)", "(whole)")
ADD = ("(足す)", "(add)")


def language(page: Path) -> str:
    return page.parent.name


def followed(page: Path) -> Iterator[tuple[Block, dict[str, bytes]]]:
    """The policy after each block of the tutorial."""
    files: Mapping[str, bytes] = read_folder(MAPPINGS / "small-team")
    for block in blocks(page):
        assert block.note in (*WHOLE, *ADD), f"{page}:{block.line}: say whether this is the whole file or to be added"
        text = f"# {block.file} {block.note}\n{block.text}".encode()
        files = {**files, block.file: text} if block.note in WHOLE else overlaid(files, block.file, block.text)
        yield block, dict(files)


#: What needs what comes next: the transitions need their fields, these need the reasons, the gate its transition.
UNFINISHED = {"lifecycle.yaml", "fields.yaml"}


@pytest.mark.parametrize("page", TUTORIALS, ids=language)
def test_the_policy_loads_at_every_step(page: Path) -> None:
    seen: set[str] = set()
    for block, files in followed(page):
        policy, problems = check_files(files)
        first = block.file not in seen
        seen.add(block.file)
        if first and block.file in UNFINISHED:
            continue
        assert policy is not None, (block.line, [problem.text() for problem in problems])
    assert seen == {
        "policy.yaml",
        "scoring.yaml",
        "lifecycle.yaml",
        "fields.yaml",
        "recycle.yaml",
        "work.yaml",
        "routing.yaml",
        "sla.yaml",
        "handoff.yaml",
        "examples.yaml",
    }


@pytest.mark.parametrize("page", TUTORIALS, ids=language)
def test_the_finished_policy_keeps_its_examples_and_needs_no_advice(page: Path) -> None:
    *_, (_, files) = followed(page)
    policy = load_policy_from(files)
    outcome = run_examples(prepare(policy))
    assert (outcome.failures, len(outcome.held)) == ((), 2)
    assert advise(policy) == ()


@pytest.mark.parametrize("page", TUTORIALS, ids=language)
def test_the_advice_that_the_tutorial_speaks_of_is_given(page: Path) -> None:
    files = next(files for block, files in followed(page) if block.file == "work.yaml")
    assert {one.id for one in advise(load_policy_from(files))} >= {"no_first_response", "tasks_without_owner"}


@pytest.mark.parametrize("page", TUTORIALS, ids=language)
def test_the_mistake_is_shown_as_check_shows_it(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = next(files for block, files in followed(page) if block.file == "scoring.yaml")
    folder = tmp_path / "my-policy"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "scoring.yaml").write_bytes(files["scoring.yaml"].replace(b"job_title", b"job_titel", 1))
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(main, ["--lang", language(page), "check", "my-policy"])
    assert printed.exit_code == 1
    (shown,) = re.findall(r"^```text\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown in printed.stdout


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_command_exists(page: Path) -> None:
    lines = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    assert lines
    for line in lines:
        program, name, *arguments = shlex.split(line)
        assert (program, name in COMMANDS) == ("tasuki", True), line
        command = main.get_command(click.Context(main), name)
        if isinstance(command, click.Group):
            command = command.commands.get(arguments[0])
        assert command is not None, line
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known, line


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_commands_in_the_text_exist_and_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`tasuki ([a-z]+)", text):
        assert name in COMMANDS, name
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / target).exists(), target


def test_every_guide_exists_in_both_languages_with_the_same_commands() -> None:
    guides: dict[str, dict[str, list[str]]] = {}
    for page in GUIDES:
        text = page.read_text(encoding="utf-8")
        said = re.findall(r"^tasuki [^#\n]*", text, re.MULTILINE)
        guides.setdefault(page.stem, {})[language(page)] = [line.strip() for line in said]
    for name, languages in guides.items():
        assert set(languages) == {"en", "ja"}, name
        assert [re.sub(r"[^\x00-\x7f]+", "…", one) for one in languages["ja"]] == languages["en"], name


def test_both_languages_tell_the_same_steps() -> None:
    steps = {language(page): [(block.file, block.note in WHOLE) for block in blocks(page)] for page in TUTORIALS}
    assert steps["ja"] == steps["en"]

"""The group of commands: help without imports, errors to messages and exit codes, every command documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from connector import errors
from connector.cli.main import COMMANDS, Tasuki, main

MAPPINGS = Path(__file__).parents[3] / "mappings"
DOCS = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def leaves(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name."""
    if isinstance(command, click.Group):
        for inner, found in command.commands.items():
            yield from leaves(f"{name} {inner}", found)
    else:
        yield name, command


def every_command() -> list[tuple[str, click.Command]]:
    context = click.Context(main)
    found = [(name, main.get_command(context, name)) for name in COMMANDS]
    return [leaf for name, command in found if command for leaf in leaves(f"tasuki {name}", command)]


def section(name: str) -> str:
    """The part of docs/cli.md about one command."""
    found = re.search(rf"^### {re.escape(name)}\n(.*?)(?=^##|\Z)", DOCS, re.M | re.S)
    return found[1] if found else ""


def test_every_command_and_option_is_documented() -> None:
    commands = every_command()
    assert {name.split()[1] for name, _ in commands} == set(COMMANDS)
    for name, command in commands:
        text = section(name)
        assert text.strip(), f"docs/cli.md has no section `### {name}`"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                longest = max(parameter.opts, key=len)
                assert f"`{longest}" in text, f"docs/cli.md, {name}: {longest} is missing"


def test_nothing_is_documented_that_does_not_exist() -> None:
    commands = dict(every_command())
    assert set(re.findall(r"^### (tasuki .*)$", DOCS, re.M)) == set(commands)
    for name, command in commands.items():
        known = {one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)}
        first_cells = re.findall(r"^\| (`-.*?) \|", section(name), re.M)
        told = {option for cell in first_cells for option in re.findall(r"`(--[a-z-]+)", cell)}
        assert told <= known, name


def test_every_command_and_option_has_help() -> None:
    for name, command in every_command():
        assert command.help, name
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, f"{name} {parameter.name}"


def test_exit_codes_are_documented() -> None:
    documented = set(re.findall(r"^\| (\d+) \|", DOCS, re.M))
    assert documented == {"0", "1", "2", "3", "4", "5", "6", "130"}


def test_help_imports_no_command() -> None:
    look = (
        "import sys\nfrom connector.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = ('connector.', 'psycopg', 'sqlalchemy', 'rich')\n"
        "print(sorted(name for name in sys.modules if name.startswith(heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", done.stdout, re.M)
    assert (
        done.stdout.splitlines()[-1]
        == "['connector.cli', 'connector.cli.begin', 'connector.cli.main', 'connector.errors', 'connector.texts']"
    )


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    """The result of a command that raises this."""

    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(Tasuki, "get_command", lambda *_: command)
    return CliRunner().invoke(main, ["work"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("Set X.", reason="x"), 3),
        (errors.PolicyError("Mend line 3."), 4),
        (errors.RetryableError("The database is away.", reason="database_away"), 5),
        (errors.QuotaError("The day is used up.", reason="quota_day"), 5),
        (errors.RejectedError("HubSpot says no.", reason="rejected"), 6),
        (errors.AuthError("Connect again.", reason="token_refused"), 6),
        (errors.UncertainError("No answer came.", reason="uncertain"), 6),
        (errors.InboundError("Not a delivery.", reason="not_json"), 6),
    ],
)
def test_an_expected_error_is_a_message_and_a_code(
    monkeypatch: pytest.MonkeyPatch, error: errors.TasukiError, code: int
) -> None:
    result = failing(monkeypatch, error)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(f"tasuki: {error.message}")
    assert "Traceback" not in result.stderr


def test_an_interrupt_has_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    result = failing(monkeypatch, KeyboardInterrupt())
    assert result.exit_code == 130
    assert "interrupted" in result.stderr


INTERRUPT = """
import importlib, os, signal, sys
from types import SimpleNamespace
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
module, attribute = sys.argv.pop(1).split(":")
strike = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
if attribute:
    setattr(importlib.import_module(module), attribute, strike)
else:
    sys.meta_path.insert(0, SimpleNamespace(find_spec=lambda name, *_: name == module and strike() or None))
from connector.cli.begin import main
main()
"""


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("connector.cli.main:", ""),
        ("click:", ""),
        ("connector.cli.check:", ""),
        ("connector.policy.loader:", ""),
        ("connector.cli.check:_check", "tasuki: interrupted\n"),
    ],
)
def test_an_interrupt_is_never_a_traceback(where: str, told: str) -> None:
    """Neither within an import, however early, nor while the command runs."""
    call = [sys.executable, "-c", INTERRUPT, where, "check", str(MAPPINGS / "small-team")]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, "TASUKI_LANG": "en"})
    assert (done.returncode, done.stderr, done.stdout) == (130, told, "")


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    result = failing(monkeypatch, ZeroDivisionError())
    assert isinstance(result.exception, ZeroDivisionError)


def test_an_unknown_command_is_a_wrong_call() -> None:
    result = CliRunner().invoke(main, ["explian"])
    assert result.exit_code == 2
    assert "No such command 'explian'. Did you mean `explain`?" in result.stderr
    result = CliRunner().invoke(main, ["--lang", "ja", "chekc"])
    assert (result.exit_code, "「check」ですか" in result.stderr) == (2, True), result.stderr


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert re.fullmatch(r"tasuki, version \d+\.\d+\.\d+\n", result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("print", "manual", "--policy", str(MAPPINGS / "small-team"), "--out", "{file}/page.html"),
        ("schema", "--write", "{file}/schema"),
        ("reference", "{file}/reference"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_and_no_traceback(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(main, [one.format(file=tmp_path / "file") for one in arguments])
    assert (result.exit_code, "cannot be used (Not a directory)" in result.stderr) == (3, True), result.output

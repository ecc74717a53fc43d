"""What `tasuki up` and the demo begin with, and what is started again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector.cli.main import COMMANDS, main
from connector.cli.stack import clear_home, free_port, make_home, refuse_taken, role_of
from connector.errors import UsageError


@pytest.mark.parametrize("name", ["serve", "work", "work-2", "work-3"])
def test_whatever_ended_is_started_again_by_a_command_that_exists(name: str) -> None:
    assert role_of(name) in COMMANDS


def test_a_port_that_is_taken_is_told_at_once() -> None:
    refuse_taken(free_port())
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UsageError, match="take another one with --port"):
            refuse_taken(other.getsockname()[1])


@pytest.mark.parametrize("command", ["demo", "up"])
def test_what_is_no_run_beside_a_sandbox_is_never_removed(command: str, tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()  # as in the home of a real installation
    result = CliRunner().invoke(main, [command, "--home", str(tmp_path)])
    assert (result.exit_code, "--home" in result.stderr) == (3, True), result.output
    assert (tmp_path / "postgres").is_dir()


def test_what_a_run_beside_a_sandbox_left_is_removed(tmp_path: Path) -> None:
    for log in ("sandbox.log", "sandbox-salesforce.log"):
        home = tmp_path / log
        home.mkdir()
        clear_home(home)  # empty
        (home / "postgres").mkdir(parents=True)
        (home / log).touch()
        clear_home(home)
        assert not home.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    make_home(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name another one with --home"):
        make_home(tmp_path / "file" / "home")

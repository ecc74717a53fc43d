"""Failpoints: nothing unless armed, the right passage when armed, and every place stands in the product."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector import failpoints
from connector.failpoints import Place, arm, reach

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def kills(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals that this process would have sent itself."""
    found: list[int] = []
    monkeypatch.setattr(failpoints.os, "kill", lambda pid, number: found.append(number))
    yield found
    arm("")


def test_nothing_is_armed_unless_a_test_arms_it(kills: list[int]) -> None:
    for place in Place:
        reach(place)
    assert kills == []


def test_a_place_ends_the_process_at_the_passage_that_was_asked_for(kills: list[int]) -> None:
    arm("P6@3, P4@1")
    for place in (Place.APPLIED, Place.APPLIED, Place.PRE_CALL):
        reach(place)
    assert kills == []
    reach(Place.APPLIED)
    reach(Place.CLAIMED)
    assert kills == [signal.SIGKILL, signal.SIGKILL]
    reach(Place.APPLIED)
    assert len(kills) == 2


def test_a_chance_strikes_about_as_often_as_it_says(kills: list[int]) -> None:
    arm("P1@0.2")
    for _ in range(2_000):
        reach(Place.PRE_INSERT)
    assert 250 < len(kills) < 550


@pytest.mark.parametrize("told", ["P9@1", "P1", "P1@often"])
def test_a_slip_in_the_variable_is_told_at_once(told: str) -> None:
    command = [sys.executable, "-c", "import connector.failpoints"]
    environment = os.environ | {failpoints.VARIABLE: told}
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "TASUKI_FAILPOINT reads PLACE@TIMES" in ended.stderr


def test_every_place_is_in_the_product() -> None:
    source = "".join(path.read_text() for top in ("connector", "webhooks") for path in (ROOT / top).rglob("*.py"))
    assert [place.name for place in Place if f"reach(Place.{place.name})" not in source] == []

"""`--reliability FILE`: what came of every test that bears a row's name, kept in a file from run to run.

A test may say what it counted: `record_property("counted", {"kills": 30, "events": 1_000})`. Cases that did not run
this time stay as they were, each with its own date: the long runs may be run in pieces.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[2] / "docs" / "reliability.json"


class Recorder:
    """Gathers the outcomes of marked tests; under pytest-xdist in the process that hears of all of them."""

    def __init__(self, path: Path, *, soak: bool) -> None:
        self._path = path
        self._run = "soak" if soak else "test"
        self._found: dict[str, dict[str, dict[str, Any]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test has ended."""
        properties = dict(report.user_properties)
        if "fault_rows" not in properties or (report.when != "call" and report.outcome == "passed"):
            return
        test, _, case = report.nodeid.removesuffix("]").partition("[")
        self._found.setdefault(test, {})[case] = {
            "outcome": report.outcome,
            "date": datetime.now(UTC).date().isoformat(),
            "seconds": round(report.duration, 1),
            "counted": {**properties.get("examples", {}), **properties.get("counted", {})},
        }

    def pytest_sessionfinish(self) -> None:
        """Put this run's results over those of before."""
        kept = read(self._path)
        for test, cases in self._found.items():
            kept.setdefault(test, {}).setdefault(self._run, {}).update(cases)
        text = json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True)
        self._path.write_text(text + "\n", encoding="utf-8")


def read(path: Path = RECORDED) -> dict[str, dict[str, Any]]:
    """Test → run (`test`, `soak`) → case → its result."""
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def label(items: Iterable[pytest.Item]) -> None:
    """Let every marked test carry its rows, and how many examples it looks at, to whoever hears of its outcome."""
    for item in items:
        rows = list(_rows(item))
        if not rows:
            continue
        item.user_properties.append(("fault_rows", rows))
        settings = getattr(getattr(item, "function", None), "_hypothesis_internal_use_settings", None)
        if settings is not None:
            item.user_properties.append(("examples", {"examples": settings.max_examples}))


def _rows(item: pytest.Item) -> Iterator[str]:
    for mark in item.iter_markers("fault"):
        yield from (str(row) for row in mark.args)

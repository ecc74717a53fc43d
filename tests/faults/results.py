"""`--reliability FILE`: what came of every test that bears a row's name, kept in a file from run to run.

A test may say what it counted: `record_property("counted", "30 kills, 1,000 events")`. Results of tests that did not
run this time stay as they were, each with its own date.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[2] / "docs" / "reliability.json"
_COUNTED = ("passed", "failed", "skipped")


class Recorder:
    """Gathers the outcomes of marked tests; under pytest-xdist in the process that hears of all of them."""

    def __init__(self, path: Path, *, soak: bool) -> None:
        self._path = path
        self._run = "soak" if soak else "test"
        self._found: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test has ended."""
        properties = dict(report.user_properties)
        rows = properties.get("fault_rows")
        if not rows or (report.when != "call" and report.outcome == "passed"):
            return
        test = report.nodeid.partition("[")[0]
        entry = self._found.setdefault(
            test, {"rows": rows, "passed": 0, "failed": 0, "skipped": 0, "seconds": 0.0, "counted": []}
        )
        entry[report.outcome] += 1
        entry["seconds"] = round(entry["seconds"] + report.duration, 1)
        for name in ("examples", "counted"):
            if name in properties and properties[name] not in entry["counted"]:
                entry["counted"].append(properties[name])

    def pytest_sessionfinish(self) -> None:
        """Put this run's results over those of before."""
        kept = read(self._path)
        today = datetime.now(UTC).date().isoformat()
        for test, entry in self._found.items():
            kept.setdefault(test, {})[self._run] = {"date": today, **entry}
        text = json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True)
        self._path.write_text(text + "\n", encoding="utf-8")


def read(path: Path = RECORDED) -> dict[str, dict[str, Any]]:
    """Test → run (`test`, `soak`) → its result."""
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
            item.user_properties.append(("examples", f"{settings.max_examples:,} examples"))


def _rows(item: pytest.Item) -> Iterator[str]:
    for mark in item.iter_markers("fault"):
        yield from (str(row) for row in mark.args)

"""No row of the fault matrix is forgotten, and the page that tells of them is what the runs recorded."""

from __future__ import annotations

from tests.faults.report import PAGE, render
from tests.faults.results import read
from tests.faults.rows import IN_PART, NOT_BUILT, ROWS, marked


def test_every_row_is_shown_by_a_test_or_says_why_not() -> None:
    shown = {row for row, _ in marked()}
    assert shown - ROWS.keys() == set(), "these rows do not exist"
    assert ROWS.keys() - shown == NOT_BUILT.keys(), "a row has a test, or a reason in NOT_BUILT, and not both"
    assert IN_PART.keys() <= shown


def test_rows_are_all_there_in_order() -> None:
    counts = {"T": 14, "F": 52, "L": 4}
    assert list(ROWS) == [f"{kind}{number}" for kind, count in counts.items() for number in range(1, count + 1)]


def test_the_page_is_what_the_runs_recorded() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == render(read()), "run `python -m tests.faults.report`, or `make reliability` to run the tests too"


def test_a_test_that_fails_or_never_ran_is_not_called_passed() -> None:
    row, test = next((row, test) for row, test in marked() if row == "F5")
    line = f"| {row} | {ROWS[row].what} | {ROWS[row].must} | "
    assert f"{line}not run |" in render({})
    ran = {"outcome": "passed", "seconds": 1.0, "counted": {"calls": 20}, "date": "2026-04-01"}
    two = {"test": {"a": ran, "b": {**ran, "date": "2026-04-02"}}}
    assert f"{line}passed | `make test` 2026-04-02: 2 cases (40 calls) |" in render({test: two})
    assert f"{line}**failed** |" in render({test: {"test": {"": ran}, "soak": {"": {**ran, "outcome": "failed"}}}})
    assert f"{line}not run |" in render({test: {"test": {"": {**ran, "outcome": "skipped"}}}})

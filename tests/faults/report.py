"""Write docs/reliability.md from what the last runs recorded: `python -m tests.faults.report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.results import RECORDED, read
from tests.faults.rows import FAULTS, FULL, IN_PART, LAWS, NOT_BUILT, PROMISES, ROWS, Row, marked

PAGE = RECORDED.with_suffix(".md")

_HEAD = """\
# Reliability

What Tasuki promises when something breaks, and what was run to show it. This page is written by `make reliability` and
`make soak` from their results (`docs/reliability.json`); nobody edits it. Each row is shown by the tests that bear its
name (`@pytest.mark.fault("F7")`); a count in a row is what the newest run of a test counted, on the date beside it.

**In one sentence:** events are taken in at least once, and every effect has a key: one effect a key where the vendor
enforces a unique key, elsewhere we look before we repeat, and what stays uncertain waits for a person.

Killed means `SIGKILL`, at one of eight places: P1 before a delivery is stored, P2 before its commit, P3 before its 200,
P4 with work claimed, P5 before a call, P6 applied by the vendor and the answer unread, P7 before what it said is
committed, P8 before the job is told to be done. Truth is the stand-in's ledger of applied writes, never our own tables
alone. No failure in N tries bounds the rate below 3/N (95 %). Stand-ins play the vendors; nothing here was run against
a customer's account.
"""

_LEGEND = """\
**passed**: every test of the row passed in its newest run, at full size · **in part**: what ran passed, and the remark
says what is missing · **not yet**: no test; the remark says why · **not run**: a test stands, and no
run of it is recorded.
"""


Results = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
"""Test → run → case → outcome, date, seconds, counted."""

_Run = tuple[str, Mapping[str, Mapping[str, Any]]]


def render(results: Results) -> str:
    """The page."""
    tests: dict[str, list[str]] = {}
    for row, test in marked():
        tests.setdefault(row, []).append(test)
    known = _by_function(results)
    parts = [_HEAD, _LEGEND]
    tables = (("Promises", "Full size", PROMISES), ("Faults", "Required", FAULTS), ("Laws", "Full size", LAWS))
    for title, last, rows in tables:
        lines = [f"| | {title[:-1]} | {last} | Result | Newest runs |", "|-|-|-|-|-|"]
        lines += [_line(row, tests.get(row.id, []), known) for row in rows]
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    parts.append("## Tests\n\n" + "\n".join(_tests(tests, known)) + "\n")
    return "\n".join(parts)


def _by_function(results: Results) -> dict[str, list[_Run]]:
    """Function → what came of everything that bears its name: contract tests run once for each vendor."""
    found: dict[str, list[_Run]] = {}
    for test, runs in results.items():
        found.setdefault(test.rpartition("::")[2], []).extend(runs.items())
    return found


def _line(row: Row, tests: Iterable[str], known: Mapping[str, list[_Run]]) -> str:
    every = [known.get(test.rpartition("::")[2], []) for test in tests]
    ran = [one for found in every for one in found]
    remark = " ".join(filter(None, [NOT_BUILT.get(row.id), _missing(row, ran) if every else "", IN_PART.get(row.id)]))
    outcomes = {case["outcome"] for _, cases in ran for case in cases.values()}
    if not every:
        result = "not yet"
    elif "failed" in outcomes:
        result = "**failed**"
    elif not all(any(_passed(cases) for _, cases in found) for found in every):
        result = "in part" if "passed" in outcomes else "not run"
        remark = f"{remark} Some tests of this row have not been run.".strip()
    else:
        result = "in part" if remark else "passed"
    runs = [_told(run, [cases for name, cases in ran if name == run]) for run in ("test", "soak")]
    shown = " · ".join(filter(None, [*runs, remark]))
    return f"| {row.id} | {row.what} | {row.must} | {result} | {shown} |"


def _missing(row: Row, ran: Iterable[_Run]) -> str:
    """How much of the row's full size the newest runs did not count."""
    counted = _counted(case for _, cases in ran for case in _passed(cases))
    short = [
        f"{counted[word]:,} of {full:,} {word}" for word, full in FULL.get(row.id, {}).items() if counted[word] < full
    ]
    return f"So far {', '.join(short)}." if short else ""


def _counted(cases: Iterable[Mapping[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for case in cases:
        found.update(case["counted"])
    return found


def _passed(cases: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [case for case in cases.values() if case["outcome"] == "passed"]


def _told(run: str, tests: Iterable[Mapping[str, Mapping[str, Any]]]) -> str:
    """`make test` with its newest date, how many cases, and all that they counted."""
    passed = [case for cases in tests for case in _passed(cases)]
    if not passed:
        return ""
    counted: Counter[str] = Counter()
    for case in passed:
        counted.update(case["counted"])
    told = (
        f"`make {run}` {max(case['date'] for case in passed)}: {len(passed)} {'case' if len(passed) == 1 else 'cases'}"
    )
    summed = ", ".join(f"{count:,} {word}" for word, count in sorted(_counted(passed).items()) if count)
    return f"{told} ({summed})" if summed else told


def _tests(tests: Mapping[str, list[str]], known: Mapping[str, list[_Run]]) -> Iterable[str]:
    for row in ROWS.values():
        for test in sorted(tests.get(row.id, [])):
            path, _, function = test.partition("::")
            runs = {run: _passed(cases) for run, cases in known.get(function, ()) if _passed(cases)}
            told = ", ".join(f"{run} {max(one['date'] for one in passed)}" for run, passed in sorted(runs.items()))
            yield f"- {row.id} [`{function}`](../tests/{path}) {told or 'not run'}"


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    main()

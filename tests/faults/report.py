"""Write docs/reliability.md from what the last runs recorded: `python -m tests.faults.report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.results import RECORDED, read
from tests.faults.rows import FAULTS, IN_PART, NOT_BUILT, PROMISES, Row, marked

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
alone. No failure in N tries bounds the rate below 3/N (95 %). The stand-in plays HubSpot; nothing here was run against
a customer's account.
"""

_LEGEND = """\
**passed**: every test of the row passed in its newest run · **in part**: passed, and the remark says what is missing ·
**not yet**: no test; the remark says why · **not run**: a test stands, and no run of it is recorded.
"""


def render(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The page."""
    tests: dict[str, list[str]] = {}
    for row, test in marked():
        tests.setdefault(row, []).append(test)
    known = _by_function(results)
    parts = [_HEAD, _LEGEND]
    for title, last, rows in (("Promises", "Full size", PROMISES), ("Faults", "Required", FAULTS)):
        lines = [f"| | {title[:-1]} | {last} | Result | Newest runs |", "|-|-|-|-|-|"]
        lines += [_line(row, tests.get(row.id, []), known) for row in rows]
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    parts.append("## Tests\n\n" + "\n".join(_tests(tests, known)) + "\n")
    return "\n".join(parts)


def _by_function(results: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Function → (run, result) of everything that bears its name: contract tests run once for each vendor."""
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for test, runs in results.items():
        for run, result in runs.items():
            found.setdefault(test.rpartition("::")[2], []).append((run, result))
    return found


def _line(row: Row, tests: Iterable[str], known: Mapping[str, list[tuple[str, Mapping[str, Any]]]]) -> str:
    every = [known.get(test.rpartition("::")[2], []) for test in tests]
    remark = NOT_BUILT.get(row.id) or IN_PART.get(row.id)
    ran = [one for found in every for one in found]
    if not every:
        result = "not yet"
    elif any(one["failed"] for _, one in ran):
        result = "**failed**"
    elif not all(any(one["passed"] for _, one in found) for found in every):
        result = "not run" if not any(one["passed"] for _, one in ran) else "in part"
        remark = " ".join(filter(None, [remark, "Some tests of this row have not been run."]))
    else:
        result = "in part" if remark else "passed"
    runs = [_told(run, [one for name, one in ran if name == run]) for run in ("test", "soak")]
    shown = " · ".join(filter(None, [*runs, remark]))
    return f"| {row.id} | {row.what} | {row.must} | {result} | {shown} |"


def _told(run: str, results: list[Mapping[str, Any]]) -> str:
    if not results:
        return ""
    cases = sum(one["passed"] for one in results)
    counted = sorted({text for one in results for text in one["counted"]})
    newest = max(one["date"] for one in results)
    told = f"`make {run}` {newest}: {cases} {'case' if cases == 1 else 'cases'}"
    return f"{told} ({'; '.join(counted)})" if counted else told


def _tests(tests: Mapping[str, list[str]], known: Mapping[str, list[tuple[str, Mapping[str, Any]]]]) -> Iterable[str]:
    for row in (*PROMISES, *FAULTS):
        for test in sorted(tests.get(row.id, [])):
            path, _, function = test.partition("::")
            runs = sorted({f"{run} {one['date']}" for run, one in known.get(function, ()) if one["passed"]})
            yield f"- {row.id} [`{function}`](../tests/{path}) {', '.join(runs) or 'not run'}"


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    main()

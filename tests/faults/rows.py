"""The promises (T), the fault matrix (F), the laws under them (L): what each asks for, and what is not shown yet.

A test shows a row by `@pytest.mark.fault("F7")`; `tests/unit/test_reliability.py` proves that no row is forgotten.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what happens (or is promised), and what must then be true (or how often it is tried in the soak)."""

    id: str
    what: str
    must: str


PROMISES = (
    Row("T1", "Accepted means kept", "the receiver killed at P1–P3: 300 kills, 10,000 events, none of them lost"),
    Row("T2", "Effects survive crashes", "killed at P4–P8, 400 times each and for each vendor: one effect a key"),
    Row(
        "T3",
        "A database outage is survived",
        "stopped every 5–40 s, 4 × 15 minutes, 10,000 events: none lost or twice",
    ),
    Row("T4", "Each job once, nobody starves", "20 processes, 10,000 jobs: each once, every process at least 1 %"),
    Row(
        "T5",
        "Stuck jobs are rescued, living ones spared",
        "500 jobs each of killed, frozen, slow workers: none stolen, none twice; 100 workers frozen around their calls",
    ),
    Row("T6", "Unique under race", "50 clients send the same 200 events: 200 are taken"),
    Row("T7", "Authentic, fresh, rotatable", "2,000 mutations: none accepted; none refused while a secret is rotated"),
    Row(
        "T8",
        "Bounded retry, parked, redriven",
        "1,000 jobs with 1 % poison: counts exact, all redriven in the end, the p95 of the healthy hardly longer",
    ),
    Row("T9", "Repeatable incremental sync", "100 checkpoints a vendor: the same set; a second run writes nothing"),
    Row("T10", "One refresh of a token", "50 processes, 200 expiries, 1–15 s latency: 200 token calls, nobody cut off"),
    Row("T11", "No echo", "1,000 edits at a vendor that echoes: at most one write each, none in 10 quiet minutes"),
    Row("T12", "Addresses that we call are safe", "29 kinds of inner address, rebinding, redirects: none is reached"),
    Row("T13", "Decisions rest on consistent reads", "100,000 operations at once without an anomaly; replicas refused"),
    Row("T14", "Erasure is honoured", "200 canaries: no trace in tables, parked, logs, exports; none comes back"),
)

FAULTS = (
    Row("F1", "A HubSpot batch comes 11 times, attempts 0–10", "one effect"),
    Row("F2", "Distinct events share an `eventId`", "both are kept"),
    Row("F3", "One bad event among 100", "99 are done, one is set aside, the answer is 200"),
    Row("F4", "Events reversed and late", "the newest truth stands"),
    Row("F5", "The inbox is locked for longer than the sender waits", "a fast 503, nothing in part"),
    Row("F6", "Killed within a message of 100 notifications", "all are stored before the acknowledgement"),
    Row("F7", "The acknowledgement is lost", "the notification's id counts once"),
    Row("F8", "A message about a deleted record, without data", "nothing is blanked"),
    Row("F9", "Another organisation's id", "refused and counted"),
    Row("F10", "XML that names files or multiplies entities", "4xx at once, nothing is fetched"),
    Row("F11", "10 MB, a gzip bomb, depth 100,000", "refused or set aside; memory stays flat"),
    Row("F12", "NUL, a lone surrogate", "the raw bytes are kept, the event is set aside, no 500 for ever"),
    Row("F13", "Away for 25 hours, longer than vendors send again", "reconciliation makes it good"),
    Row("F14", "PostgreSQL is down", "503, never 200"),
    Row("F15", "The disk is full", "503, told, recovered"),
    Row("F16", "Applied, and the answer is lost", "looked up: one record"),
    Row("F17", "Timed out, and applied 30 s later", "one record"),
    Row("F18", "Search lags by 60 s", "nothing is created twice"),
    Row("F19", "Frozen past its lease, then thawed", "its commit is fenced; the call itself is idempotent"),
    Row("F20", "SIGTERM within a job", "handed back at once"),
    Row("F21", "A job that always kills its worker", "rests after so many deaths"),
    Row("F22", "A poison record", "it is parked alone, others flow"),
    Row("F23", "A backlog of 10,000 of one tenant", "the neighbour's p95 at most doubles"),
    Row("F24", "An unknown kind or version of job", "parked"),
    Row("F25", "Two schedulers", "one run"),
    Row("F26", "The clock off by an hour, summer time", "no storm; leases go by the database's clock"),
    Row("F27", "The echo of our own write", "dropped"),
    Row("F28", "A person edits through our own integration user", "kept"),
    Row("F29", "The vendor reformats what we write", "converges in one write"),
    Row("F30", "Two writers, different fields", "both survive"),
    Row("F31", "Two writers, one field", "a stated rule decides, the loser is recorded"),
    Row("F32", "Missing, null and empty", "nothing is blanked unless somebody blanked it"),
    Row("F33", "256 characters, an emoji on the boundary", "cut visibly and never within a character"),
    Row("F34", "髙﨑, half-width kana, NFD, ZWJ", "round trip"),
    Row("F35", "Midnight in Japan, a date at midnight UTC", "the same calendar day"),
    Row("F36", "A field deleted or required, an option gone", "parked with the field's name"),
    Row("F37", "400 or 5xx, 423, UNABLE_TO_LOCK_ROW", "never again, or after a while (423: at least 2 s)"),
    Row("F38", "A batch done in part", "an outcome for each item"),
    Row("F39", "200 with HTML or truncated JSON", "a failure, nothing twice"),
    Row("F40", "429 of ten seconds or of the day, odd Retry-After", "a short wait or a pause"),
    Row("F41", "Others use 80 % of the quota", "the background stops, the reserve is kept"),
    Row("F42", "403 REQUEST_LIMIT_EXCEEDED", "a pause, not “access is dead”"),
    Row("F43", "A token was rotated, and the answer lost", "read again before death is declared"),
    Row("F44", "Access revoked", "paused, events kept, told once, resumed"),
    Row("F45", "Two merged into a new one", "work follows, nothing is resurrected"),
    Row("F46", "Deleted, a late update, restored", "not made again; going on works"),
    Row("F47", "Privacy deletion and deletion in either order, work in flight", "erased, called off"),
    Row("F48", "10,001 records of one moment", "the search ends and is complete"),
    Row("F49", "A lead goes back and forth", "a breaker after 5 in 24 hours, remembered"),
    Row("F50", "An import of 100,000 events", "memory is bounded"),
    Row("F51", "A duplicate rule blocks", "linked or parked, never passed by"),
    Row("F52", "Replay clicked twice", "one effect"),
)

LAWS = (
    Row("L1", "Standing still changes no history", "2,000 lives, each with and without a standstill"),
    Row("L2", "Looking more often changes no history", "400 lives, looked at every hour"),
    Row("L3", "What is stored comes back as it was", "10,000 values, tasks and states of each kind"),
    Row("L4", "Working time is the minutes counted one by one", "10,000 calendars, summer time and holidays included"),
)
"""What hypothesis searches for a counter-example of; how many cases the soak looks at."""

ROWS = {row.id: row for row in (*PROMISES, *FAULTS, *LAWS)}

_STUCK = ("jobs of killed workers", "jobs of frozen workers", "jobs of slow workers")
FULL: dict[str, dict[str, int]] = {
    "T1": {"kills at P1–P3": 300, "events": 10_000},
    "T2": {"kills at P4–P8": 6_000},
    "T3": {"minutes of outages": 60, "events": 10_000},
    "T4": {"jobs": 10_000},
    "T5": {**dict.fromkeys(_STUCK, 500), "workers frozen at P4–P8": 100},
    "T6": {"deliveries": 10_000},
    "T8": {"records": 1_000},
    "T9": {"checkpoints": 200},
    "T10": {"sessions ended": 200},
    "T11": {"edits": 1_000},
    "T13": {"operations": 100_000},
    "T14": {"canaries": 200},
    "F23": {"backlog": 10_000},
    "F50": {"events": 100_000},
    "L1": {"examples": 2_000},
    "L2": {"examples": 400},
    "L3": {"examples": 50_000},
    "L4": {"examples": 40_000},
}
"""What the tests of a row must have counted before it is called passed."""

NOT_BUILT: dict[str, str] = {}
"""Rows that no test shows, with the reason."""

IN_PART: dict[str, str] = {}
"""What of a row that tests show is still missing."""


def marked() -> Iterator[tuple[str, str]]:
    """(row, test) for every mark that stands in the tests' source; a test is `folder/file.py::function`."""
    for path in sorted(TESTS.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.fault(" not in text:
            continue
        name = path.relative_to(TESTS).as_posix()
        whole_file, functions = _marks(ast.parse(text))
        for function, rows in functions:
            for row in (*whole_file, *rows):
                yield row, f"{name}::{function}"


def _marks(tree: ast.Module) -> tuple[list[str], list[tuple[str, list[str]]]]:
    functions: list[tuple[str, list[str]]] = []
    whole_file: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            rows = [row for decorator in node.decorator_list for row in _rows(decorator)]
            if rows:
                functions.append((node.name, rows))
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            whole_file += _rows(node.value)
    return whole_file, functions


def _rows(node: ast.expr) -> list[str]:
    """The rows of `pytest.mark.fault("F1", "F2")`; nothing of anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fault":
        return [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
    return []

"""The rules of the house that no linter knows."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted(path for top in ("connector", "webhooks") for path in (ROOT / top).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in PYTHON]

LAYERS = [
    "webhooks",
    "connector/cli",
    "connector/bootstrap.py",
    "connector/jobs",
    "connector/sync",
    "connector/store",
    "connector/vendors",
    "connector/engine",
    "connector/policy",
    "connector/domain",
    "connector/sandbox",
    "connector/errors.py",
    "connector/settings.py",
]

#: Names that gather what belongs nowhere.
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "lib", "base_utils", "constants"}

MOST_LINES = 400
#: Path → why this file is better in one piece.
LONG_FOR_A_REASON: dict[str, str] = {}

#: Packages that are told the time: a clock is a parameter there.
TIMELESS = ("connector/domain", "connector/policy", "connector/engine", "connector/sync")
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}

#: The worker's edge may catch everything; elsewhere a broad `except` must raise again.
BROAD_EXCEPT_BELONGS_IN = ("connector/jobs",)
MOST_BROAD_EXCEPTS = 1


def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_layer_is_there(layer: str) -> None:
    assert (ROOT / layer).exists()


def test_every_layer_is_under_the_import_rules() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    ruled = " ".join(
        word for contract in contracts for key in ("layers", "source_modules") for word in contract.get(key, [])
    )
    free = {"connector/settings.py"}  # read by every layer above the errors
    assert [
        layer for layer in LAYERS if layer not in free and layer.removesuffix(".py").replace("/", ".") not in ruled
    ] == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in [*PYTHON, *TESTS] if path.stem in FORBIDDEN or path.parent.name in FORBIDDEN] == []


def test_files_are_small_or_have_a_reason() -> None:
    lines = {name: (ROOT / name).read_text(encoding="utf-8").count("\n") for name in NAMES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES and name not in LONG_FOR_A_REASON} == {}
    stale = [name for name in LONG_FOR_A_REASON if lines.get(name, 0) <= MOST_LINES]
    assert stale == []


def clock_calls(module: ast.Module) -> Iterator[int]:
    """Lines that read a clock: `datetime.now(…)`, `time.time()`, however the module was imported."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if ("time", alias.name) in CLOCKS)
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if (owner, node.attr) in CLOCKS:
                yield node.lineno


def test_nothing_below_the_edge_reads_a_clock() -> None:
    inner = [name for name in NAMES if name.startswith(TIMELESS)]
    assert inner
    assert [f"{name}:{line}" for name in inner for line in clock_calls(tree(name))] == []


def test_the_search_for_clocks_finds_them() -> None:
    calls = "datetime.datetime.now()\ntime.time()\ndate.today()\nself.now()"
    told = f"import datetime, time\nfrom time import time as t\n{calls}"
    assert list(clock_calls(ast.parse(told))) == [2, 3, 4, 5]


def broad_excepts(module: ast.Module) -> Iterator[int]:
    """Lines of `except:`, `except Exception` and `except BaseException` that do not end in `raise`."""
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(
                t is None or (isinstance(t, ast.Name) and t.id in ("Exception", "BaseException")) for t in caught
            )
            last = node.body[-1]
            if broad and not (isinstance(last, ast.Raise) and last.exc is None):
                yield node.lineno


def test_one_broad_except_at_the_workers_edge() -> None:
    found = [(name, line) for name in NAMES for line in broad_excepts(tree(name))]
    assert [place for place in found if not place[0].startswith(BROAD_EXCEPT_BELONGS_IN)] == []
    assert len(found) <= MOST_BROAD_EXCEPTS


def test_the_search_for_broad_excepts_finds_them() -> None:
    told = "\n".join(
        f"try:\n    x()\nexcept{what}:\n    {then}"
        for what, then in [
            ("", "pass"),
            (" Exception", "log()"),
            (" (OSError, BaseException)", "log()"),
            (" BaseException", "raise"),
            (" OSError", "pass"),
        ]
    )
    assert list(broad_excepts(ast.parse(told))) == [3, 7, 11]


def test_only_the_edge_reads_the_environment() -> None:
    """Settings are read once; other modules get them handed in."""
    edges = (
        "connector/settings.py",
        "connector/failpoints.py",  # a variable of the tests alone, which settings would offer to everybody
        "connector/cli/",
        "connector/store/cluster.py",
        "connector/store/postmaster.py",
        "webhooks/",
    )
    readers = [
        f"{name}:{node.lineno}"
        for name in NAMES
        if not name.startswith(edges)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and getattr(node.value, "id", "") == "os"
    ]
    assert readers == []


def test_modules_say_what_they_are_for() -> None:
    assert [name for name in NAMES if not ast.get_docstring(tree(name))] == []

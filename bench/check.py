"""Checking b2b-ja, right and with forty mistakes, beside what the YAML reader alone needs for the same files.

    python -m bench.check [runs]

`tasuki check` reads twelve files, resolves every reference and runs the examples. The peer is ruamel.yaml composing the
same bytes, which is the least that positions cost. Limit: 2 s for all forty mistakes at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

from ruamel.yaml import YAML

from connector.engine.examples import run_examples
from connector.engine.plan import prepare
from connector.policy import document
from connector.policy.loader import check_files
from connector.policy.source import read_folder
from tests.unit.policy.test_forty_mistakes import wrong_copy

RUNS = 5
LIMIT_SECONDS = 2.0
FOLDER = Path(__file__).parents[1] / "mappings" / "b2b-ja"


def composed(files: Mapping[str, bytes]) -> None:
    """The files as nodes with positions, and nothing else."""
    for name, content in files.items():
        if name.endswith(".yaml"):
            YAML(typ="safe", pure=True).compose(content.decode())


def checked(files: Mapping[str, bytes]) -> int:
    """All that `tasuki check` does but print; returns the number of errors. No file has been read before."""
    document.read.cache_clear()
    policy, problems = check_files(files)
    if policy is not None:
        assert not run_examples(prepare(policy)).failures
    return sum(not problem.warning for problem in problems)


def seconds(work: Callable[[], object], runs: int) -> float:
    """The median of several runs."""
    spent = []
    for _ in range(runs):
        begun = perf_counter()
        work()
        spent.append(perf_counter() - begun)
    return median(spent)


def main() -> None:
    """Print both policies beside the peer; exit with 1 past the limit."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    right, wrong = read_folder(FOLDER), wrong_copy()
    assert (checked(right), checked(wrong)) == (0, 40)
    alone = seconds(lambda: composed(right), runs)
    found = {"right": seconds(lambda: checked(right), runs), "forty mistakes": seconds(lambda: checked(wrong), runs)}
    print(f"ruamel.yaml alone   {alone:6.3f} s")
    for name, spent in found.items():
        print(f"{name:<19} {spent:6.3f} s   {spent / alone:4.1f} x ruamel.yaml alone")
    late = max(found.values()) > LIMIT_SECONDS
    print(f"limit               {LIMIT_SECONDS:6.3f} s   {'NOT MET' if late else 'met'}")
    sys.exit(late)


if __name__ == "__main__":
    main()

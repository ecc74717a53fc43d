"""`decide`, whole: leads a second on one core and on two processes, under the shipped policy b2b-ja.

    python -m bench.decide [leads]

The limit beside it is what a loop written by hand needs for scores alone (`bench.scoring`), measured in the same run:
absolute figures drift with the machine, the ratio does not. Times are CPU times of the process.
"""

from __future__ import annotations

import gc
import sys
from multiprocessing import get_context
from time import perf_counter, process_time

from bench import scoring
from bench.leads import NOW, SINCE, Case, cases, shipped
from connector.engine import rest
from connector.engine.decide import decide
from connector.engine.plan import Plan

LEADS = 10_000
ROUNDS = 3
AIM = 20_000


def decide_all(plan: Plan, found: list[Case]) -> int:
    """Decide every lead; how many decisions changed something."""
    return sum(decide(plan, case.lead, case.signals, case.state, NOW, since=SINCE).changed for case in found)


def by_hand(rows: list[scoring.Row]) -> None:
    for values, times in rows:
        scoring.by_hand(values, times)


def main() -> int:
    """Print rates and ratios beside the aim."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else LEADS
    plan = shipped()
    found, rows = cases(plan, count), scoring.rows(count)
    gc.collect()
    gc.freeze()
    ours = hand = 0.0
    changed = 0
    for _ in range(ROUNDS):  # the best of some, turn about: other work on the machine hits both alike
        started = process_time()
        changed = decide_all(plan, found)
        ours = max(ours, count / (process_time() - started))
        started = process_time()
        by_hand(rows)
        hand = max(hand, count / (process_time() - started))
    print(f"{count:,} leads under b2b-ja, all stages; {changed:,} decisions changed something")
    print(f"  decide, one core        {ours:>10,.0f} leads/s   {1e6 / ours:>8.1f} µs each   (aim: {AIM:,})")
    for what, some in {**_looks(plan, found), **_sorts(found)}.items():
        rate = max(_rate(plan, some) for _ in range(ROUNDS))
        print(f"    {what:<21} {rate:>10,.0f} leads/s   {1e6 / rate:>8.1f} µs each   {len(some) / count:>4.0%} of all")
    print(f"  decide, two processes   {_two(plan, found):>10,.0f} leads/s")
    print(f"  scores alone, by hand   {hand:>10,.0f} leads/s   one decide costs {hand / ours:.1f} of these")
    return 0


def _looks(plan: Plan, found: list[Case]) -> dict[str, list[Case]]:
    """The leads by whether a glance is enough: an evaluation in operation mostly follows something that came."""
    looks: dict[str, list[Case]] = {"seen at a glance": [], "looked at closely": []}
    for case in found:
        rests = rest.glance(plan, case.lead, case.signals, case.state, NOW, SINCE).rests
        looks["seen at a glance" if rests else "looked at closely"].append(case)
    return looks


def _sorts(found: list[Case]) -> dict[str, list[Case]]:
    """The leads by what there is to do for them."""
    sorts: dict[str, list[Case]] = {
        "at rest, no past": [],
        "at rest, with a past": [],
        "new signal": [],
        "open work": [],
    }
    for case in found:
        if not rest.has_no_work(case.state, case.lead):
            sorts["open work"].append(case)
        elif any(not one.seen for one in case.signals):
            sorts["new signal"].append(case)
        else:
            sorts["at rest, with a past" if case.signals else "at rest, no past"].append(case)
    return sorts


def _rate(plan: Plan, found: list[Case]) -> float:
    started = process_time()
    decide_all(plan, found)
    return len(found) / (process_time() - started)


_SHARED: tuple[Plan, list[Case]] | None = None


def _half(part: int) -> None:
    assert _SHARED is not None
    plan, found = _SHARED
    decide_all(plan, found[part::2])


def _two(plan: Plan, found: list[Case]) -> float:
    """Wall time of two processes that share the leads (forked: nothing is copied to them)."""
    global _SHARED  # noqa: PLW0603  how a forked process is given what cannot be pickled
    _SHARED = (plan, found)
    best = 0.0
    with get_context("fork").Pool(2) as pool:
        for _ in range(ROUNDS):
            started = perf_counter()
            pool.map(_half, (0, 1), chunksize=1)
            best = max(best, len(found) / (perf_counter() - started))
    return best


if __name__ == "__main__":
    sys.exit(main())

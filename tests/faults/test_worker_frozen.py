"""SIGSTOP at P4–P8 until another worker has done the work, then SIGCONT: one effect a key, by the vendor's ledger.

Vendors cannot fence a call that comes late: where it may still go out (P5) the unique key makes it one effect, so this
is a portal that enforces it. P7 stands within a transaction, whose rows nobody else can take until the server ends it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import INQUIRY
from tests.faults.children import freeze, run, thaw
from tests.faults.test_worker_killed import PASSAGES, judge, order_of

PLACES = ("P4", "P5", "P6", "P8")


@pytest.mark.fault("T5", "F19")
def test_a_worker_that_thaws_after_its_work_was_done_repeats_nothing(
    make_relay: MakeRelay, record_property: Callable[[str, object], None]
) -> None:
    _freeze(make_relay, 1, record_property)


@pytest.mark.soak
@pytest.mark.fault("T5", "F19")
def test_a_hundred_workers_that_thaw_after_their_work_was_done_repeat_nothing(
    make_relay: MakeRelay, record_property: Callable[[str, object], None]
) -> None:
    _freeze(make_relay, 25, record_property)


def _freeze(make_relay: MakeRelay, times: int, record_property: Callable[[str, object], None]) -> None:
    relay = make_relay(tasks_enforce_unique=True, search_lag_seconds=3600.0)
    relay.listen()
    dice = random.Random(times)
    frozen: Counter[str] = Counter()
    asked: list[str] = []
    while sum(frozen.values()) < times * len(PLACES):
        place = min(PLACES, key=lambda one: frozen[one])
        email = f"a{len(asked)}@example.co.jp"
        asked.append(str(relay.sandbox.submit(INQUIRY, {"email": email, "lastname": "山田"})["contact_id"]))
        relay.hear()
        sleeper = freeze(order_of(relay, f"{place}@{dice.randint(1, PASSAGES[place])}"))
        if sleeper is None:
            continue
        frozen[place] += 1
        relay.expire_leases()
        assert run(order_of(relay, "")) is False, "another one does its work"
        thaw(sleeper)
    relay.expire_leases()
    assert run(order_of(relay, "")) is False
    relay.hear_and_settle()
    judge(relay, asked)
    record_property("counted", {"workers frozen at P4–P8": sum(frozen.values()), "tasks": 2 * len(asked)})

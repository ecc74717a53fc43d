"""kill -9 of a worker at P4–P8, again and again: one effect a key, by the vendor's ledger."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.cli.demo_proof import rule_of
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL, BaseRelay, Relay
from tests.faults.children import Order, run

PLACES = ("P4", "P5", "P6", "P7", "P8")
#: A worker on a fresh inquiry comes by each place this often before it rests.
PASSAGES = {"P4": 4, "P5": 3, "P6": 3, "P7": 3, "P8": 8}


@pytest.mark.fault("T2", "F16")
def test_one_effect_a_key_wherever_a_worker_is_killed(
    make_relay: MakeRelay, record_property: Callable[[str, object], None]
) -> None:
    """On a portal that enforces no unique key, which is the harder one; each kill costs a third of a second."""
    _kill(make_relay, 3, False, record_property)


@pytest.mark.soak
@pytest.mark.fault("T2", "F16")
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("unique", [False, True], ids=["no unique key", "unique key"])
def test_one_effect_a_key_wherever_a_worker_is_killed_hundreds_of_times(
    make_relay: MakeRelay, unique: bool, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """4,000 kills in all, 400 at each place on each kind of portal."""
    _kill(make_relay, 40, unique, record_property, seed)


def _kill(
    make_relay: MakeRelay, times: int, unique: bool, record_property: Callable[[str, object], None], seed: int = 1
) -> None:
    relay = make_relay(tasks_enforce_unique=unique, search_lag_seconds=3600.0)
    relay.listen()
    dice = random.Random(seed)
    killed: Counter[str] = Counter()
    asked: list[str] = []
    while sum(killed.values()) < times * len(PLACES):
        place = min(PLACES, key=lambda one: killed[one])
        email = f"a{len(asked)}@example.co.jp"
        asked.append(str(relay.sandbox.submit(INQUIRY, {"email": email, "lastname": "山田"})["contact_id"]))
        relay.hear()
        killed[place] += run(order_of(relay, f"{place}@{dice.randint(1, PASSAGES[place])}"))
        relay.expire_leases()
    assert run(order_of(relay, "")) is False
    relay.hear_and_settle()
    judge(relay, asked)
    record_property("counted", {"kills at P4–P8": sum(killed.values()), "tasks": 2 * len(asked)})


def order_of(relay: BaseRelay, failpoint: str) -> Order:
    """What a child is told that works beside this relay."""
    hubspot = relay.settings.hubspot  # what is frozen cannot be sent to another process
    hubspot = replace(hubspot, task_queues={}) if hubspot is not None else None
    return Order(
        dsn=relay.database.dsn,
        settings=replace(relay.settings, form_secrets={}, hubspot=hubspot),
        limits=relay.limits,
        installation_id=relay.installation_id,
        connection_id=relay.connection_id,
        failpoint=failpoint,
    )


def judge(relay: Relay, asked: list[str]) -> None:
    """By what the vendor applied: every key created once, everybody worked on as if nothing had happened."""
    created = [row for row in relay.sandbox.ledger(type="tasks", method="create") if row["source"] == "INTEGRATION"]
    every = [str(row["changes"]["tasuki_key"][-1]) for row in created if "tasuki_key" in row["changes"]]
    keys = Counter(key for key in every if not key.startswith("probe:"))  # those are made when a portal is connected
    assert {key: count for key, count in keys.items() if count > 1} == {}
    made = Counter(
        (contact, rule_of(task["properties"]["tasuki_key"]))
        for task in relay.live_tasks()
        for contact in task["associations"].get("contacts", ())
    )
    assert made == Counter((contact, rule) for contact in asked for rule in (CALL, MAIL))
    shown = [relay.contact(one) for one in asked]
    assert {(one["lifecyclestage"], one["tasuki_score"]) for one in shown} == {(MQL, "40")}
    assert relay.drift() == []
    assert relay.kept_values() == [], "no write of ours was taken for a person's"

"""kill -9 of a worker at P4–P8 beside a Salesforce org: one effect a key, by the org's ledger."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from connector.cli.demo_proof import rule_of
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.relay import CALL, MAIL
from tests.e2e.salesforce_relay import KEY, SalesforceRelay
from tests.faults.children import run
from tests.faults.test_worker_killed import PASSAGES, PLACES, order_of


@pytest.mark.fault("T2", "F16")
def test_one_effect_a_key_in_salesforce_wherever_a_worker_is_killed(
    make_salesforce_relay: MakeSalesforceRelay, record_property: Callable[[str, object], None]
) -> None:
    _kill(make_salesforce_relay(), 2, record_property)


@pytest.mark.soak
@pytest.mark.fault("T2", "F16")
@pytest.mark.parametrize("seed", range(10))
def test_one_effect_a_key_in_salesforce_wherever_a_worker_is_killed_hundreds_of_times(
    make_salesforce_relay: MakeSalesforceRelay, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """2,000 kills in all, 400 at each place."""
    _kill(make_salesforce_relay(), 40, record_property, seed)


def _kill(relay: SalesforceRelay, times: int, record_property: Callable[[str, object], None], seed: int = 1) -> None:
    relay.meet()
    relay.listen()
    queue = next(one["id"] for one in relay.org.records("Group") if one["fields"]["Type"] == "Queue")
    dice = random.Random(seed)
    killed: Counter[str] = Counter()
    asked: list[str] = []
    while sum(killed.values()) < times * len(PLACES):
        place = min(PLACES, key=lambda one: killed[one])
        form = {"LastName": "山田", "Company": "株式会社サンプル", "LeadSource": "Web", "OwnerId": queue}
        asked.append(relay.org.create("Lead", form | {"Email": f"a{len(asked)}@example.co.jp"}, web=True))
        relay.hear()
        killed[place] += run(order_of(relay, f"{place}@{dice.randint(1, PASSAGES[place])}"))
        relay.expire_leases()
    assert run(order_of(relay, "")) is False
    relay.hear_and_settle()
    _judge(relay, asked)
    record_property("counted", {"kills at P4–P8": sum(killed.values()), "tasks": 2 * len(asked)})


def _judge(relay: SalesforceRelay, asked: list[str]) -> None:
    """By what the org applied: every key created once, everybody worked on as if nothing had happened."""
    created = relay.org.ledger(type="Task", method="create")
    keys = Counter(str(row["changes"][KEY][-1]) for row in created if KEY in row["changes"])
    assert {key: count for key, count in keys.items() if count > 1} == {}
    tasks = [one["fields"] for one in relay.org.records("Task") if one["fields"].get(KEY)]
    made = Counter((one["WhoId"], rule_of(one[KEY])) for one in tasks)
    assert made == Counter((lead, rule) for lead in asked for rule in (CALL, MAIL))
    assert {relay.fields(one)["TasukiStage__c"] for one in asked} == {"MQL"}
    assert relay.kept_values() == [], "no write of ours was taken for a person's"

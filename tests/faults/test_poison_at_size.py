"""A thousand records with one in a hundred poisoned: exactly those are parked, the others done, all redriven."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import POLICY

SMALL = POLICY.parent / "small-team"


@pytest.mark.soak
@pytest.mark.fault("T8", "F22")
def test_ten_poisoned_of_a_thousand_are_parked_alone_and_redriven(
    make_relay: MakeRelay, record_property: Callable[[str, object], None]
) -> None:
    _poison(make_relay, record_property, 1_000)


def _poison(make_relay: MakeRelay, record_property: Callable[[str, object], None], records: int) -> None:
    relay = make_relay(policy=SMALL)
    rows = [{"email": f"p{number}@example.co.jp", "lastname": "山田"} for number in range(records)]
    ids = relay.sandbox.import_rows(rows)
    poisoned = set(ids[7::100])
    for one in poisoned:
        relay.sandbox.fault("status", kind="contacts.batch_update", record=one, status=400, times=None)
    relay.meet()
    relay.settle(rounds=2_000)
    assert {one.vendor_id for one in relay.parked()} == poisoned
    assert len(relay.parked()) == records // 100
    shown = {one["id"] for one in relay.sandbox.records("contacts") if one["properties"].get("tasuki_grade")}
    assert shown == set(ids) - poisoned
    relay.sandbox.clear_faults()
    assert relay.retry_parked() == records // 100
    relay.settle(rounds=2_000)
    assert relay.parked() == []
    written = [row["id"] for row in relay.our_writes() if "tasuki_grade" in row["changes"]]
    assert sorted(written) == sorted(ids), "each exactly once"
    record_property("counted", {"records": records, "of them poisoned": records // 100})

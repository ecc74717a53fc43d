"""Two workers share a lane and never a lead; one that lost its lease changes nothing."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.reading import read_slice
from connector.vendors.base import Lane
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL, Relay, quick


def _inquire(relay: Relay, count: int) -> list[str]:
    found = [
        relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": f"山田{n}"}) for n in range(count)
    ]
    relay.hear()
    return [str(one["contact_id"]) for one in found]


@pytest.mark.fault("T4")
def test_workers_on_the_same_lane_write_every_lead_once(make_relay: MakeRelay) -> None:
    relay = make_relay(limits=quick(slice_records=20), latency_ms=20.0)
    relay.listen(drop_rate=0.0)
    contacts = _inquire(relay, 120)
    relay.sandbox.webhooks(paused=True)
    while relay.runtime.ingest():
        pass
    relay.mark()
    lines = [relay.line, relay.second_worker(), relay.second_worker()]
    errors: list[BaseException] = []

    def work(line: Any) -> None:
        try:
            idle = 0
            while idle < 3:
                done = read_slice(line, Lane.HOT) + evaluate_slice(line.tenant) + deliver_slice(line, Lane.HOT)
                idle = 0 if done else idle + 1
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    workers = [threading.Thread(target=work, args=(line,)) for line in lines]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert errors == []
    relay.settle()
    writes = [row["id"] for row in relay.our_writes() if "tasuki_score" in row["changes"]]
    assert sorted(writes) == sorted(contacts)
    assert {relay.contact(one)["lifecyclestage"] for one in contacts} == {MQL}
    assert [relay.made_by(one) for one in contacts] == [[CALL, MAIL]] * len(contacts)
    assert relay.calls()["contacts.batch_read"] <= 120 / 20 + 3


def _during(relay: Relay, method: str, meanwhile: Any) -> Any:
    """A worker's line whose vendor stops within a call: `meanwhile` happens before it goes on."""
    line = relay.second_worker()
    real = getattr(line.vendor, method)

    def slow(*args: Any, **kwargs: Any) -> Any:
        results = real(*args, **kwargs)
        meanwhile()
        return results

    return line, pytest.MonkeyPatch(), slow


@pytest.mark.fault("F19", "T13")
def test_a_reader_that_lost_its_lease_stores_nothing(relay: Relay) -> None:
    relay.listen()
    (contact_id,) = _inquire(relay, 1)
    relay.runtime.ingest()

    def meanwhile() -> None:
        relay.sandbox.edit("contacts", contact_id, {"tasuki_source": "referral"})
        relay.expire_leases()
        relay.settle()

    line, patch, slow = _during(relay, "read", meanwhile)
    patch.setattr(line.vendor, "read", slow)
    read_slice(line, Lane.HOT)
    relay.settle()
    (row,) = relay.rows("SELECT properties ->> 'tasuki_source' AS source FROM mirror WHERE object_type = 'contact'")
    assert row["source"] == "referral"


@pytest.mark.fault("F19", "T13")
def test_a_writer_that_lost_its_lease_stores_nothing_and_the_record_is_read_again(relay: Relay) -> None:
    relay.listen()
    contact_id = relay.new_mql()
    relay.sandbox.webhooks(paused=True)
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.sandbox.webhooks(paused=False)
    relay.hear()
    relay.decide()
    states: list[dict[str, Any]] = []

    def meanwhile() -> None:
        relay.expire_leases()
        relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "cold"})
        relay.hear_and_settle()
        states.extend(relay.rows("SELECT properties, meta FROM mirror WHERE object_type = 'contact'"))

    line, patch, slow = _during(relay, "update", meanwhile)
    patch.setattr(line.vendor, "update", slow)
    deliver_slice(line, Lane.HOT)
    assert relay.rows("SELECT properties, meta FROM mirror WHERE object_type = 'contact'") == states
    relay.hear_and_settle()
    assert "現場の温度感が低い" in relay.contact(contact_id)["tasuki_score_reasons"]
    assert relay.holds(contact_id) == set()


@pytest.mark.fault("F19")
@pytest.mark.parametrize("unique", [True, False], ids=["unique key", "no unique key"])
def test_a_creator_that_lost_its_lease_within_the_call_leaves_every_task_once(
    make_relay: MakeRelay, unique: bool
) -> None:
    relay = make_relay(tasks_enforce_unique=unique)
    relay.listen()
    (contact_id,) = _inquire(relay, 1)
    relay.decide()
    relay.decide()

    def meanwhile() -> None:
        relay.expire_leases()
        relay.settle()

    line, patch, slow = _during(relay, "create", meanwhile)
    patch.setattr(line.vendor, "create", slow)
    deliver_slice(line, Lane.HOT)
    relay.hear_and_settle()
    assert relay.made_by(contact_id) == [CALL, MAIL]
    assert [row["step"] for row in relay.rows("SELECT step FROM managed_record")] == ["exists"] * 2


@pytest.mark.fault("F19", "T13")
def test_an_evaluation_that_lost_its_lease_is_not_stored(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    from connector.sync import deciding

    relay.listen()
    (contact_id,) = _inquire(relay, 1)
    relay.runtime.ingest()
    read_slice(relay.line, Lane.HOT)
    decide = deciding.decide

    def slow(*args: Any, **kwargs: Any) -> Any:
        decision = decide(*args, **kwargs)
        monkeypatch.setattr(deciding, "decide", decide)
        relay.expire_leases()
        relay.settle()
        return decision

    monkeypatch.setattr(deciding, "decide", slow)
    evaluate_slice(relay.tenant)
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM stage_entry WHERE stage = 'mql'")[0]["n"] == 1
    assert relay.made_by(contact_id) == [CALL, MAIL]

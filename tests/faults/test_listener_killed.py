"""kill -9 of a listener between storing what an org's change events told and committing it: none is passed over."""

from __future__ import annotations

import orjson
import pytest

from connector.store import inbox
from connector.store.inbox import InboxState
from tests.e2e.conftest import MakeSalesforceRelay
from tests.faults.children import run_listener
from tests.faults.test_worker_killed import order_of
from tests.patience import until

pytest.importorskip("grpc", reason="the extra `cdc` is not installed: pip install 'tasuki[cdc]'")


def test_every_change_is_stored_however_often_its_listener_is_killed(
    make_salesforce_relay: MakeSalesforceRelay,
) -> None:
    relay = make_salesforce_relay()
    relay.meet()
    relay.follow()
    relay.org.changes(batch=2, keepalive_seconds=0.05)
    until(lambda: relay.place() > 0)
    relay.stop_listener()
    people = [relay.org.create("Lead", {"LastName": f"山田{n}", "Company": "株式会社サンプル"}) for n in range(6)]
    last = relay.org.changes()["last"]
    killed = 0
    for passage in (1, 2):
        killed += run_listener(order_of(relay, f"P7@{passage}"), last)
    assert killed == 2
    assert relay.place() < last, "every life ended before its commit"
    assert run_listener(order_of(relay, ""), last) is False
    rows = inbox.listing(relay.database, states=[InboxState.NEW], limit=100)
    told = [one for row in rows for one in orjson.loads(inbox.body_of(relay.database, row.id) or b"[]")]
    created = [one["ids"][0] for one in told if one["type"] == "CREATE" and one["entity"] == "Lead"]
    assert created == people, "each is stored once: what was not committed was not confirmed either"
    relay.settle()
    assert {relay.fields(one)["TasukiStage__c"] for one in people} == {"リード"}

"""Change Data Capture: an org's change events lead to a look, a killed listener misses none, gaps lead to a re-read."""

from __future__ import annotations

import pytest

from tests.e2e.salesforce_relay import SalesforceRelay

pytest.importorskip("grpc", reason="the extra `cdc` is not installed: pip install 'tasuki[cdc]'")
pytest.importorskip("fastavro", reason="the extra `cdc` is not installed: pip install 'tasuki[cdc]'")


def test_a_change_event_leads_to_a_look_and_what_we_write_ourselves_is_no_news(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.follow()
    lead = relay.new_mql(Title="部長")
    score = relay.fields(lead)["TasukiScore__c"]
    assert score > 0
    assert relay.calls().get("data.composite", 0) > 0

    relay.hear_and_settle()  # what our own writes told
    mark = relay.mark()
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []

    relay.pass_time(seconds=2)
    relay.org.edit(lead, {"Title": "代表取締役"})
    relay.hear_and_settle()
    assert relay.fields(lead)["TasukiScore__c"] > score

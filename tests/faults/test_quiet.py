"""Echoes, our own name on a person's edit, a clock that jumps: at most one write for each edit, and then none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.relay import INQUIRY, Relay
from tests.e2e.salesforce_relay import SalesforceRelay

TEMPERATURES = ("hot", "cold", "warm")


@pytest.mark.fault("T11", "F26", "F28")
def test_a_hundred_edits_cause_at_most_a_hundred_writes_and_then_none(
    relay: Relay, record_property: Callable[[str, object], None]
) -> None:
    _edit(relay, 25, 4, record_property)


@pytest.mark.soak
@pytest.mark.fault("T11", "F26", "F28")
def test_a_thousand_edits_cause_at_most_a_thousand_writes_and_then_none(
    relay: Relay, record_property: Callable[[str, object], None]
) -> None:
    _edit(relay, 50, 20, record_property)


def _edit(relay: Relay, people: int, rounds: int, record_property: Callable[[str, object], None]) -> None:
    relay.listen(duplicate_rate=0.3, reorder=True)
    found = [relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": "山田"}) for n in range(people)]
    ids = [str(one["contact_id"]) for one in found]
    relay.poll()
    relay.hear_and_settle()
    mark = relay.mark()
    for number in range(rounds):
        given = TEMPERATURES[number % len(TEMPERATURES)]
        for one in ids:
            edit = {"tasuki_temperature": given}
            if number % 2:  # with the token of our own app: people use our access too, and it is theirs all the same
                relay.api("PATCH", f"/crm/v3/objects/contacts/{one}", {"properties": edit})
            else:
                relay.sandbox.edit("contacts", one, edit)
        relay.hear_and_settle()
        assert {relay.contact(one)["tasuki_temperature"] for one in ids} == {given}, "an edit is kept"
    word = {"hot": "現場の温度感が高い", "cold": "現場の温度感が低い", "warm": ""}[given]
    assert all(word in relay.contact(one)["tasuki_score_reasons"] for one in ids), "and acted on"
    writes = [row for row in relay.our_writes(since=mark) if row["changes"].keys() - {"tasuki_temperature"}]
    assert len(writes) <= people * rounds
    assert {row["id"] for row in writes} == set(ids)
    mark = relay.mark()
    for _ in range(2):
        relay.pass_time(minutes=5)
        relay.hear_and_settle()
    for hours in (-1, 1):
        relay.pass_time(hours=hours)
        relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []
    assert relay.our_writes(since=mark, type="tasks") == []
    record_property("counted", {"edits": people * rounds, "writes": len(writes)})


FOUND = {"hot": "現場の温度感が高い", "cold": "現場の温度感が低い", "warm": ""}


@pytest.mark.fault("T11", "F28")
def test_edits_by_our_own_user_are_kept_and_acted_on_in_salesforce(
    make_salesforce_relay: MakeSalesforceRelay, record_property: Callable[[str, object], None]
) -> None:
    _edit_in_salesforce(make_salesforce_relay(), 10, 4, record_property)


@pytest.mark.soak
@pytest.mark.fault("T11", "F28")
def test_five_hundred_edits_by_our_own_user_are_kept_and_acted_on_in_salesforce(
    make_salesforce_relay: MakeSalesforceRelay, record_property: Callable[[str, object], None]
) -> None:
    _edit_in_salesforce(make_salesforce_relay(), 50, 10, record_property)


def _edit_in_salesforce(
    relay: SalesforceRelay, people: int, rounds: int, record_property: Callable[[str, object], None]
) -> None:
    """Every other edit is made by the integration user, at its screen."""
    relay.meet()
    relay.listen()
    queue = next(one["id"] for one in relay.org.records("Group") if one["fields"]["Type"] == "Queue")
    form = {"LastName": "山田", "Company": "株式会社サンプル", "LeadSource": "Web", "OwnerId": queue}
    ids = [relay.org.create("Lead", form | {"Email": f"a{n}@example.co.jp"}, web=True) for n in range(people)]
    relay.hear_and_settle()
    us = relay.rows("SELECT settings ->> 'user_id' AS id FROM connection")[0]["id"]
    mark = relay.mark()
    given = ""
    for number in range(rounds):
        given = list(FOUND)[number % len(FOUND)]
        for one in ids:
            relay.org.edit(one, {"TasukiTemperature__c": given}, user_id=("", us)[number % 2])
        relay.hear_and_settle()
        assert {relay.fields(one)["TasukiTemperature__c"] for one in ids} == {given}, "an edit is kept"
        assert all(FOUND[given] in relay.fields(one)["TasukiReasons__c"] for one in ids), "and acted on"
    writes = relay.our_writes(since=mark)
    assert len(writes) <= people * rounds
    assert {row["id"] for row in writes} == set(ids)
    mark = relay.mark()
    for _ in range(2):
        relay.pass_time(minutes=5)
        relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []
    record_property("counted", {"edits": people * rounds, "writes": len(writes)})

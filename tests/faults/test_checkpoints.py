"""A pass of reconcile may begin again at any of its places: the same set, and the second run writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest

from connector.store.reconcile_passes import Pass, Scope
from connector.sync.reconcile import begin, look
from connector.vendors.base import Lane
from connector.vendors.hubspot import searching
from connector.vendors.salesforce import reading
from tests.e2e.conftest import MakeRelay, MakeSalesforceRelay
from tests.e2e.relay import POLICY, BaseRelay

SMALL = POLICY.parent / "small-team"
PAGE = 10
_PLACE = ("step", "after", "archived_after", "archived_left", "pages", "looked", "marked", "archived")


Counted = Callable[[str, object], None]


@pytest.mark.fault("T9")
def test_ten_checkpoints_of_a_pass_lead_to_the_same_set(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch, record_property: Counted
) -> None:
    _in_hubspot(make_relay, monkeypatch, record_property, 10)


@pytest.mark.fault("T9")
def test_five_checkpoints_of_a_pass_in_salesforce_lead_to_the_same_set(
    make_salesforce_relay: MakeSalesforceRelay, monkeypatch: pytest.MonkeyPatch, record_property: Counted
) -> None:
    _in_salesforce(make_salesforce_relay, monkeypatch, record_property, 5)


@pytest.mark.soak
@pytest.mark.fault("T9")
def test_a_hundred_checkpoints_of_a_pass_lead_to_the_same_set(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch, record_property: Counted
) -> None:
    _in_hubspot(make_relay, monkeypatch, record_property, 100)


@pytest.mark.soak
@pytest.mark.fault("T9")
def test_a_hundred_checkpoints_of_a_pass_in_salesforce_lead_to_the_same_set(
    make_salesforce_relay: MakeSalesforceRelay, monkeypatch: pytest.MonkeyPatch, record_property: Counted
) -> None:
    _in_salesforce(make_salesforce_relay, monkeypatch, record_property, 100)


def _in_hubspot(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch, record_property: Counted, checkpoints: int
) -> None:
    monkeypatch.setattr(searching, "PAGE", PAGE)
    relay = make_relay(policy=SMALL)
    rows = [{"email": f"p{number}@example.co.jp", "lastname": "山田"} for number in range(checkpoints * PAGE)]
    ids = sorted(relay.sandbox.import_rows(rows), key=int)
    edit = partial(relay.sandbox.edit, "contacts")
    _resume_everywhere(relay, ids, lambda one: edit(one, {"jobtitle": "部長"}), record_property, checkpoints)


def _in_salesforce(
    make_salesforce_relay: MakeSalesforceRelay,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Counted,
    checkpoints: int,
) -> None:
    monkeypatch.setattr(reading, "PAGE_SIZE", PAGE)
    relay = make_salesforce_relay(daily_max=10_000_000)  # a hundred passes in a day are more than an org is asked for
    rows = [
        {"Email": f"p{number}@example.co.jp", "LastName": "山田", "Company": "株式会社サンプル"}
        for number in range(checkpoints * PAGE)
    ]
    ids = sorted(relay.org.import_rows("Lead", rows))
    _resume_everywhere(relay, ids, lambda one: relay.org.edit(one, {"Title": "部長"}), record_property, checkpoints)


def _resume_everywhere(
    relay: BaseRelay,
    ids: Sequence[str],
    edit: Callable[[str], object],
    record_property: Counted,
    checkpoints: int,
) -> None:
    person = relay.line.dialect.person_type
    relay.meet()
    relay.settle(rounds=2_000)
    relay.pass_time(minutes=10)
    relay.reconcile()
    relay.settle(rounds=2_000)
    relay.pass_time(minutes=10)
    for one in ids:
        edit(one)
    relay.pass_time(minutes=1)

    (begun,) = begin(relay.line, Scope.CHANGES, [person])
    places = [begun]
    while places[-1].step is begun.step:
        places.append(look(relay.line, places[-1]))
    assert len(places) >= checkpoints
    for place in places[:checkpoints]:
        _go_back(relay, person, place)
        one = place
        while one.under_way:
            one = look(relay.line, one)
        assert one.marked == len(ids)
        assert _marked(relay) == list(ids[place.marked :]), "what lies behind the place was marked before"

    relay.rows("UPDATE link SET read_wanted_at = now() WHERE vendor_id <> '' RETURNING lead_id")
    relay.settle(rounds=2_000)
    relay.reconcile(Scope.CHANGES, person)
    relay.settle(rounds=2_000)
    relay.mark()
    again = relay.reconcile(Scope.CHANGES, person)[person]
    relay.settle(rounds=2_000)
    assert again.marked == 0
    assert [kind for kind in relay.calls() if "update" in kind or "create" in kind] == []
    later = relay.line.tenant.limits and begun.until + timedelta(days=1)
    found = relay.line.vendor.changed(
        person, (), since=later, until=later + timedelta(days=1), after=None, lane=Lane.BACKGROUND
    )
    assert found.records == (), "a place in the future yields nothing"
    record_property("counted", {"checkpoints": checkpoints, "records": len(ids)})


def _go_back(relay: BaseRelay, person: str, place: Pass) -> None:
    """As if the pass had been killed here, and nothing marked since."""
    values = {name: getattr(place, name) for name in _PLACE} | {"step": place.step.value}
    names = ", ".join(f"{name} = %s" for name in values)
    relay.rows(
        f"UPDATE reconcile_pass SET {names}, ended_at = NULL WHERE object_type = %s AND scope = %s RETURNING step",
        [*values.values(), person, Scope.CHANGES.value],
    )
    relay.rows("UPDATE link SET read_wanted_at = NULL RETURNING lead_id")


def _marked(relay: BaseRelay) -> list[str]:
    rows = relay.rows("SELECT vendor_id FROM link WHERE read_wanted_at IS NOT NULL")
    return sorted((row["vendor_id"] for row in rows), key=lambda one: (len(one), one))

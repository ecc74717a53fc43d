"""A person who edits under our own name (with our app's token, at our user's screen) is a person, in both CRMs: what
is ours is told by its value, which was written down before it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from connector.store.reconcile_passes import Scope
from connector.sync.reading import read_slice
from connector.vendors.base import Lane
from tests.e2e.conftest import MakeRelay, MakeSalesforceRelay
from tests.e2e.relay import INQUIRY, BaseRelay, Relay
from tests.e2e.salesforce_relay import SalesforceRelay


def _recorded(relay: BaseRelay, field: str) -> list[dict[str, Any]]:
    return [row for row in relay.kept_values() if row["field"] == field]


def _edit_as_us(relay: Relay, contact_id: str, **values: str) -> None:
    relay.api("PATCH", f"/crm/v3/objects/contacts/{contact_id}", {"properties": values})


def _time_out(relay: BaseRelay, object_type: str, name: str) -> Callable[[], None]:
    """Work until a write of this property has no answer; returns what lets the CRM apply it after all."""
    line = relay.line
    written, sent = line.vendor.update, list[Any]()

    def update(kind: str, updates: Any, *args: Any, **kwargs: Any) -> Any:
        if kind == object_type and any(name in one.properties for one in updates):
            sent.append(updates)
            raise KeyboardInterrupt  # the worker is gone before it knows
        return written(kind, updates, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "update", update)
        with pytest.raises(KeyboardInterrupt):
            relay.settle()
    relay.expire_leases()
    return lambda: [written(object_type, updates, lane=Lane.HOT) for updates in sent] and None


@pytest.mark.fault("F28")
@pytest.mark.parametrize("told", ["by events", "by a look"])
def test_a_computed_field_edited_with_our_token_is_treated_as_any_persons_edit(
    make_relay: MakeRelay, told: str
) -> None:
    relay = make_relay()
    relay.listen()
    theirs, ours = relay.new_mql("a@example.co.jp"), relay.new_mql("b@example.co.jp")
    relay.pass_time(minutes=10)
    if told == "by a look":
        relay.sandbox.webhooks(drop_rate=1.0)
    edit = {"tasuki_track": "bdr", "tasuki_score": "99", "tasuki_temperature": "hot"}
    relay.sandbox.edit("contacts", theirs, edit)
    _edit_as_us(relay, ours, **edit)
    if told == "by a look":
        relay.pass_time(minutes=10)
        relay.reconcile(Scope.EVERYTHING, "contact")
        relay.settle()
    relay.hear_and_settle()
    for one in (theirs, ours):
        shown = relay.contact(one)
        assert (shown["tasuki_track"], shown["tasuki_temperature"]) == ("bdr", "hot"), "kept"
        assert relay.holds(one) == {"track"}
        assert shown["tasuki_score"] == "50", "the product's own field is computed again, with what was told"
        assert "現場の温度感が高い" in shown["tasuki_score_reasons"]
    found = {(row["field"], row["class"]) for row in relay.rows("SELECT property AS field, class FROM drift")}
    assert ("tasuki_track", "human_edit") in found
    assert not {kind for _, kind in found} & {"lost_write", "other_app"}
    relay.pass_time(days=8)
    relay.settle()
    assert [relay.contact(one)["tasuki_track"] for one in (theirs, ours)] == ["sdr", "sdr"]
    recorded = {"rule": "written_over", "actor": "person"}
    assert _recorded(relay, "tasuki_track") == [{"field": "tasuki_track", "kept": "sdr", "lost": "bdr"} | recorded] * 2
    assert _recorded(relay, "tasuki_score") == [{"field": "tasuki_score", "kept": "50", "lost": "99"} | recorded] * 2


@pytest.mark.fault("F28")
def test_an_edit_with_our_token_between_our_read_and_our_write_is_put_back_and_held(relay: Relay) -> None:
    relay.listen()
    contact_id = relay.new_mql()
    line = relay.line
    written, edited = line.vendor.update, list[str]()

    def update(object_type: str, updates: Any, *args: Any, **kwargs: Any) -> Any:
        if any("tasuki_channel" in one.properties for one in updates) and not edited:
            _edit_as_us(relay, contact_id, tasuki_channel="outbound")
            edited.append(contact_id)
        return written(object_type, updates, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "update", update)
        relay.sandbox.edit("contacts", contact_id, {"tasuki_source": "exhibition"})  # the channel becomes event
        relay.hear_and_settle()
    assert edited
    assert relay.contact(contact_id)["tasuki_channel"] == "outbound"
    assert relay.holds(contact_id) == {"channel"}
    told = {"rule": "overtaken", "actor": "person", "kept": "event", "lost": "outbound"}
    assert {"field": "tasuki_channel"} | told in _recorded(relay, "tasuki_channel")


@pytest.mark.fault("F28", "F16", "F17")
@pytest.mark.parametrize("told", ["by events", "by a read"])
def test_a_write_without_an_answer_that_is_applied_when_it_is_wanted_no_more_is_ours(
    make_relay: MakeRelay, told: str
) -> None:
    relay = make_relay()
    relay.listen(**({} if told == "by events" else {"drop_rate": 1.0}))
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()
    relay.hear_and_settle()

    def ask(source: str) -> None:
        relay.sandbox.edit("contacts", contact_id, {"tasuki_source": source})
        _look(relay)

    ask("exhibition")  # the channel becomes event
    apply = _time_out(relay, "contact", "tasuki_channel")
    ask("")
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_channel"] == "inbound"
    apply()
    assert relay.contact(contact_id)["tasuki_channel"] == "event"
    _look(relay)
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_channel"] == "inbound"
    assert relay.holds(contact_id) == set()
    assert relay.rows("SELECT class FROM drift WHERE property = 'tasuki_channel'") == []
    assert _recorded(relay, "tasuki_channel") == [
        {"field": "tasuki_channel", "rule": "unanswered", "actor": "tasuki", "kept": "inbound", "lost": "event"}
    ]


def _look(relay: BaseRelay) -> None:
    """Hear of it, or where nothing is told read everybody."""
    relay.hear()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET read_wanted_at = clock_timestamp(), read_lane = 'hot'")


FORM = {"LastName": "山田", "Company": "株式会社サンプル", "LeadSource": "Web"}


@pytest.mark.fault("F28")
@pytest.mark.parametrize("told", ["by messages", "by looks"])
def test_a_computed_field_edited_by_our_user_is_treated_as_any_persons_edit(
    make_salesforce_relay: MakeSalesforceRelay, told: str
) -> None:
    relay = make_salesforce_relay()
    relay.meet()
    if told == "by messages":
        relay.listen()
    us = relay.rows("SELECT settings ->> 'user_id' AS id FROM connection")[0]["id"]
    theirs, ours = (relay.org.create("Lead", FORM | {"Email": f"{one}@example.co.jp"}, web=True) for one in ("a", "b"))
    relay.hear_and_settle()
    scores = [relay.fields(one)["TasukiScore__c"] for one in (theirs, ours)]
    relay.pass_time(minutes=10)
    for one, user_id in ((theirs, ""), (ours, us)):
        relay.org.edit(one, {"TasukiTrack__c": "bdr", "TasukiScore__c": 99}, user_id=user_id)
    relay.hear_and_settle()
    assert [relay.fields(one)["TasukiTrack__c"] for one in (theirs, ours)] == ["bdr", "bdr"], "kept"
    assert [relay.holds(one) for one in (theirs, ours)] == [{"track"}] * 2
    assert [relay.fields(one)["TasukiScore__c"] for one in (theirs, ours)] == scores
    relay.pass_time(days=8)
    relay.hear_and_settle()
    assert [relay.fields(one)["TasukiTrack__c"] for one in (theirs, ours)] == ["sdr", "sdr"]
    recorded = {"rule": "written_over", "actor": "person"}
    assert (
        _recorded(relay, "TasukiTrack__c") == [{"field": "TasukiTrack__c", "kept": "sdr", "lost": "bdr"} | recorded] * 2
    )
    assert [row["lost"] for row in _recorded(relay, "TasukiScore__c")] == ["99"] * 2


@pytest.mark.fault("F28", "F16", "F17")
@pytest.mark.parametrize("told", ["by messages", "by looks", "by the next write alone"])
def test_a_write_to_salesforce_without_an_answer_that_is_applied_when_it_is_wanted_no_more_is_ours(
    make_salesforce_relay: MakeSalesforceRelay, told: str
) -> None:
    relay: SalesforceRelay = make_salesforce_relay()
    relay.meet()
    if told == "by messages":
        relay.listen()
    lead = relay.org.create("Lead", FORM | {"Email": "a@example.co.jp"}, web=True)
    relay.hear_and_settle()
    reasons = relay.fields(lead)["TasukiReasons__c"]
    relay.org.edit(lead, {"TasukiTemperature__c": "hot"})
    relay.hear()
    apply = _time_out(relay, "Lead", "TasukiReasons__c")
    relay.org.edit(lead, {"TasukiTemperature__c": "cold" if told == "by the next write alone" else "warm"})
    _look(relay)
    if told == "by the next write alone":
        relay.decide()
    else:
        relay.hear_and_settle()
        assert relay.fields(lead)["TasukiReasons__c"] == reasons
    apply()
    assert "温度感が高い" in relay.fields(lead)["TasukiReasons__c"]
    if told == "by looks":
        _look(relay)
    relay.hear_and_settle()
    shown = relay.fields(lead)["TasukiReasons__c"]
    assert "温度感が高い" not in shown
    assert ("温度感が低い" in shown) is (told == "by the next write alone")
    assert relay.holds(lead) == set()
    assert {row["actor"] for row in _recorded(relay, "TasukiReasons__c")} <= {"tasuki"}
    assert relay.rows("SELECT class FROM drift WHERE property = 'TasukiReasons__c'") == []


@pytest.mark.fault("F27")
def test_a_read_from_before_our_write_that_ends_after_it_is_no_edit(relay: Relay) -> None:
    """An event comes while our write is on its way: the record is read before it and taken in after it."""
    relay.listen()
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()
    line, reader = relay.line, relay.second_worker()
    written, read = line.vendor.update, reader.vendor.read
    fetched, stored = threading.Event(), threading.Event()

    def slow_read(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        fetched.set()
        assert stored.wait(20.0)
        return found

    reading = threading.Thread(target=read_slice, args=(reader, Lane.HOT))

    def update(*args: Any, **kwargs: Any) -> Any:
        if not reading.ident:
            with relay.database.transaction(relay.installation_id) as conn:
                conn.execute("UPDATE link SET read_wanted_at = clock_timestamp(), read_lane = 'hot'")
            reading.start()
            assert fetched.wait(20.0)
        return written(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader.vendor, "read", slow_read)
        patch.setattr(line.vendor, "update", update)
        for _ in range(5):
            relay.round()
            if reading.ident:
                break
        stored.set()
        reading.join(20.0)
    assert relay.contact(contact_id)["tasuki_track"] == "sdr"
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_track"] == "sdr"
    assert relay.holds(contact_id) == set()
    assert relay.drift() == []

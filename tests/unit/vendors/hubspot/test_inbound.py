"""Deliveries to events: every type, nothing lost for one bad event, one key for one happening."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import InboundError
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.hubspot.events import EVENT_KINDS
from connector.vendors.hubspot.inbound import parse, parse_workflow
from connector.vendors.wire import is_storable

RECEIVED = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
BASE: dict[str, Any] = {
    "eventId": 100,
    "subscriptionId": 12345,
    "portalId": 62515,
    "appId": 54321,
    "occurredAt": 1564113600000,
    "subscriptionType": "contact.propertyChange",
    "attemptNumber": 0,
    "objectId": 123,
    "propertyName": "jobtitle",
    "propertyValue": "部長",
    "changeSource": "CRM_UI",
    "sourceId": "userId:1001",
}


def _parse(*events: Any) -> list[InboundEvent]:
    return parse(json.dumps(list(events)).encode(), received_at=RECEIVED, our_source_ids={"54321"})


def _one(**changes: Any) -> InboundEvent:
    [found] = _parse({name: value for name, value in {**BASE, **changes}.items() if value is not ...})
    return found


def test_a_property_change() -> None:
    found = _one()
    assert (found.kind, found.account_id, found.object_type, found.object_id) == (
        EventKind.CHANGED,
        "62515",
        "contact",
        "123",
    )
    assert (found.property_name, found.value, found.redacted) == ("jobtitle", "部長", False)
    assert found.occurred_at == datetime(2019, 7, 26, 4, 0, tzinfo=UTC)
    assert (found.source, found.actor_is_person, found.actor_is_us) == ("CRM_UI", True, False)


def test_both_names_of_the_type_are_read() -> None:
    assert _one(subscriptionType=..., eventType="contact.creation").kind is EventKind.CREATED


def test_every_known_type_has_a_kind() -> None:
    assert len(EVENT_KINDS) == 48
    for name, kind in EVENT_KINDS.items():
        found = _one(subscriptionType=name, objectTypeId="0-27", fromObjectId=1, toObjectId=2)
        assert found.kind is kind, name
        assert found.type_name == name


@pytest.mark.parametrize(
    ("type_id", "object_type"),
    [("0-1", "contact"), ("0-2", "company"), ("0-3", "deal"), ("0-27", "task"), ("0-46", "note"), ("2-99", "other")],
)
def test_generic_types_take_the_object_from_its_id(type_id: str, object_type: str) -> None:
    found = _one(subscriptionType="object.propertyChange", objectTypeId=type_id)
    assert (found.kind, found.object_type) == (EventKind.CHANGED, object_type)


def test_a_merge_names_losers_and_the_record_that_is_left() -> None:
    merge = {"subscriptionType": "contact.merge", "primaryObjectId": 1, "mergedObjectIds": [2, 3]}
    same_winner = _one(**merge)
    assert (same_winner.object_id, same_winner.merged_ids, same_winner.new_id) == ("1", ("2", "3"), "1")
    assert _one(**merge, newObjectId=9).new_id == "9"


def test_an_association_may_lack_its_object_and_its_subscription() -> None:
    found = _one(
        subscriptionType="contact.associationChange",
        objectId=...,
        subscriptionId=...,
        associationType="CONTACT_TO_COMPANY",
        fromObjectId=7,
        toObjectId=8,
        associationRemoved=True,
    )
    assert (found.kind, found.object_id, found.other_type, found.other_id, found.removed) == (
        EventKind.ASSOCIATED,
        "7",
        "company",
        "8",
        True,
    )


@pytest.mark.fault("F32")
def test_a_withheld_value_is_told_from_a_blank_one() -> None:
    hidden, blank = _one(propertyValue="REDACTED"), _one(propertyValue="")
    assert (hidden.value, hidden.redacted) == (None, True)
    assert (blank.value, blank.redacted) == ("", False)


@pytest.mark.fault("F28")
@pytest.mark.parametrize(
    ("source", "source_id", "us"),
    [("INTEGRATION", "54321", True), ("INTEGRATION", "777", False), ("CRM_UI", "54321", False)],
)
def test_our_own_app_is_a_hint(source: str, source_id: str, us: bool) -> None:
    assert _one(changeSource=source, sourceId=source_id).actor_is_us is us


@pytest.mark.fault("F1")
def test_attempts_and_subscriptions_do_not_make_another_event() -> None:
    keys = {_one(attemptNumber=n, subscriptionId=n, eventId=n, appId=n).key for n in range(11)}
    assert len(keys) == 1
    assert len(keys.pop()) == 16


@pytest.mark.fault("F2")
@pytest.mark.parametrize(
    "change",
    [
        {"portalId": 1},
        {"objectId": 124},
        {"propertyName": "city"},
        {"propertyValue": "課長"},
        {"occurredAt": 1564113600001},
        {"subscriptionType": "company.propertyChange"},
    ],
)
def test_distinct_events_that_share_an_event_id_are_both_kept(change: dict[str, Any]) -> None:
    assert _one().key != _one(**change).key


@pytest.mark.fault("F3", "F12")
@pytest.mark.parametrize(
    "change",
    [
        {"objectId": "abc"},
        {"objectId": True},
        {"objectId": {"id": 1}},
        {"objectId": "1" * 30},
        {"objectId": ...},
        {"portalId": None},
        {"occurredAt": "yesterday"},
        {"occurredAt": -1},
        {"occurredAt": 10**18},
        {"occurredAt": ...},
        {"propertyName": 1.5},
        {"propertyName": ...},
        {"propertyValue": ["a"]},
        {"propertyValue": "a\x00b"},
        {"propertyValue": "\ud83d"},
        {"propertyName": "x\udc00"},
        {"subscriptionType": "contact.teleportation"},
        {"subscriptionType": ...},
        {"changeSource": {"x": 1}},
    ],
)
def test_what_cannot_be_read_is_kept_as_unknown_and_spoils_nothing_else(change: dict[str, Any]) -> None:
    broken = {name: value for name, value in {**BASE, **change}.items() if value is not ...}
    before, bad, after = _parse(BASE, broken, {**BASE, "objectId": 5})
    assert bad.kind is EventKind.UNKNOWN
    assert (before.kind, after.kind) == (EventKind.CHANGED, EventKind.CHANGED)
    for text in (bad.value, bad.property_name, bad.type_name, bad.source, bad.object_id):
        assert text is None or is_storable(text)


@pytest.mark.parametrize("item", [None, 1, "text", [], [[]], True, {}])
def test_items_that_are_no_events_are_unknown(item: Any) -> None:
    [found] = _parse(item)
    assert found.kind is EventKind.UNKNOWN
    assert found.occurred_at == RECEIVED


@pytest.mark.fault("F11")
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b'"x"', b"1", b"[" * 100_000, b"[{}" * 5])
def test_a_body_that_is_no_batch_is_one_error(body: bytes) -> None:
    with pytest.raises(InboundError) as caught:
        parse(body, received_at=RECEIVED)
    assert caught.value.status == 400


def test_a_batch_beyond_any_of_hubspots_is_refused() -> None:
    with pytest.raises(InboundError):
        parse(b"[" + b"{}," * 1_000 + b"{}]", received_at=RECEIVED)


def test_the_same_event_has_one_key_whatever_stands_beside_it() -> None:
    alone = _one()
    beside, _ = _parse(BASE, {**BASE, "propertyValue": "\ud800"})
    assert beside.key == alone.key


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from([*BASE, "mergedObjectIds", "fromObjectId"]), _JSON), max_size=5))
def test_no_members_of_any_type_raise(events: list[dict[str, Any]]) -> None:
    body = json.dumps(events).encode()
    found = parse(body, received_at=RECEIVED)
    assert len(found) == len(events)
    assert [one.key for one in found] == [one.key for one in parse(body, received_at=RECEIVED)]


def test_a_workflows_contact_with_its_forms_is_a_submission() -> None:
    body = {
        "vid": 77,
        "portal-id": 62515,
        "properties": {"email": {"value": "A@Example.jp", "versions": []}, "lastname": {"value": "髙﨑"}},
        "form-submissions": [
            {"conversion-id": "c1", "timestamp": 1775034000000, "form-id": "f1", "title": "問い合わせ"},
            {"conversion-id": "c2", "timestamp": 1775037600000, "form-id": "f2", "title": "資料請求"},
        ],
    }
    [found] = parse_workflow(json.dumps(body).encode(), account_id="1", received_at=RECEIVED)
    assert (found.kind, found.account_id, found.object_id) == (EventKind.SUBMITTED, "62515", "77")
    assert found.submission is not None
    assert (found.submission.form_id, found.submission.form_name, found.submission.submission_id) == (
        "f2",
        "資料請求",
        "c2",
    )
    assert found.submission.email == "a@example.jp"
    assert found.submission.values["lastname"] == "髙﨑"
    assert found.occurred_at == datetime(2026, 4, 1, 10, 0, tzinfo=UTC)


def test_a_workflows_flat_body_is_a_submission_and_a_retry_the_same_one() -> None:
    body = {
        "hs_object_id": 77,
        "email": "a@example.jp",
        "recent_conversion_event_name": "サイト: 特集: 資料請求",
        "recent_conversion_date": "2026-04-01T09:00:00Z",
        "lifecyclestage": "lead",
    }
    [first] = parse_workflow(json.dumps(body).encode(), account_id="62515", received_at=RECEIVED)
    [again] = parse_workflow(
        json.dumps({**body, "lifecyclestage": "mql"}).encode(), account_id="62515", received_at=NOW
    )
    assert first.submission is not None
    assert (first.account_id, first.submission.form_name) == ("62515", "資料請求")
    assert first.key == again.key


NOW = datetime(2026, 4, 1, 9, 5, tzinfo=UTC)


@pytest.mark.fault("F11")
@pytest.mark.parametrize("read", [parse, partial(parse_workflow, account_id="1")])
@pytest.mark.parametrize("depth", [201, 995, 1_023, 100_000])
def test_what_is_nested_beyond_reason_is_one_error(read: Callable[..., object], depth: int) -> None:
    with pytest.raises(InboundError) as caught:
        read(b'[{"a":' + b"[" * depth + b"]" * depth + b"}]", received_at=RECEIVED)
    assert caught.value.reason == "nested_too_deeply"


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"[1]", b'{"properties": 5}', b'{"email": "\\ud800"}', b'{"vid": "%s"}' % (b"7" * 300)]
)
def test_a_workflow_body_without_a_contact_is_kept_as_unknown(body: bytes) -> None:
    found = parse_workflow(body, account_id="1", received_at=RECEIVED)
    assert [one.kind for one in found] == [EventKind.UNKNOWN] * len(json.loads(body) if body[:1] == b"[" else [0])


def test_truncated_and_flipped_deliveries_never_raise_anything_else() -> None:
    chance = random.Random(7)
    body = json.dumps([BASE, {**BASE, "subscriptionType": "contact.merge"}]).encode()
    for _ in range(2_000):
        at = chance.randrange(len(body))
        mutated = body[:at] if chance.random() < 0.3 else body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
        for read in (
            lambda raw: parse(raw, received_at=RECEIVED),
            lambda raw: parse_workflow(raw, account_id="1", received_at=RECEIVED),
        ):
            try:
                found = read(mutated)
            except InboundError:
                continue
            assert all(isinstance(one, InboundEvent) for one in found)

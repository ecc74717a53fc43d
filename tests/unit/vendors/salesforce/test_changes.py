"""Change events: stored changes to events, without anything of the extra."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import InboundError
from connector.store.inbox_erasing import Names, without
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.salesforce.changes.inbound import (
    BULK_IDS,
    ENTITIES,
    MARGIN,
    Change,
    is_our_name,
    missed,
    parse,
    written,
)

ORG = "00D5g000004abcdEAA"
LEAD, OTHER = "00Q5g00000AAAAAAAA", "00Q5g00000BBBBBBBB"
AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def events(*changes: Change) -> list[InboundEvent]:
    return parse(written(changes), organization_id=ORG, received_at=AT + timedelta(seconds=1))


def change(**given: object) -> Change:
    shared = {"replay_id": "0a01", "entity": "Lead", "ids": (LEAD,), "type": "UPDATE", "at": AT.isoformat()}
    return Change(**{**shared, **given})  # type: ignore[arg-type]


def test_a_change_names_its_fields_and_not_their_values() -> None:
    (title, owner) = events(change(fields={"Title": None, "OwnerId": None, "LastModifiedDate": None}, user="005X"))
    assert [(one.kind, one.object_id, one.property_name) for one in (title, owner)] == [
        (EventKind.CHANGED, LEAD, "Title"),
        (EventKind.CHANGED, LEAD, "OwnerId"),
    ]
    assert (title.redacted, title.value, title.source_id, title.occurred_at) == (True, None, "005X", AT)
    assert title.actor_is_person  # as of what a look shows and nobody told: a person's edit must not be lost
    assert title.key != owner.key
    assert title.account_id == ORG


def test_a_change_under_our_name_is_told_by_its_values_and_still_not_as_ours() -> None:
    (score,) = events(change(fields={"TasukiScore__c": "45"}, told=True))
    assert (score.redacted, score.value) == (False, "45")
    assert (score.actor_is_us, score.may_be_us, score.actor_is_person) == (False, True, True)


def test_a_records_own_times_are_no_news() -> None:
    assert events(change(fields={"LastModifiedDate": None, "LastModifiedById": None})) == []


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("CREATE", EventKind.CREATED),
        ("DELETE", EventKind.DELETED),
        ("UNDELETE", EventKind.RESTORED),
        ("GAP_CREATE", EventKind.CHANGED),
        ("GAP_UPDATE", EventKind.CHANGED),
        ("GAP_DELETE", EventKind.DELETED),
        ("GAP_UNDELETE", EventKind.CHANGED),
        ("SNAPSHOT", EventKind.CHANGED),
    ],
)
def test_every_word_leads_to_a_look_at_the_record(word: str, kind: EventKind) -> None:
    (told,) = events(change(type=word))
    assert (told.kind, told.object_id, told.property_name, told.type_name) == (kind, LEAD, None, word)


@pytest.mark.parametrize("ids", [(), ("00Q*",), ("",)])
def test_an_event_that_names_no_record_is_about_all_of_them(ids: tuple[str, ...]) -> None:
    (told,) = events(change(type="GAP_OVERFLOW" if not ids else "UPDATE", ids=ids))
    assert (told.kind, told.object_type, told.object_id) == (EventKind.OVERFLOWED, "Lead", None)
    assert told.occurred_at == AT - MARGIN  # a long transaction stamps its records long before its end


def test_records_that_are_named_beside_a_wildcard_are_looked_at_too() -> None:
    told = events(change(ids=(LEAD, "00Q*")))
    assert [(one.kind, one.object_id) for one in told] == [(EventKind.OVERFLOWED, None), (EventKind.CHANGED, LEAD)]


def test_an_event_that_cannot_be_decoded_leads_to_a_look_for_what_changed() -> None:
    (told,) = events(change(type="UNREADABLE", ids=()))
    assert (told.kind, told.object_type) == (EventKind.MISSED, "Lead")


def test_a_lost_place_is_looked_for_in_every_object() -> None:
    told = parse(missed(AT.isoformat()), organization_id=ORG, received_at=AT + timedelta(days=4))
    assert [(one.kind, one.object_type, one.occurred_at) for one in told] == [
        (EventKind.MISSED, entity, AT) for entity in ENTITIES
    ]
    assert len({one.key for one in told}) == len(ENTITIES)


def test_an_event_that_is_told_again_has_the_same_key_and_every_record_its_own() -> None:
    merged = change(ids=(LEAD, OTHER), fields={"Title": None})
    one, other = events(merged)
    assert (one.object_id, other.object_id) == (LEAD, OTHER)
    assert [again.key for again in events(merged)] == [one.key, other.key]
    assert events(change(ids=(LEAD,), fields={"Title": None}, replay_id="0a02"))[0].key != one.key


def test_imports_keep_nobody_waiting() -> None:
    many = tuple(f"00Q5g00000{number:08d}" for number in range(BULK_IDS))
    assert all(one.is_bulk for one in events(change(ids=many)))
    assert events(change(origin="com/salesforce/api/bulk/66.0;client=Import"))[0].is_bulk
    assert not events(change(origin="com/salesforce/api/rest/66.0;client=tasuki"))[0].is_bulk


def test_our_name_is_a_whole_part_of_an_origin() -> None:
    assert is_our_name("com/salesforce/api/rest/66.0;client=tasuki")
    assert not is_our_name("com/salesforce/api/rest/66.0;client=tasuki2")
    assert not is_our_name("")


@pytest.mark.parametrize("body", [b"{", b"{}x", b'{"a": 1}', b'[{"entity": "Lead"}]', b"[1]", b"3"])
def test_what_we_did_not_write_is_refused(body: bytes) -> None:
    with pytest.raises(InboundError):
        parse(body, organization_id=ORG, received_at=AT)


def test_an_erasure_takes_a_persons_part_out_and_leaves_the_others() -> None:
    both = written([change(), change(ids=(OTHER,), replay_id="0a02")])
    left = parse(without(both, Names.of({LEAD}, ())), organization_id=ORG, received_at=AT)
    assert [one.object_id for one in left] == [OTHER]
    assert parse(without(written([change()]), Names.of({LEAD}, ())), organization_id=ORG, received_at=AT) == []

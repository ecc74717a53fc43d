"""Callouts of flows and triggers: what they say, and that nothing in them breaks the reader."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import InboundError
from connector.vendors.base import EventKind
from connector.vendors.salesforce import callouts

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
ORG, LEAD, OTHER, US = "00D5j0000000001EAA", "00Q5j0000000001EAA", "00Q5j0000000002EAA", "0055j0000000001AAA"


def body(*events: Any, org: str = ORG) -> bytes:
    return json.dumps({"organization_id": org, "events": list(events)}).encode()


def event(word: str = "changed", **more: Any) -> dict[str, Any]:
    return {"id": "e1", "event": word, "object": "Lead", "record_id": LEAD, **more}


def read(*events: Any) -> list[Any]:
    return callouts.parse(body(*events), organization_id=ORG[:15], received_at=NOW, our_user_id=US)


def test_fields_that_say_something_are_told_one_by_one() -> None:
    told = read(event(fields={"Title": "部長", "Phone": None, "City": "", "HasOptedOutOfEmail": False}, by=US[:15]))
    assert [(one.property_name, one.value) for one in told] == [("Title", "部長"), ("HasOptedOutOfEmail", "false")]
    assert all(one.actor_is_us and one.occurred_at == NOW for one in told)
    [bare] = read(event(occurred_at="2026-04-01T08:00:00Z"))
    assert (bare.kind, bare.property_name, bare.occurred_at.hour) == (EventKind.CHANGED, None, 8)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("created", EventKind.CREATED),
        ("deleted", EventKind.DELETED),
        ("restored", EventKind.RESTORED),
        ("converted", EventKind.CHANGED),
        ("exploded", EventKind.UNKNOWN),
    ],
)
def test_what_messages_never_tell_is_told(word: str, kind: EventKind) -> None:
    [told] = read(event(word))
    assert (told.kind, told.object_type, told.object_id, told.type_name) == (kind, "Lead", LEAD, word)


def test_a_merge_names_winner_and_losers_or_is_unknown() -> None:
    [merged] = read(event("merged", merged_ids=[OTHER, "nonsense", 7]))
    assert (merged.kind, merged.object_id, merged.new_id, merged.merged_ids) == (EventKind.MERGED, LEAD, LEAD, (OTHER,))
    [without] = read(event("merged"))
    assert without.kind is EventKind.UNKNOWN


def test_the_senders_key_counts_once() -> None:
    one, again, other = (read(event(**more))[0].key for more in ({}, {"fields": {}}, {"id": "e2"}))
    assert one == again != other


@pytest.mark.parametrize("wrong", [b"", b"[]", b"{}", b'{"events": 1}', body(event(), org=ORG.replace("1EAA", "2EAA"))])
def test_what_is_no_callout_of_this_org_is_refused(wrong: bytes) -> None:
    with pytest.raises(InboundError) as caught:
        callouts.parse(wrong, organization_id=ORG, received_at=NOW)
    assert caught.value.status == 400


_JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.sampled_from([*event(), "fields", "merged_ids", "by"]), _JSON), max_size=3))
def test_no_members_of_any_type_raise(events: list[dict[str, Any]]) -> None:
    assert len(read(*events)) == len(events)

"""What was sent is written down before it is, and counts for as long as it may still be applied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from connector.store.leads import LeadRow
from connector.store.links import WriteClaim
from connector.store.mirrors import MirrorRow
from connector.sync import unanswered
from connector.sync.parcel import Parcel
from connector.sync.unanswered import APPLIED_WITHIN, may_stand

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _same(name: str, one: str | None, other: str | None) -> bool:
    return one == other


def _parcel(before: dict[str, Any], changes: dict[str, str], *, clear: str | None = None) -> Parcel:
    claim = WriteClaim(
        lead_id=1,
        vendor_id="7",
        desired_revision=2,
        dropped={},
        left_alone={},
        journal=None,
        attempts=0,
        lane="hot",
        unanswered=before,
    )
    person = MirrorRow(object_type="contact", vendor_id="7")
    return Parcel(claim=claim, lead=cast(LeadRow, None), person=person, records=[], changes=changes, clear=clear)


def _at(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def test_what_is_about_to_be_sent_joins_what_has_no_answer() -> None:
    parcel = _parcel({"a": [["1", _at(1)]], "b": [["2", _at(9)]]}, {"a": "3", "stage": "mql"}, clear="stage")
    unanswered.note(parcel, NOW)
    now = NOW.isoformat()
    assert parcel.noted == {"a": [["1", _at(1)], ["3", now]], "stage": [["mql", now], ["", now]]}, "b is too old"


@pytest.mark.parametrize("in_doubt", [True, False])
def test_what_was_answered_is_forgotten_and_what_was_not_before_stays(in_doubt: bool) -> None:
    parcel = _parcel({"a": [["1", _at(1)]]}, {"a": "3"})
    unanswered.note(parcel, NOW)
    parcel.in_doubt = in_doubt
    left = unanswered.left(parcel, NOW)
    assert [value for value, _ in left["a"]] == (["1", "3"] if in_doubt else ["1"])
    assert unanswered.left(parcel, NOW + 2 * APPLIED_WITHIN) == {}


def test_a_value_counts_for_its_property_alone_and_until_it_can_be_applied_no_more() -> None:
    sent = {"a": [["1", NOW.isoformat()], ["", NOW.isoformat()]]}
    assert may_stand(sent, "a", "1", NOW, _same)
    assert may_stand(sent, "a", None, NOW, _same), "it was cleared"
    assert may_stand(sent, "a", "1", None, _same), "nobody knows since when it stands"
    assert may_stand(sent, "a", "1", NOW - timedelta(hours=1), _same), "two clocks need not agree"
    assert not may_stand(sent, "a", "2", NOW, _same)
    assert not may_stand(sent, "b", "1", NOW, _same)
    assert not may_stand(sent, "a", "1", NOW + APPLIED_WITHIN + timedelta(seconds=1), _same)

"""Field history against the looks of a write: what it tells of edits within the one call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connector.vendors.base import Record
from connector.vendors.salesforce.between import question, told_apart

LEAD = "00Q5j0000000001EAA"
US, THEY = "0055j0000000001AAA", "0055j0000000002AAA"
AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _row(name: str, value: Any, seconds: int, by: str, old: Any = None) -> dict[str, Any]:
    moment = (AT + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    said = {"LeadId": LEAD, "Field": name, "OldValue": old, "NewValue": value}
    return said | {"CreatedDate": moment, "CreatedById": by}


def _looked(value: str, seconds: int) -> dict[str, Record]:
    shown = {"Rating": value, "OwnerId": THEY}
    return {LEAD: Record(object_type="Lead", id=LEAD, properties=shown, modified_at=AT + timedelta(seconds=seconds))}


def _told(rows: list[dict[str, Any]], stored: str = "Hot") -> tuple[str | None, str | None]:
    """The Rating that stood right before our write, and the one that it stored (None: not known)."""
    before, kept = told_apart("Lead", rows, _looked("Cold", 0), _looked(stored, 9), us=US)
    return before[LEAD].properties["Rating"], kept[LEAD].properties.get("Rating")


def test_the_last_edit_before_ours_is_what_stood() -> None:
    ours, theirs, earlier = (
        _row("Rating", "Hot", 9, US),
        _row("Rating", "Warm", 8, THEY),
        _row("Rating", "Old", 7, THEY),
    )
    assert _told([ours, theirs, earlier]) == ("Warm", "Hot")
    assert _told([ours]) == ("Cold", "Hot")
    assert _told([]) == ("Cold", "Hot")


def test_what_the_look_before_showed_or_never_saw_says_nothing() -> None:
    assert _told([_row("Rating", "Hot", 9, US), _row("Rating", "Warm", 0, THEY)]) == ("Cold", "Hot")
    assert _told([_row("Rating", "Hot", -60, US), _row("Rating", "Warm", -90, THEY)]) == ("Cold", "Hot")
    assert _told([_row("Title", "部長", 8, THEY)]) == ("Cold", "Hot")


def test_a_field_that_was_cleared_is_told_from_one_whose_values_are_not_kept() -> None:
    """Of long texts and multi-select picklists the history has no values."""
    assert _told([_row("Rating", "Hot", 9, US), _row("Rating", None, 8, THEY, old="Cold")]) == (None, "Hot")
    assert _told([_row("Rating", None, 9, US), _row("Rating", None, 8, THEY)]) == ("Cold", "Hot")


def test_an_edit_after_ours_is_not_what_we_stored() -> None:
    assert _told([_row("Rating", "Warm", 9, THEY), _row("Rating", "Hot", 9, US)], stored="Warm") == ("Cold", None)


def test_of_an_owner_the_id_counts_and_not_the_name() -> None:
    rows = [_row("Owner", US, 9, US), _row("Owner", "佐藤 花子", 8, THEY), _row("Owner", f"{THEY[:-1]}B", 8, THEY)]
    before, _ = told_apart("Lead", rows, _looked("Cold", 0), _looked("Hot", 9), us=US)
    assert before[LEAD].properties["OwnerId"] == f"{THEY[:-1]}B"


def test_objects_without_a_history_are_not_asked() -> None:
    assert question("Task", [LEAD], ["Status"]) is None
    asked = question("Opportunity", ["006"], ["OwnerId", "Amount"])
    assert asked is not None
    assert "FROM OpportunityFieldHistory" in asked
    assert "Field IN ('Owner','Amount')" in asked

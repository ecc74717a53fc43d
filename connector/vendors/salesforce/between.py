"""What an org's field history tells of a write: edits that fell between the parts of its one call. Pure.

The look before the write shows what stood then. Where the org keeps a field's history, an edit that came after that
look and that our write went over stands there, and so does one that came after our write and before the look at what
was stored. Without a history nothing in an org tells of the first (which is why few rows are guarded, `guarding.py`),
and of the second that somebody else saved the record last. Of long texts and multi-select picklists a history tells
that they were changed, and neither value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from connector.vendors.base import Record
from connector.vendors.moments import to_moment
from connector.vendors.salesforce import protocol
from connector.vendors.salesforce.protocol import HISTORIES, HISTORY_NAMES, MODIFIER
from connector.vendors.salesforce.records import text

MOST: Final = 2_000
"""Rows of one answer, the newest first."""


@dataclass(frozen=True, slots=True)
class _Change:
    value: str | None
    at: datetime
    ours: bool
    told: bool  #: The values are in the history; a field that was cleared has an old one.


def question(object_type: str, ids: Sequence[str], names: Iterable[str]) -> str | None:
    """The query for what was changed lately in these fields; None: the object has no history."""
    if object_type not in HISTORIES:
        return None
    source, parent = HISTORIES[object_type]
    told = [HISTORY_NAMES.get(name, name) for name in names]
    where = f"{protocol.among(parent, ids)} AND {protocol.among('Field', told)} AND CreatedDate >= YESTERDAY"
    fields = [parent, "Field", "OldValue", "NewValue", "CreatedDate", "CreatedById"]
    return protocol.select(fields, source, where, order="CreatedDate DESC, Id DESC", limit=MOST)


def without_theirs(
    stored: Mapping[str, Record], sent: Mapping[str, Mapping[str, str]], *, us: str | None
) -> dict[str, Record]:
    """What our write stored, by id, where the look after it shows that somebody else has saved the record since: what
    then differs from what we sent is left out, so that the next look shows it as theirs. No history is needed for it.
    """
    kept: dict[str, Record] = {}
    for record_id, shown in stored.items():
        told = {name: value for name, value in shown.properties.items() if name != MODIFIER}
        by = shown.properties.get(MODIFIER)
        if us is not None and by is not None and by != us:
            wishes = sent.get(record_id, {})
            told = {name: value for name, value in told.items() if (wishes.get(name, value) or None) == value}
        kept[record_id] = replace(shown, properties=told)
    return kept


def told_apart(
    object_type: str,
    rows: Iterable[Mapping[str, Any]],
    before: Mapping[str, Record],
    stored: Mapping[str, Record],
    *,
    us: str | None,
) -> tuple[dict[str, Record], dict[str, Record]]:
    """What stood right before our write and what it stored, by id, where the history knows better than the looks.

    A value that somebody put there after the look before is what stood. A value that somebody put there after our write
    is not what it stored, and is left out: the next look shows it as theirs.
    """
    right, kept = dict(before), dict(stored)
    if us is None or object_type not in HISTORIES:
        return right, kept
    for (record_id, name), changes in _since(object_type, rows, before, us).items():
        newest, theirs = changes[0], next((one for one in changes if not one.ours), None)
        if theirs is None or (newest.ours and not theirs.told):
            continue
        if newest.ours:
            shown = right[record_id]
            at = max(theirs.at, shown.modified_at or theirs.at)
            right[record_id] = replace(shown, properties={**shown.properties, name: theirs.value}, modified_at=at)
        elif record_id in kept:
            left = {one: value for one, value in kept[record_id].properties.items() if one != name}
            kept[record_id] = replace(kept[record_id], properties=left)
    return right, kept


def _since(
    object_type: str, rows: Iterable[Mapping[str, Any]], before: Mapping[str, Record], us: str
) -> dict[tuple[str, str], list[_Change]]:
    """(record, field) → the changes, newest first, that are later than what the look before showed."""
    _, parent = HISTORIES[object_type]
    names = {told: name for name, told in HISTORY_NAMES.items()}
    found: dict[tuple[str, str], list[_Change]] = {}
    for raw in rows:
        shown = before.get(str(raw[parent]))
        at, told = to_moment(text(raw.get("CreatedDate"))), str(raw["Field"])
        name, value = names.get(told, told), text(raw.get("NewValue"))
        if shown is None or at is None or shown.modified_at is None or at <= shown.modified_at:
            continue
        if told in names and value is not None and not protocol.is_id(value):
            continue  # of a reference the history keeps the name too, in a row of its own
        has_values = value is not None or text(raw.get("OldValue")) is not None
        change = _Change(value, at, str(raw.get("CreatedById") or "") == us, has_values)
        found.setdefault((shown.id, name), []).append(change)
    return found

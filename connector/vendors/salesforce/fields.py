"""Salesforce's strings to canonical values and back, and when two of its strings are the same value.

| canonical  | Salesforce stores                                                      |
| ---------- | ---------------------------------------------------------------------- |
| text, long_text, phone, domain, email | text, without space around it; each field has a length of its own   |
| number, money | a JSON number, here its shortest text: `80`, never `80.0`            |
| yes_no     | a box that is ticked or not: `true` / `false`; there is no blank        |
| choice     | the picklist's API name; `values` and `read_also` of the policy map     |
| choices    | API names with `;` between                                              |
| date       | `2026-04-01`                                                            |
| moment     | ISO 8601 in UTC, whole seconds                                          |
| person     | the user's (or queue's) id of 18 characters                             |

A text that is longer than its field is refused by Salesforce and told by name; nothing is shortened here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from connector.domain.value import Value
from connector.policy.model import FieldDef, FieldType, Home
from connector.vendors import values
from connector.vendors.moments import to_moment

TITLE_LIMIT: Final = 255
"""Characters of a task's subject."""

_SHORT_ID = 15
_UTC_ZONE = ZoneInfo("UTC")


def to_canonical(
    kind: FieldType, raw: str | None, home: Home, *, tidy: str | None = None, zone: ZoneInfo = _UTC_ZONE
) -> Value:
    """The canonical value of what Salesforce holds. See `values.to_canonical`."""
    return values.to_canonical(kind, raw, home, tidy=tidy, zone=zone)


def to_vendor(value: Value, definition: FieldDef, home: Home) -> str:
    """What Salesforce is sent for a canonical value; "" clears the field. See `values.to_vendor`."""
    if isinstance(value, datetime) and definition.type is FieldType.MOMENT:
        value = value.replace(microsecond=0)
    return values.to_vendor(value, definition, home)


def same(one: str | None, other: str | None, kind: FieldType) -> bool:
    """True when Salesforce means the same by both: boxes are never blank, ids have two forms, seconds are whole."""
    if kind is FieldType.YES_NO:
        return values.same(one or "false", other or "false", kind)
    if kind is FieldType.PERSON and one and other:
        return one[:_SHORT_ID] == other[:_SHORT_ID]
    if kind is FieldType.MOMENT:
        first, second = to_moment(one), to_moment(other)
        if first is not None and second is not None:
            return first.replace(microsecond=0) == second.replace(microsecond=0)
    return values.same(one, other, kind)

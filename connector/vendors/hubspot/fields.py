"""HubSpot's strings to canonical values and back, and when two of its strings are the same value.

| canonical  | HubSpot stores                                                         |
| ---------- | ---------------------------------------------------------------------- |
| text, long_text, phone, domain, email | text; e-mail addresses in small letters             |
| number, money | a decimal text: `80`, never `80.0`                                   |
| yes_no     | `true` / `false`                                                       |
| choice     | the option's internal value; `values` and `read_also` of the policy map |
| choices    | internal values with `;` between                                       |
| date       | `2026-04-01`, or midnight UTC in milliseconds (webhooks)               |
| moment     | ISO 8601 in UTC, or milliseconds (webhooks)                            |
| person     | the owner's id                                                         |

A text that is longer than HubSpot takes is cut at `TEXT_LIMIT` and ends with "…"; nothing else is ever shortened.
"""

from __future__ import annotations

from typing import Final

from connector.domain.value import Value
from connector.policy.model import FieldDef, Home
from connector.vendors import values
from connector.vendors.values import moment_text, number_text, same, to_canonical

__all__ = ["TEXT_LIMIT", "TITLE_LIMIT", "moment_text", "number_text", "same", "to_canonical", "to_vendor"]

TEXT_LIMIT: Final = 65_536
"""Characters of a HubSpot text property, one line or several."""

TITLE_LIMIT: Final = 255
"""Characters of a task's subject, and of our key."""


def to_vendor(value: Value, definition: FieldDef, home: Home) -> str:
    """What HubSpot is sent for a canonical value; "" clears the property. See `values.to_vendor`."""
    return values.to_vendor(value, definition, home, text_limit=TEXT_LIMIT)

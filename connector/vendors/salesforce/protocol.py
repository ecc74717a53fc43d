"""Salesforce's addresses and numbers: objects, who refers to whom, batch sizes, SOQL.

Object types are Salesforce's own names (`Lead`, `Contact`, `Account`, …), as a policy's homes write them. Sources: the
REST, Bulk 2.0 and SOQL guides, and recorded exchanges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from simple_salesforce.format import quote_soql_value

from connector.errors import UsageError

API_VERSION: Final = "66.0"
LEAST_VERSION: Final = 65
"""Older versions still have the SOAP login and end one after another; nothing here was tried with them."""

BATCH_SIZE: Final = 200
PAGE_SIZE: Final = 1_000
BULK_ABOVE: Final = 2_000
"""More records than this go through the Bulk API, as Salesforce recommends."""

KEY_PROPERTY: Final = "TasukiKey__c"
"""The property that holds our key on records that we create: an External ID, unique where the object can enforce it."""

MASTER_TYPE: Final = "012000000000000AAA"
"""The record type of records that have none."""
VENDOR: Final = "salesforce"
MODIFIED: Final = "SystemModstamp"
MODIFIER: Final = "LastModifiedById"
PERSON: Final = "Lead"
"""What the sync calls a person: a lead, and under the same name the contact that it becomes (`people.py`)."""
CONTACT: Final = "Contact"
ACCOUNT: Final = "AccountId"
"""A person's company. Leads have none: their company is a text."""
CAMPAIGN: Final = "salesforce_campaign"
"""What a policy's `enrol` calls a campaign."""

#: Our app in Call Options, in change events and in the org's API usage reports.
CALL_OPTIONS: Final = "client=tasuki"

#: Objects whose writes lock a parent, so that two calls side by side would be in each other's way.
LOCKS_PARENT: Final = frozenset({"Contact", "Opportunity", "Task", "Event", "CampaignMember", "OpportunityContactRole"})

#: object → (its history object, the reference in it)
HISTORIES: Final[Mapping[str, tuple[str, str]]] = {
    "Lead": ("LeadHistory", "LeadId"),
    "Contact": ("ContactHistory", "ContactId"),
    "Account": ("AccountHistory", "AccountId"),
    "Opportunity": ("OpportunityFieldHistory", "OpportunityId"),
}

#: What a history calls a reference field.
HISTORY_NAMES: Final[Mapping[str, str]] = {"OwnerId": "Owner", "AccountId": "Account", "ReportsToId": "ReportsTo"}

PREFIXES: Final[Mapping[str, str]] = {
    "Lead": "00Q", "Contact": "003", "Account": "001", "Opportunity": "006", "Task": "00T", "Event": "00U",
    "Campaign": "701", "CampaignMember": "00v", "User": "005", "Group": "00G",
}  # fmt: skip

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where two objects are associated: rows of `object` have the one's id in `left` and the other's in `right`."""

    object: str
    left: str
    right: str

    @property
    def turned(self) -> Link:
        """The same seen from the other side."""
        return Link(object=self.object, left=self.right, right=self.left)


#: (one, other) → where their association stands. Activities hang on a person (Who) or on something (What).
_LINKS: Final[Mapping[tuple[str, str], Link]] = {
    ("Contact", "Account"): Link(object="Contact", left="Id", right="AccountId"),
    ("Opportunity", "Account"): Link(object="Opportunity", left="Id", right="AccountId"),
    ("Opportunity", "Contact"): Link(object="OpportunityContactRole", left="OpportunityId", right="ContactId"),
    ("Lead", "Contact"): Link(object="Lead", left="Id", right="ConvertedContactId"),
    ("Lead", "Account"): Link(object="Lead", left="Id", right="ConvertedAccountId"),
    ("Lead", "Opportunity"): Link(object="Lead", left="Id", right="ConvertedOpportunityId"),
    ("Campaign", "Lead"): Link(object="CampaignMember", left="CampaignId", right="LeadId"),
    ("Campaign", "Contact"): Link(object="CampaignMember", left="CampaignId", right="ContactId"),
} | {
    (activity, other): Link(object=activity, left="Id", right=field)
    for activity in ("Task", "Event")
    for other, field in (("Lead", "WhoId"), ("Contact", "WhoId"), ("Account", "WhatId"), ("Opportunity", "WhatId"))
}


def link(one: str, other: str) -> Link:
    """Where two objects are associated, seen from `one`; `UsageError` for a pair that is not."""
    if (one, other) in _LINKS:
        return _LINKS[one, other]
    if (other, one) in _LINKS:
        return _LINKS[other, one].turned
    raise UsageError(f"A {one} is not associated with a {other} in Salesforce.", reason="unknown_association")


def is_id(text: str) -> bool:
    """True for what has the form of a record id; anything else would refuse a whole query."""
    return _ID.fullmatch(text) is not None


def ids_of(ids: Iterable[str], object_type: str | None = None) -> list[str]:
    """Each once, in order; without what is no id (of this object, if one is named)."""
    prefix = PREFIXES.get(object_type or "", "")
    return [one for one in dict.fromkeys(ids) if is_id(one) and one.startswith(prefix)]


def select(
    fields: Sequence[str], object_type: str, where: str = "", *, order: str = "", limit: int | None = None
) -> str:
    """One query over checked names. `where` is built of `quoted` values."""
    for name in (*fields, object_type):
        if not all(_NAME.fullmatch(part) for part in name.split(".")):
            raise UsageError(f"{name!r} is no name of a Salesforce field or object.", reason="bad_name")
    text = f"SELECT {', '.join(fields)} FROM {object_type}"
    text += f" WHERE {where}" if where else ""
    text += f" ORDER BY {order}" if order else ""
    return text + (f" LIMIT {limit}" if limit is not None else "")


def among(field: str, values: Iterable[str]) -> str:
    """`field IN ('a','b')`."""
    return f"{field} IN {quoted(list(values))}"


def quoted(value: str | list[str]) -> str:
    """A text, or a list of them, as SOQL quotes them."""
    return str(quote_soql_value(value))


def in_address(soql: str) -> str:
    """A query as it stands in an address."""
    return quote(soql)


def moment_text(at: datetime) -> str:
    """A moment in SOQL, cut to the second: that is what SystemModstamp keeps."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def checked_version(version: str) -> str:
    """An API version such as `66.0`; `UsageError` for one that is none or too old."""
    number = version.removesuffix(".0").removeprefix("v")
    if not number.isdigit() or int(number) < LEAST_VERSION:
        raise UsageError(
            f"Salesforce's API version must be {LEAST_VERSION}.0 or later, such as {API_VERSION}.",
            reason="api_version",
        )
    return f"{number}.0"

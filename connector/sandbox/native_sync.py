"""HubSpot's own Salesforce integration, as it stands beside us in an account that has both CRMs.

It links a contact with a lead or contact (by its link, else by address), makes who is missing on either side, and
copies mapped fields, each by its rule. One `run` is one of its checks: it looks every 15 minutes, and sooner when a
mapped field changes. It drives two sandboxes, in this process or over HTTP alike, and knows nothing of Tasuki.
Source: HubSpot's knowledge base on mapping properties to Salesforce fields, and on what triggers a sync.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from connector.sandbox.handle import SandboxHandle
from connector.sandbox.salesforce.handle import SalesforceHandle

SOURCE = "SALESFORCE"
_USERNAME = "hubspot.integration@example.com"
_LINKS = {"Lead": "salesforceleadid", "Contact": "salesforcecontactid"}


class SyncRule(Enum):
    """What becomes of a mapped field."""

    TWO_WAY = "two_way"  #: The latest change goes to the other side, a blank too.
    PREFER_SALESFORCE = "prefer_salesforce"  #: Salesforce's value unless it is blank; else HubSpot's.
    ALWAYS_SALESFORCE = "always_salesforce"


@dataclass(frozen=True, kw_only=True)
class MappedField:
    """A property and the field that it is kept with. `values`: HubSpot's option → Salesforce's."""

    hubspot: str
    salesforce: str
    rule: SyncRule = SyncRule.TWO_WAY
    values: Mapping[str, str] = field(default_factory=dict)

    def to_salesforce(self, value: str) -> str:
        """As Salesforce has it."""
        return self.values.get(value, value)

    def to_hubspot(self, value: str) -> str:
        """As HubSpot has it."""
        return {there: here for here, there in self.values.items()}.get(value, value)


@dataclass(frozen=True)
class _Pair:
    """One person's two records, with what they show of the mapped fields ("" is blank)."""

    contact: str
    record: str
    here: Mapping[str, str]
    there: Mapping[str, str]


class NativeSync:
    """The integration between one portal and one org."""

    def __init__(self, portal: SandboxHandle, org: SalesforceHandle, mapped: Sequence[MappedField]) -> None:
        self._portal, self._org, self._mapped = portal, org, mapped
        self._user = org.put_user(Username=_USERNAME, Email=_USERNAME, LastName="HubSpot Integration")
        #: (contact, property) → what both sides showed when they were brought in line last
        self._seen: dict[tuple[str, str], tuple[str, str]] = {}

    def run(self) -> int:
        """One check of everybody; how many records it changed or made."""
        contacts = {one["id"]: one["properties"] for one in self._portal.records("contacts") if not one["archived"]}
        people = {
            one["id"]: one["fields"]
            for name in _LINKS
            for one in self._org.records(name)
            if not one["fields"].get("IsConverted")
        }
        pairs = self._linked(contacts, people)
        made = self._make_missing(contacts, people, pairs)
        return made + sum(
            self._align(_Pair(contact, record, _texts(contacts[contact]), _texts(people[record])))
            for contact, record in pairs.items()
        )

    # ── who is whom ──────────────────────────────────────────────────────────────────────────────────────────
    def _linked(self, contacts: Mapping[str, Any], people: Mapping[str, Any]) -> dict[str, str]:
        """Contact → record: as linked before, else by address, which links them from now on."""
        pairs = {
            contact: record
            for contact, shown in contacts.items()
            if (record := next((shown[one] for one in _LINKS.values() if shown.get(one) in people), None)) is not None
        }
        free = {_address(shown.get("Email")): one for one, shown in people.items() if one not in pairs.values()}
        for contact, shown in contacts.items():
            record = free.get(_address(shown.get("email"))) if shown.get("email") else None
            if contact not in pairs and record is not None:
                pairs[contact] = record
                self._link(contact, record)
        return pairs

    def _link(self, contact: str, record: str) -> None:
        name = _LINKS[self._org.record(record)["object"]]
        self._portal.calculated("contacts", contact, {name: record}, source=SOURCE)

    def _make_missing(self, contacts: Mapping[str, Any], people: Mapping[str, Any], pairs: Mapping[str, str]) -> int:
        lonely = {one: shown for one, shown in contacts.items() if one not in pairs and shown.get("email")}
        for contact, shown in lonely.items():
            told = {
                one.salesforce: one.to_salesforce(shown[one.hubspot]) for one in self._mapped if shown.get(one.hubspot)
            }
            needed = {"Email": shown["email"], "LastName": shown.get("lastname") or "-", "Company": "[not provided]"}
            self._link(contact, self._org.create("Lead", needed | told, user_id=self._user))
        strangers = {one: shown for one, shown in people.items() if one not in pairs.values() and shown.get("Email")}
        for record, shown in strangers.items():
            told = {
                one.hubspot: one.to_hubspot(str(shown[one.salesforce]))
                for one in self._mapped
                if shown.get(one.salesforce)
            }
            needed = {"email": shown["Email"], "lastname": str(shown["LastName"])}
            self._link(str(self._portal.create("contacts", needed | told, source=SOURCE)["id"]), record)
        return len(lonely) + len(strangers)

    # ── what is copied ───────────────────────────────────────────────────────────────────────────────────────
    def _align(self, pair: _Pair) -> int:
        """Bring two records in line; how many of them were written to."""
        to_portal: dict[str, str] = {}
        to_org: dict[str, str] = {}
        for one in self._mapped:
            here, there = pair.here.get(one.hubspot, ""), pair.there.get(one.salesforce, "")
            if one.to_salesforce(here) == there or (here, there) == self._seen.get((pair.contact, one.hubspot)):
                continue  # alike, or as HubSpot rewrote what it was given
            if self._is_salesforces(one, pair, here, there):
                to_portal[one.hubspot] = one.to_hubspot(there)
            else:
                to_org[one.salesforce] = one.to_salesforce(here)
        shown, told = dict(pair.here), dict(pair.there)
        if to_portal:
            shown = _texts(self._portal.edit("contacts", pair.contact, to_portal, source=SOURCE)["properties"])
        if to_org:
            values = {name: value or None for name, value in to_org.items()}
            told = _texts(self._org.edit(pair.record, values, user_id=self._user)["fields"])
        for one in self._mapped:
            now = (shown.get(one.hubspot, ""), told.get(one.salesforce, ""))
            self._seen[pair.contact, one.hubspot] = now
        return bool(to_portal) + bool(to_org)

    def _is_salesforces(self, one: MappedField, pair: _Pair, here: str, there: str) -> bool:
        """True when Salesforce's value is to stand."""
        if one.rule is not SyncRule.TWO_WAY:
            return one.rule is SyncRule.ALWAYS_SALESFORCE or there != ""
        before = self._seen.get((pair.contact, one.hubspot))
        if before is None:
            return there != ""  # at first sight
        if (here == before[0]) != (there == before[1]):
            return there != before[1]
        last_here = _last(self._portal.ledger(type="contacts", id=pair.contact), one.hubspot)
        return _last(self._org.ledger(id=pair.record), one.salesforce) > last_here


def _last(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    """When a field was changed last, by the sandbox's ledger."""
    return max((int(row["at"]) for row in rows if name in row["changes"]), default=0)


def _texts(shown: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in shown.items() if value is not None}


def _address(email: object) -> str:
    return str(email or "").lower()

"""A lead's fields by their names on contacts, as the policy's homes say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from connector.policy.model import Policy
from connector.vendors.base import InboundEvent
from connector.vendors.salesforce.protocol import ACCOUNT, CONTACT, PERSON, VENDOR

_EVERYBODYS: Final = frozenset({"Email", "CreatedDate", "OwnerId", ACCOUNT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of a lead's fields on contacts. A name that is on neither side here is the same on both.

    `lead_only` and `contact_only` are fields that the other object has not.
    """

    of_contact: Mapping[str, str] = field(default_factory=dict)
    lead_only: frozenset[str] = frozenset()
    contact_only: frozenset[str] = frozenset()

    @classmethod
    def of(cls, policy: Policy) -> Names:
        """As the homes of the policy's fields and stages say."""
        of_contact: dict[str, str] = {}
        lead_only: set[str] = set()
        contact_only: set[str] = set()
        fields = (*policy.fields.values(), *policy.computed, *policy.shows)
        for homes in [one.homes for one in fields] + [one.homes for one in policy.stored_as]:
            leads = [one.name for one in homes if one.vendor == VENDOR and one.object_type == PERSON]
            contacts = [one.name for one in homes if one.vendor == VENDOR and one.object_type == CONTACT]
            if contacts:
                of_contact |= dict.fromkeys(leads, contacts[0])
            else:
                lead_only |= set(leads)
            contact_only |= set() if leads else set(contacts)
        return cls(
            of_contact=of_contact,
            lead_only=frozenset(lead_only - of_contact.keys() - _EVERYBODYS),
            contact_only=frozenset(contact_only),
        )

    def contact(self, name: str) -> str | None:
        """The contact's field for a lead's."""
        return None if name in self.lead_only else self.of_contact.get(name, name)


def as_person(event: InboundEvent, names: Names) -> InboundEvent:
    """What an event tells of a contact, told of a person under the names of the lead's fields."""
    if event.object_type != CONTACT:
        return event
    back = {here: name for name, here in names.of_contact.items()}
    told = event.property_name
    return replace(event, object_type=PERSON, property_name=back.get(told, told) if told is not None else None)

"""Lists of contacts and sequences of mails: what the portal holds of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.clock import iso
from connector.sandbox.wire import Json

STATIC = ("MANUAL", "SNAPSHOT")
"""The kinds of lists that the API may fill; a DYNAMIC one HubSpot fills by itself."""


@dataclass(kw_only=True, slots=True)
class RecordList:
    """A list of records of one type, with when each came in (ms)."""

    id: str
    name: str
    #: MANUAL, SNAPSHOT or DYNAMIC
    kind: str
    type_id: str
    created: int
    members: dict[int, int] = field(default_factory=dict)

    def as_json(self) -> Json:
        """As HubSpot prints a list."""
        return {
            "listId": self.id,
            "listVersion": 1,
            "name": self.name,
            "objectTypeId": self.type_id,
            "processingType": self.kind,
            "processingStatus": "COMPLETE",
            "createdAt": iso(self.created),
            "updatedAt": iso(self.created),
        }

    def joined(self) -> list[tuple[int, int]]:
        """(when, record id) of every member, oldest first."""
        return sorted((at, record_id) for record_id, at in self.members.items())


@dataclass(kw_only=True, slots=True)
class Sequence:
    """A sequence of mails and tasks; `user_id` made it (0: shared with everybody)."""

    id: str
    name: str
    user_id: int
    created: int

    def as_json(self) -> Json:
        """As HubSpot lists it."""
        return {
            "id": self.id,
            "name": self.name,
            "userId": str(self.user_id),
            "createdAt": iso(self.created),
            "updatedAt": iso(self.created),
        }


@dataclass(kw_only=True, slots=True)
class Enrollment:
    """One contact's run through a sequence; a contact is in one at a time."""

    id: str
    contact_id: int
    sequence: Sequence
    user_id: int
    sender: str
    to: str
    at: int

    def as_json(self) -> Json:
        """As an enrolment's status."""
        return {
            "id": self.id,
            "toEmail": self.to,
            "enrolledAt": iso(self.at),
            "updatedAt": iso(self.at),
            "enrolledBy": str(self.user_id),
            "enrolledByEmail": self.sender,
            "sequenceId": self.sequence.id,
            "sequenceName": self.sequence.name,
        }

"""Owners (HubSpot users who may own records), their teams, and the outcomes that they give to calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.clock import iso
from connector.sandbox.wire import Json

#: the call outcomes that every portal starts with; the ids are the same everywhere, labels are the portal's
DISPOSITIONS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "Busy",
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "Connected",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "Left live message",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "Left voicemail",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "No answer",
    "17b47fee-58de-441e-a44c-c6300d46f273": "Wrong number",
}


@dataclass(kw_only=True, slots=True)
class Team:
    """A HubSpot team."""

    id: str
    name: str


@dataclass(kw_only=True, slots=True)
class Owner:
    """A seated user."""

    id: str
    user_id: int
    email: str
    first_name: str
    last_name: str
    teams: list[Team] = field(default_factory=list)
    archived: bool = False
    created: int = 0
    updated: int = 0

    def as_json(self) -> Json:
        """As `/crm/v3/owners` prints it."""
        row: Json = {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "archived": self.archived,
        }
        if self.archived:
            row["userIdIncludingInactive"] = self.user_id
        else:
            row |= {"userId": self.user_id, "userIdIncludingInactive": self.user_id}
        if self.teams:
            row["teams"] = [
                {"id": team.id, "name": team.name, "primary": position == 0} for position, team in enumerate(self.teams)
            ]
        return row

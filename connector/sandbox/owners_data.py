"""Owners (HubSpot users who may own records) and their teams."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.clock import iso
from connector.sandbox.wire import Json


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

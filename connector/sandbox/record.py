"""One CRM record and its history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.object_types import ObjectType
from connector.sandbox.wire import Actor, Json

#: versions that HubSpot keeps of one property
HISTORY_LIMIT = 45

#: (sandbox ms, value, who)
Version = tuple[int, str, Actor]


@dataclass(slots=True, eq=False)
class Record:
    """Mutable; every change goes through the portal, which writes history, ledger, index and events."""

    kind: ObjectType
    id: int
    #: values as HubSpot prints them; a blank property is absent
    props: dict[str, str]
    created: int
    updated: int
    origin: Actor
    archived: bool = False
    archived_at: int = 0
    #: oldest first; a property without an entry still has its first value
    history: dict[str, list[Version]] = field(default_factory=dict)
    #: what search does not see yet: (visible from ms, {property: value before}); None means "not there before"
    unindexed: list[tuple[int, dict[str, str | None] | None]] = field(default_factory=list)
    #: to type -> to id -> association type ids
    links: dict[str, dict[int, set[int]]] = field(default_factory=dict)
    #: ids that were merged into this record
    merged: list[int] = field(default_factory=list)

    def remember(self, name: str, value: str | None, at: int, actor: Actor) -> None:
        """Add a version of a property."""
        versions = self.history.get(name)
        if versions is None:
            before = self.props.get(name)
            versions = self.history[name] = [] if before is None else [(self.created, before, self.origin)]
        versions.append((at, value or "", actor))
        if len(versions) > HISTORY_LIMIT:
            del versions[0]

    def versions(self, name: str) -> list[Json]:
        """`propertiesWithHistory` of one property, newest first."""
        versions = self.history.get(name)
        if versions is None:
            value = self.props.get(name)
            versions = [] if value is None else [(self.created, value, self.origin)]
        return [_version(one) for one in reversed(versions)]

    def searchable(self, now: int) -> dict[str, str] | None:
        """The properties as search sees them at `now`; None when search does not know the record yet."""
        if not self.unindexed:
            return self.props
        self.unindexed = [entry for entry in self.unindexed if entry[0] > now]
        if not self.unindexed:
            return self.props
        seen: dict[str, str | None] = dict(self.props)
        for _, before in reversed(self.unindexed):
            if before is None:
                return None
            seen.update(before)
        return {name: value for name, value in seen.items() if value is not None}

    def as_json(self, names: list[str], with_history: list[str] | None = None) -> Json:
        """As a read prints it: asked-for properties, null when blank."""
        props = self.props
        get = props.get
        row: Json = {
            "id": str(self.id),
            "properties": {name: get(name) for name in names},
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "archived": self.archived,
        }
        if with_history:
            row["propertiesWithHistory"] = {name: self.versions(name) for name in with_history}
        if self.archived:
            row["archivedAt"] = iso(self.archived_at)
        return row


def _version(version: Version) -> dict[str, Any]:
    at, value, actor = version
    row: dict[str, Any] = {
        "value": value,
        "timestamp": iso(at),
        "sourceType": actor.source,
        "sourceId": actor.source_id,
    }
    if actor.user_id is not None:
        row["updatedByUserId"] = actor.user_id
    return row

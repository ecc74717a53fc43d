"""What admins set up that makes writes fail or move: assignment, duplicate and validation rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True)
class ValidationRule:
    """Refuses a record that holds all these values after the write; `when`: field -> value, None for blank."""

    object: str
    name: str
    message: str
    when: dict[str, Any]
    #: the field that the message stands beside; "" = the top of the page
    field: str = ""

    def strikes(self, values: Mapping[str, Any]) -> bool:
        """True when the record would be refused."""
        return all((values.get(name) or None) == (wanted or None) for name, wanted in self.when.items())


@dataclass(kw_only=True)
class DuplicateRule:
    """Refuses a record when another of the object has the same values in all these fields."""

    object: str
    fields: list[str] = field(default_factory=lambda: ["Email"])
    #: alert: `allowSave` gets past it; block: nothing does
    action: str = "alert"


@dataclass(kw_only=True)
class AssignmentRule:
    """The one active rule of an object: the first entry whose values hold gives the owner."""

    object: str
    entries: list[dict[str, Any]] = field(default_factory=list)  # {"when": {field: value}, "owner": id}
    active: bool = True

    def owner(self, values: Mapping[str, Any]) -> str | None:
        """The owner for a record; None when no entry holds."""
        for entry in self.entries:
            if all(values.get(name) == wanted for name, wanted in (entry.get("when") or {}).items()):
                return str(entry["owner"])
        return None


@dataclass(kw_only=True)
class Rules:
    """All of them."""

    validation: list[ValidationRule] = field(default_factory=list)
    duplicates: list[DuplicateRule] = field(default_factory=list)
    assignment: dict[str, AssignmentRule] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As the control API prints them."""
        return asdict(self)

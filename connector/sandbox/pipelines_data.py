"""Deal pipelines and their stages."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.clock import iso
from connector.sandbox.definitions import DEFINED_AT_MS
from connector.sandbox.wire import Json


@dataclass(kw_only=True, slots=True)
class Stage:
    """One stage; `metadata` holds `probability` and `isClosed` as strings."""

    id: str
    label: str
    display_order: int
    metadata: dict[str, str]
    archived: bool = False

    def as_json(self) -> Json:
        """As HubSpot prints it."""
        return {
            "label": self.label,
            "displayOrder": self.display_order,
            "metadata": self.metadata,
            "id": self.id,
            "createdAt": iso(DEFINED_AT_MS),
            "updatedAt": iso(DEFINED_AT_MS),
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": self.archived,
        }


@dataclass(kw_only=True, slots=True)
class Pipeline:
    """One pipeline."""

    id: str
    label: str
    display_order: int
    stages: list[Stage] = field(default_factory=list)
    archived: bool = False

    def as_json(self) -> Json:
        """As HubSpot prints it."""
        return {
            "label": self.label,
            "displayOrder": self.display_order,
            "id": self.id,
            "stages": [stage.as_json() for stage in self.stages if not stage.archived],
            "createdAt": iso(DEFINED_AT_MS),
            "updatedAt": iso(DEFINED_AT_MS),
            "archived": self.archived,
        }


_STANDARD = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)


def standard_pipelines() -> dict[str, dict[str, Pipeline]]:
    """Object type -> pipeline id -> pipeline, as a new portal has them."""
    stages = [
        Stage(
            id=name,
            label=label,
            display_order=order,
            metadata={"probability": probability, "isClosed": str(probability in ("1.0", "0.0")).lower()},
        )
        for order, (name, label, probability) in enumerate(_STANDARD)
    ]
    return {"deals": {"default": Pipeline(id="default", label="Sales Pipeline", display_order=0, stages=stages)}}

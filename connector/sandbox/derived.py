"""What HubSpot works out by itself: stage dates, closed deals, finished tasks, how many deals a contact has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox import lifecycle
from connector.sandbox.clock import iso
from connector.sandbox.object_types import object_type
from connector.sandbox.record import Record

if TYPE_CHECKING:
    from connector.sandbox.pipelines_data import Stage
    from connector.sandbox.portal import Portal

#: property of a type -> the type whose associated records it counts
COUNTS: dict[str, dict[str, str]] = {
    "contacts": {"num_associated_deals": "deals"},
    "companies": {"num_associated_deals": "deals"},
    "deals": {"num_associated_contacts": "contacts"},
}


def derived(portal: Portal, record: Record, changes: dict[str, list[str | None]], now: int) -> dict[str, str]:
    """The values that follow from a change, as far as they differ from what stands ("" is blank)."""
    found: dict[str, str] = {}
    name = record.kind.name
    if name in ("contacts", "companies") and lifecycle.STAGE in changes:
        found |= lifecycle.entered(changes[lifecycle.STAGE][1], now)
    if name == "contacts" and "email" in changes:
        found["hs_email_domain"] = (changes["email"][1] or "").partition("@")[2]
    if "hubspot_owner_id" in changes and name in ("contacts", "companies", "deals"):
        found["hubspot_owner_assigneddate"] = iso(now) if changes["hubspot_owner_id"][1] else ""
    if name == "tasks" and "hs_task_status" in changes:
        done = changes["hs_task_status"][1] == "COMPLETED"
        found["hs_task_is_completed"] = "1" if done else "0"
        found["hs_task_completion_date"] = iso(now) if done else ""
    if name == "deals" and "dealstage" in changes:
        found |= _of_stage(_stage(portal, changes["dealstage"][1]))
    return {key: value for key, value in found.items() if record.props.get(key, "") != value}


def _stage(portal: Portal, stage_id: str | None) -> Stage | None:
    stages = (stage for pipeline in portal.pipelines["deals"].values() for stage in pipeline.stages)
    return next((stage for stage in stages if stage.id == stage_id), None)


def _of_stage(stage: Stage | None) -> dict[str, str]:
    if stage is None:
        return {"hs_is_closed": "", "hs_is_closed_won": "", "hs_deal_stage_probability": ""}
    closed = stage.metadata.get("isClosed") == "true"
    probability = stage.metadata.get("probability", "")
    won = closed and float(probability or 0) == 1.0
    return {
        "hs_is_closed": str(closed).lower(),
        "hs_is_closed_won": str(won).lower(),
        "hs_deal_stage_probability": probability,
    }


def counted(portal: Portal, record: Record) -> dict[str, list[str | None]]:
    """Changes of the properties that count associated records."""
    changes: dict[str, list[str | None]] = {}
    for name, other in COUNTS.get(record.kind.name, {}).items():
        kind = object_type(other)
        linked = (portal.find(kind, one) for one in record.links.get(other, {}))
        number = sum(1 for one in linked if one is not None and not one.archived)
        before = record.props.get(name)
        if before != str(number) and not (before is None and number == 0):
            changes[name] = [before, str(number)]
    return changes

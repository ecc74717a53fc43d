"""HubSpot's JSON for records, owners, properties and submissions, read into the plain shapes of `vendors/base.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from connector.vendors.base import Change, DealPipeline, DealStage, Owner, PropertyInfo, Record, Submission
from connector.vendors.hubspot.events import INTEGRATION_SOURCES, MERGE_SOURCES, PERSON_SOURCES
from connector.vendors.moments import to_moment
from connector.vendors.wire import is_name

_EPOCH = datetime.fromtimestamp(0, tz=UTC)


def record(raw: Mapping[str, Any], object_type: str, our_source_ids: Collection[str]) -> Record:
    """One record. HubSpot sends null, "" or nothing for a blank that was asked for: null and "" are blank."""
    properties = raw.get("properties") or {}
    histories = raw.get("propertiesWithHistory") or {}
    return Record(
        object_type=object_type,
        id=str(raw["id"]),
        properties={name: None if value in (None, "") else str(value) for name, value in properties.items()},
        modified_at=to_moment(raw.get("updatedAt")),
        archived=raw.get("archived") is True,
        history={name: tuple(_change(one, our_source_ids) for one in entries) for name, entries in histories.items()},
    )


def _change(raw: Mapping[str, Any], our_source_ids: Collection[str]) -> Change:
    source = _text(raw.get("sourceType"))
    source_id = _text(raw.get("sourceId"))
    return Change(
        value=_text(raw.get("value")),
        at=to_moment(raw.get("timestamp")) or _EPOCH,
        source=source,
        source_id=source_id,
        by_us=source in INTEGRATION_SOURCES and source_id is not None and source_id in our_source_ids,
        by_person=source in PERSON_SOURCES,
        by_merge=source in MERGE_SOURCES,
    )


def owner(raw: Mapping[str, Any]) -> Owner:
    """One owner; the name falls back to the e-mail address."""
    email = _text(raw.get("email"))
    name = " ".join(part for part in (_text(raw.get("lastName")), _text(raw.get("firstName"))) if part)
    return Owner(
        id=str(raw["id"]),
        email=email.lower() if email else None,
        name=name or email or str(raw["id"]),
        active=raw.get("archived") is not True,
        teams=tuple(str(team["name"]) for team in raw.get("teams") or () if team.get("name")),
        user_id=_text(raw.get("userId")),
    )


def property_info(raw: Mapping[str, Any]) -> PropertyInfo:
    """One property's definition; options in display order, the hidden ones too (records may hold them)."""
    modification = raw.get("modificationMetadata") or {}
    options = sorted(raw.get("options") or (), key=lambda option: option.get("displayOrder") or 0)
    return PropertyInfo(
        name=str(raw["name"]),
        label=str(raw.get("label") or raw["name"]),
        type=_type(raw),
        options={str(option["value"]): str(option.get("label") or option["value"]) for option in options},
        read_only=modification.get("readOnlyValue") is True or raw.get("calculated") is True,
        unique=raw.get("hasUniqueValue") is True,
    )


def pipeline(raw: Mapping[str, Any]) -> DealPipeline:
    """One pipeline; stages in display order. A stage is closed by its metadata, else by a probability of 0 or 1."""
    stages = sorted(raw.get("stages") or (), key=lambda stage: stage.get("displayOrder") or 0)
    return DealPipeline(
        id=str(raw["id"]),
        label=str(raw.get("label") or raw["id"]),
        stages=tuple(
            DealStage(id=str(one["id"]), label=str(one.get("label") or one["id"]), closed=_is_closed(one))
            for one in stages
        ),
    )


def _is_closed(stage: Mapping[str, Any]) -> bool:
    metadata = stage.get("metadata") or {}
    said, probability = _text(metadata.get("isClosed")), _text(metadata.get("probability"))
    if said is not None:
        return said == "true"
    return probability is not None and float(probability) in (0.0, 1.0)


def _type(raw: Mapping[str, Any]) -> str:
    """HubSpot's type, told apart where only the field type does: several of an enumeration, a check box, an owner."""
    kind, field = str(raw.get("type") or "string"), str(raw.get("fieldType") or "")
    if raw.get("referencedObjectType") == "OWNER" or raw.get("externalOptionsReferenceType") == "OWNER":
        return "owner"
    if kind == "enumeration" and field == "checkbox":
        return "multi_enumeration"
    if kind == "bool" or field == "booleancheckbox":
        return "bool"
    return kind


def submission(raw: Mapping[str, Any], form_id: str, form_name: str | None) -> Submission:
    """One submission of the forms API; several values of one field are joined as HubSpot stores them."""
    values: dict[str, str] = {}
    for field in raw.get("values") or ():
        name, value = _text(field.get("name")), _text(field.get("value"))
        if name is not None and value is not None:
            values[name] = f"{values[name]};{value}" if name in values else value
    email = values.get("email", "").lower()
    return Submission(
        form_id=form_id,
        form_name=form_name,
        submitted_at=to_moment(raw.get("submittedAt")) or _EPOCH,
        email=email if email and is_name(email) else None,  # whoever fills in a form may have typed anything
        submission_id=_text(raw.get("conversionId")),
        page=_text(raw.get("pageUrl")),
        values=values,
    )


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

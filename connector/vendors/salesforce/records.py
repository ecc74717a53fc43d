"""Salesforce's JSON for records, users, fields and stages, read into the plain shapes of `vendors/base.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connector.vendors.base import Change, DealStage, Owner, PropertyInfo, Record
from connector.vendors.moments import to_moment
from connector.vendors.salesforce.protocol import MODIFIED

_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_TYPES = {
    "textarea": "string", "phone": "string", "url": "string", "email": "string", "combobox": "string",
    "picklist": "enumeration", "multipicklist": "multi_enumeration", "boolean": "bool", "double": "number",
    "currency": "number", "percent": "number", "int": "number",
}  # fmt: skip
_NUMBERS = ("double", "currency", "percent", "int")


def record(raw: Mapping[str, Any], object_type: str, history: Mapping[str, tuple[Change, ...]] | None = None) -> Record:
    """One record of a query. null is blank; what was not selected is absent."""
    return Record(
        object_type=object_type,
        id=str(raw["Id"]),
        properties={name: text(value) for name, value in raw.items() if name != "attributes"},
        modified_at=to_moment(text(raw.get(MODIFIED))),
        archived=raw.get("IsDeleted") is True,
        history=history or {},
    )


def text(value: Any) -> str | None:
    """A value as a string: boxes are `true` and `false`, numbers are as short as they can be."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def to_json(info: PropertyInfo | None, value: str) -> Any:
    """A string as Salesforce's JSON wants it; '' clears. What cannot be read is sent as it is, and refused by name."""
    if value == "":
        return False if info is not None and info.type == "bool" else None
    if info is not None and info.type == "bool" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if info is not None and info.type == "number":
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number
    return value


def property_info(raw: Mapping[str, Any]) -> PropertyInfo:
    """One field of a describe; inactive options are not offered."""
    kind = str(raw.get("type") or "string")
    offered = [one for one in raw.get("picklistValues") or () if one.get("active") is not False]
    return PropertyInfo(
        name=str(raw["name"]),
        label=str(raw.get("label") or raw["name"]),
        type="owner" if raw["name"] == "OwnerId" else _TYPES.get(kind, kind),
        options={str(one["value"]): str(one.get("label") or one["value"]) for one in offered},
        read_only=raw.get("updateable") is not True,
        unique=raw.get("unique") is True,
    )


def change(raw: Mapping[str, Any], us: str | None) -> Change:
    """One entry of a field's history."""
    who = str(raw.get("CreatedById") or "")
    user = raw.get("CreatedBy") or {}
    by_us = us is not None and who == us
    return Change(
        value=text(raw.get("NewValue")),
        at=to_moment(text(raw.get("CreatedDate"))) or _EPOCH,
        source=text(user.get("UserType")),
        source_id=who or None,
        by_us=by_us,
        by_person=not by_us and user.get("UserType") == "Standard",
    )


def user(raw: Mapping[str, Any], teams: tuple[str, ...]) -> Owner:
    """A user; the name falls back to the e-mail address."""
    email = text(raw.get("Email"))
    return Owner(
        id=str(raw["Id"]),
        email=email.lower() if email else None,
        name=text(raw.get("Name")) or email or str(raw["Id"]),
        active=raw.get("IsActive") is True,
        teams=teams,
        user_id=str(raw["Id"]),
    )


def queue(raw: Mapping[str, Any]) -> Owner:
    """A queue: it may own leads and is nobody."""
    return Owner(id=str(raw["Id"]), email=None, name=str(raw.get("Name") or raw["Id"]), active=True, teams=())


def stage(raw: Mapping[str, Any]) -> DealStage:
    """One stage of opportunities; records hold its API name."""
    name = str(raw["ApiName"])
    return DealStage(id=name, label=str(raw.get("MasterLabel") or name), closed=raw.get("IsClosed") is True)

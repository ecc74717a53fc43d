"""Property and group endpoints: read, create, update, archive, batch; options of lifecycle stages included."""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.definitions import PropertyDefinition, PropertyOption, stage_dates
from connector.sandbox.inputs import batch_inputs, body_object
from connector.sandbox.lifecycle import STAGE
from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.portal import Portal
from connector.sandbox.wire import ApiRefusalError, Call, Json, Reply, refusal

FIELD_TYPES: dict[str, tuple[str, ...]] = {
    "string": ("text", "textarea", "phonenumber", "html", "file"),
    "number": ("number", "calculation_equation"),
    "bool": ("booleancheckbox",),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
    "datetime": ("date",),
    "date": ("date",),
}
UNIQUE_MAX = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def list_properties(call: Call) -> Reply:
    """GET /crm/v3/properties/{type}"""
    kind = object_type(call.args[0])
    archived = call.flag("archived")
    found = [one for one in call.portal.definitions[kind.name].values() if one.archived == archived]
    return Reply(body={"results": [one.as_json() for one in found]})


def get_property(call: Call) -> Reply:
    """GET /crm/v3/properties/{type}/{name}"""
    return Reply(body=_found(call.portal, object_type(call.args[0]), call.args[1]).as_json())


def _found(portal: Portal, kind: ObjectType, name: str) -> PropertyDefinition:
    found = portal.definitions[kind.name].get(name)
    if found is None or found.archived:
        raise refusal(
            404,
            f"Property {name} does not exist",
            "OBJECT_NOT_FOUND",
            subCategory="Properties.PROPERTY_NOT_FOUND",
        )
    return found


def create_property(call: Call) -> Reply:
    """POST /crm/v3/properties/{type}"""
    kind = object_type(call.args[0])
    call.records = 1
    made = _create(call.portal, kind, body_object(call.body))
    return Reply(status=201, body=made.as_json())


def _create(portal: Portal, kind: ObjectType, given: Json) -> PropertyDefinition:
    missing = [key for key in ("name", "label", "type", "fieldType", "groupName") if not given.get(key)]
    if missing:
        raise refusal(400, f"Invalid input JSON: Some required fields were not set: {missing}")
    name, type_name, field_type = str(given["name"]), str(given["type"]), str(given["fieldType"])
    if not _NAME.fullmatch(name):
        raise refusal(400, f"Invalid property name {name}: lower-case letters, digits and underscores, from a letter")
    if field_type not in FIELD_TYPES.get(type_name, ()):
        raise refusal(400, f"Invalid type/fieldType combination: {type_name}/{field_type}")
    if given["groupName"] not in portal.groups[kind.name]:
        raise refusal(400, f"Property group {given['groupName']} does not exist", context={"groupName": [name]})
    known = portal.definitions[kind.name].get(name)
    if known is not None and not known.archived:
        raise refusal(409, f'A property named "{name}" already exists.', "OBJECT_ALREADY_EXISTS")
    unique = bool(given.get("hasUniqueValue"))
    enforced = unique and _may_be_unique(portal, kind)
    now = portal.now()
    made = PropertyDefinition(
        name=name,
        label=str(given["label"]),
        type=type_name,
        field_type=field_type,
        group=str(given["groupName"]),
        description=str(given.get("description") or ""),
        options=_options(given.get("options") or []),
        display_order=int(given.get("displayOrder") or -1),
        unique=unique,
        enforced=enforced,
        hidden=bool(given.get("hidden")),
        form_field=bool(given.get("formField")),
        hubspot_defined=False,
        created=now,
        updated=now,
    )
    portal.definitions[kind.name][name] = made
    if enforced:
        portal.unique[(kind.name, name)] = {}
    return made


def _may_be_unique(portal: Portal, kind: ObjectType) -> bool:
    if sum(1 for one in portal.definitions[kind.name].values() if one.unique) >= UNIQUE_MAX:
        raise refusal(400, f"The maximum of {UNIQUE_MAX} unique properties for {kind.singular} has been reached")
    if kind.name == "tasks" and portal.settings.tasks_refuse_unique:
        raise refusal(400, f"Unique properties are not supported for object type {kind.type_id}")
    return kind.name != "tasks" or portal.settings.tasks_enforce_unique


def _options(given: list[Json]) -> list[PropertyOption]:
    made: list[PropertyOption] = []
    for position, one in enumerate(given):
        value = str(one.get("value", ""))
        if not value or any(option.value == value for option in made):
            raise refusal(400, f"Property option values must be present and distinct: {value!r}")
        made.append(
            PropertyOption(
                label=str(one.get("label") or value),
                value=value,
                display_order=int(one.get("displayOrder", position)),
                hidden=bool(one.get("hidden")),
                description=str(one.get("description") or ""),
            )
        )
    return made


def update_property(call: Call) -> Reply:
    """PATCH /crm/v3/properties/{type}/{name}: label, group, description, options, hidden."""
    portal, kind = call.portal, object_type(call.args[0])
    given = body_object(call.body)
    found = _found(portal, kind, call.args[1])
    if "options" in given:
        if found.hubspot_defined and found.name not in (STAGE, "hs_lead_status", "industry"):
            raise refusal(400, f"The options of {found.name} cannot be changed")
        found.options = _options(given["options"])
        if found.name == STAGE:
            add_stage_dates(portal, kind, found)
    if "hasUniqueValue" in given and bool(given["hasUniqueValue"]) != found.unique:
        raise refusal(400, "hasUniqueValue can only be set when the property is created")
    attributes: dict[str, Any] = {
        "label": "label",
        "groupName": "group",
        "description": "description",
        "hidden": "hidden",
        "displayOrder": "display_order",
        "formField": "form_field",
    }
    for key, attribute in attributes.items():
        if key in given:
            setattr(found, attribute, given[key])
    found.updated = portal.now()
    return Reply(body=found.as_json())


def add_stage_dates(portal: Portal, kind: ObjectType, lifecycle: PropertyDefinition) -> None:
    """A custom stage brings its own calculated date properties."""
    for option in lifecycle.options:
        for made in stage_dates(option.value, lifecycle.group):
            portal.definitions[kind.name].setdefault(made.name, made)


def archive_property(call: Call) -> Reply:
    """DELETE /crm/v3/properties/{type}/{name}"""
    portal, kind = call.portal, object_type(call.args[0])
    found = portal.definitions[kind.name].get(call.args[1])
    if found is not None:
        if found.hubspot_defined:
            raise refusal(400, f"Property {found.name} is defined by HubSpot and cannot be archived")
        found.archived = True
        portal.unique.pop((kind.name, found.name), None)
    return Reply(status=204)


def batch_create(call: Call) -> Reply:
    """POST /crm/v3/properties/{type}/batch/create: 207 when some exist already."""
    kind = object_type(call.args[0])
    inputs = batch_inputs(call.body)
    call.records = len(inputs)
    results: list[Json] = []
    errors: list[Json] = []
    for one in inputs:
        try:
            results.append(_create(call.portal, kind, one).as_json())
        except ApiRefusalError as error:
            errors.append({**error.reply.body, "context": {"name": [str(one.get("name"))]}})
    return _batch(results, errors, 201)


def batch_read(call: Call) -> Reply:
    """POST /crm/v3/properties/{type}/batch/read {inputs: [{name}]}"""
    portal, kind = call.portal, object_type(call.args[0])
    inputs = batch_inputs(call.body)
    call.records = len(inputs)
    results: list[Json] = []
    errors: list[Json] = []
    for one in inputs:
        try:
            results.append(_found(portal, kind, str(one.get("name"))).as_json())
        except ApiRefusalError as error:
            errors.append(error.reply.body)
    return _batch(results, errors, 200)


def _batch(results: list[Json], errors: list[Json], status: int) -> Reply:
    body: Json = {"status": "COMPLETE", "results": results}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Reply(status=207 if errors else status, body=body)


def list_groups(call: Call) -> Reply:
    """GET /crm/v3/properties/{type}/groups"""
    groups = call.portal.groups[object_type(call.args[0]).name]
    return Reply(body={"results": [_group(name, label) for name, label in groups.items()]})


def create_group(call: Call) -> Reply:
    """POST /crm/v3/properties/{type}/groups {name, label}"""
    groups = call.portal.groups[object_type(call.args[0]).name]
    given = body_object(call.body)
    name = str(given.get("name") or "")
    if not _NAME.fullmatch(name) or not given.get("label"):
        raise refusal(400, "A property group needs a name (lower-case letters, digits, underscores) and a label")
    if name in groups:
        raise refusal(409, f'A property group named "{name}" already exists.', "OBJECT_ALREADY_EXISTS")
    groups[name] = str(given["label"])
    return Reply(status=201, body=_group(name, groups[name]))


def get_group(call: Call) -> Reply:
    """GET /crm/v3/properties/{type}/groups/{name}"""
    groups = call.portal.groups[object_type(call.args[0]).name]
    if call.args[1] not in groups:
        raise refusal(404, f"Property group {call.args[1]} does not exist", "OBJECT_NOT_FOUND")
    return Reply(body=_group(call.args[1], groups[call.args[1]]))


def _group(name: str, label: str) -> Json:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}

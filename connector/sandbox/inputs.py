"""Checks of what a call sends: properties against their definitions, uniqueness, batches."""

from __future__ import annotations

from typing import Any

from connector.sandbox.object_types import ObjectType
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.values import ValueRefusedError, check_value, normalise, problem
from connector.sandbox.wire import ApiRefusalError, Json, PropertyProblem, invalid_properties, refusal

BATCH_MAX = 100


def body_object(body: Any) -> Json:
    """The JSON object of a request; 400 when it is something else."""
    if not isinstance(body, dict):
        raise refusal(400, "Invalid input JSON on line 1, column 1: Cannot deserialize value")
    return body


def batch_inputs(body: Any, limit: int = BATCH_MAX) -> list[Json]:
    """`inputs` of a batch call; 400 when missing, empty rows, or above the limit."""
    inputs = body_object(body).get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise refusal(400, "Invalid input JSON on line 1, column 1: Some required fields were not set: [inputs]")
    if len(inputs) > limit:
        raise refusal(
            400,
            f"The maximum number of inputs supported in a batch request for property histories and associations "
            f"is {limit}. Actual: {len(inputs)}"
            if limit < BATCH_MAX
            else f"The maximum number of inputs supported in a batch request is {limit}. Actual: {len(inputs)}",
        )
    return inputs


def distinct_ids(ids: list[str]) -> None:
    """HubSpot refuses a batch that names a record twice."""
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise refusal(400, f"Duplicate IDs found in batch input: [{one}]. IDs must be unique")
        seen.add(one)


def checked_properties(portal: Portal, kind: ObjectType, given: Any) -> dict[str, str]:
    """The values to keep; 400 naming every property of this record that is wrong."""
    if not isinstance(given, dict):
        raise refusal(400, "Invalid input JSON on line 1, column 1: Some required fields were not set: [properties]")
    definitions = portal.definitions[kind.name]
    tidy = portal.settings.normalisers.get(kind.name, {})
    values: dict[str, str] = {}
    problems: list[PropertyProblem] = []
    for name, raw in given.items():
        definition = definitions.get(name)
        if definition is None or definition.archived:
            text = f'Property "{name}" does not exist'
            problems.append(PropertyProblem(name=name, code="PROPERTY_DOESNT_EXIST", message=text))
            continue
        if definition.read_only:
            text = f'"{name}" is a read only property; its value cannot be set.'
            problems.append(PropertyProblem(name=name, code="READ_ONLY_VALUE", message=text))
            continue
        try:
            values[name] = check_value(definition, raw, portal.owners, _allowed_here(portal, kind, name))
        except ValueRefusedError as error:
            problems.append(problem(name, error))
            continue
        if name in tidy and values[name]:
            values[name] = normalise(values[name], tidy[name])
    if problems:
        raise invalid_properties(problems, portal.settings.portal_id)
    return values


def _allowed_here(portal: Portal, kind: ObjectType, name: str) -> set[str] | None:
    """Pipeline and stage values live in the pipelines, not in the property's options."""
    if kind.name != "deals":
        return None
    if name == "pipeline":
        return {one.id for one in portal.pipelines["deals"].values() if not one.archived}
    if name == "dealstage":
        return {
            stage.id
            for one in portal.pipelines["deals"].values()
            if not one.archived
            for stage in one.stages
            if not stage.archived
        }
    return None


def check_stage(portal: Portal, kind: ObjectType, values: dict[str, str], record: Record | None = None) -> None:
    """400 when a deal's stage is none of its pipeline's; a deal without a pipeline goes into the default one."""
    stage = values.get("dealstage")
    if kind.name != "deals" or not stage:
        return
    standing = record.props.get("pipeline") if record is not None else None
    pipeline = portal.pipelines["deals"].get(values.get("pipeline") or standing or "default")
    if pipeline is None or not any(one.id == stage and not one.archived for one in pipeline.stages):
        listed = "" if pipeline is None else ", ".join(one.id for one in pipeline.stages)
        text = f"{stage} was not one of the allowed options: [{listed}]"
        problems = [PropertyProblem(name="dealstage", code="INVALID_OPTION", message=text)]
        raise invalid_properties(problems, portal.settings.portal_id)


def check_required(kind: ObjectType, values: dict[str, str]) -> None:
    """400 when a create lacks what HubSpot requires (`hs_timestamp` of activities)."""
    missing = [name for name in kind.required if not values.get(name)]
    if missing:
        raise refusal(
            400,
            f"Error creating {kind.singular.upper()}. Some required properties were not set.",
            context={"properties": missing},
        )


def check_unique(portal: Portal, kind: ObjectType, values: dict[str, str], record: Record | None = None) -> None:
    """409 naming the record that holds a unique value already, in prose only."""
    for name, value in values.items():
        index = portal.unique.get((kind.name, name))
        holder = index.get(value) if index is not None and value else None
        if holder is None or (record is not None and holder == record.id):
            continue
        if name != "email" and portal.settings.unique_conflict_as_400:
            text = f"{holder} already has that value."
            raise invalid_properties(
                [PropertyProblem(name=name, code="CONFLICTING_UNIQUE_VALUE", message=text)],
                portal.settings.portal_id,
            )
        raise conflict(kind, str(holder))


def conflict(kind: ObjectType, existing: str) -> ApiRefusalError:
    """409 CONFLICT."""
    return refusal(409, f"{kind.singular.capitalize()} already exists. Existing ID: {existing}", "CONFLICT")


def check_unique_within(portal: Portal, kind: ObjectType, rows: list[dict[str, str]]) -> None:
    """Two rows of one batch with the same unique value: 409 as well, and no id to name."""
    for (type_name, name), _ in portal.unique.items():
        if type_name != kind.name:
            continue
        values = [row[name] for row in rows if row.get(name)]
        if len(values) != len(set(values)):
            raise refusal(409, f"Duplicate values of {name} found in batch input. Values must be unique", "CONFLICT")

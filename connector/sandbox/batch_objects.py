"""Batch endpoints: read, create, update, upsert, archive. Up to 100 records; replies in another order."""

from __future__ import annotations

from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.crm_objects import (
    after_create,
    checked_links,
    made,
    shown_names,
    write_values,
    written,
)
from connector.sandbox.inputs import (
    batch_inputs,
    body_object,
    check_required,
    check_stage,
    check_unique,
    check_unique_within,
    checked_properties,
    distinct_ids,
)
from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.wire import ApiRefusalError, Call, Json, Reply, refusal

HISTORY_BATCH_MAX = 50


def batch_reply(call: Call, results: list[Json], errors: list[Json], status: int = 200) -> Reply:
    """The envelope; 207 when rows failed. `COMPLETE` says nothing about success."""
    if call.portal.settings.shuffle_batches and len(results) > 1:
        call.portal.rng.shuffle(results)
    now = iso(call.portal.now())
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body["numErrors"] = len(errors)
        body["errors"] = errors
    return Reply(status=207 if errors else status, body=body)


def missing_error(kind: ObjectType, ids: list[str]) -> Json:
    """The one error entry for all ids that were not found."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": ids},
    }


def batch_read(call: Call) -> Reply:
    """POST …/batch/read {inputs, properties, propertiesWithHistory, idProperty}"""
    portal, kind = call.portal, object_type(call.args[0])
    body = body_object(call.body)
    histories = [str(one) for one in body.get("propertiesWithHistory") or []]
    inputs = batch_inputs(body, HISTORY_BATCH_MAX if histories else 100)
    call.records = len(inputs)
    id_property = str(body.get("idProperty") or "")
    archived = call.flag("archived")
    names = shown_names(portal, kind, [*(body.get("properties") or []), *histories])
    results: list[Json] = []
    missing: list[str] = []
    seen: set[int] = set()
    for one in inputs:
        wanted = _id(one)
        record = portal.find_by(kind, id_property, wanted)
        if record is None or record.archived != archived:
            missing.append(wanted)
        elif record.id not in seen:
            seen.add(record.id)
            results.append(record.as_json(names, histories))
    return batch_reply(call, results, [missing_error(kind, missing)] if missing else [])


def _id(one: Json) -> str:
    found = one.get("id")
    if found is None:
        raise refusal(400, "Invalid input JSON on line 1, column 1: Some required fields were not set: [id]")
    return str(found)


def batch_create(call: Call) -> Reply:
    """POST …/batch/create: one bad row refuses all, unless every row carries its own objectWriteTraceId."""
    portal, kind = call.portal, object_type(call.args[0])
    inputs = batch_inputs(call.body)
    call.records = len(inputs)
    traces = [one.get("objectWriteTraceId") for one in inputs]
    traced = all(traces) and len(set(traces)) == len(traces)
    if not traced:
        return batch_reply(call, _create_rows(call, portal, kind, inputs), [], 201)
    results: list[Json] = []
    errors: list[Json] = []
    for one in inputs:
        try:
            row = _create_rows(call, portal, kind, [one])[0]
        except ApiRefusalError as error:
            errors.append(_traced(error, str(one["objectWriteTraceId"])))
        else:
            row["objectWriteTraceId"] = one["objectWriteTraceId"]
            results.append(row)
    return batch_reply(call, results, errors, 201)


def _create_rows(call: Call, portal: Portal, kind: ObjectType, inputs: list[Json]) -> list[Json]:
    rows = [checked_properties(portal, kind, one.get("properties", {})) for one in inputs]
    for values in rows:
        check_required(kind, values)
    for values in rows:
        check_unique(portal, kind, values)
        check_stage(portal, kind, values)
    check_unique_within(portal, kind, rows)
    wanted = [checked_links(portal, kind, one) for one in inputs]
    results = []
    for values, targets in zip(rows, wanted, strict=True):
        record = portal.create(kind, values, call.actor)
        after_create(portal, record, targets, call.actor)
        results.append(made(record))
    return results


def _traced(error: ApiRefusalError, trace: str) -> Json:
    body: dict[str, Any] = error.reply.body if isinstance(error.reply.body, dict) else {}
    context = dict(body.get("context") or {})
    context["objectWriteTraceId"] = [trace]
    return {
        "status": "error",
        "category": body.get("category", "VALIDATION_ERROR"),
        "message": body.get("message", ""),
        "context": context,
        "errors": body.get("errors", []),
    }


def batch_update(call: Call) -> Reply:
    """POST …/batch/update: values are checked first and one bad row refuses all; missing records are 207."""
    portal, kind = call.portal, object_type(call.args[0])
    inputs = batch_inputs(call.body)
    call.records = len(inputs)
    ids = [_id(one) for one in inputs]
    distinct_ids(ids)
    found: list[tuple[Record, dict[str, str]]] = []
    missing: list[str] = []
    seen: set[int] = set()
    for one, wanted in zip(inputs, ids, strict=True):
        values = checked_properties(portal, kind, one.get("properties", {}))
        record = _find_for_write(portal, kind, str(one.get("idProperty") or ""), wanted)
        if record is None or record.archived:
            missing.append(wanted)
            continue
        if record.id in seen:
            raise refusal(400, f"Duplicate IDs found in batch input: [{record.id}]. IDs must be unique")
        seen.add(record.id)
        check_unique(portal, kind, values, record)
        check_stage(portal, kind, values, record)
        found.append((record, values))
    check_unique_within(portal, kind, [values for _, values in found])
    results = []
    for record, values in found:
        write_values(portal, record, values, call.actor)
        results.append(written(record, values))
    return batch_reply(call, results, [missing_error(kind, missing)] if missing else [])


def _find_for_write(portal: Portal, kind: ObjectType, id_property: str, value: str) -> Record | None:
    """Writes take ids and custom unique properties; `email` and `hs_object_id` are "non-unique" to them."""
    if id_property in ("email", "hs_object_id"):
        raise refusal(
            400,
            f"Unable to perform update/upsert by non-unique {kind.type_id} property {id_property} "
            f"in portal ID {portal.settings.portal_id}",
        )
    return portal.find_by(kind, id_property, value)


def batch_upsert(call: Call) -> Reply:
    """POST …/batch/upsert: by a unique property (contacts also by email); takes no associations."""
    portal, kind = call.portal, object_type(call.args[0])
    inputs = batch_inputs(call.body)
    call.records = len(inputs)
    rows: list[tuple[Record | None, dict[str, str]]] = []
    distinct_ids([f"{one.get('idProperty')}:{_id(one)}" for one in inputs])
    for one in inputs:
        id_property = str(one.get("idProperty") or "")
        if not id_property:
            raise refusal(400, "Some required fields were not set: [idProperty]")
        values = checked_properties(portal, kind, {**(one.get("properties") or {}), id_property: one["id"]})
        record = portal.find_by(kind, id_property, values[id_property])
        if record is None or record.archived:
            check_required(kind, values)
            record = None
        check_unique(portal, kind, values, record)
        check_stage(portal, kind, values, record)
        rows.append((record, values))
    check_unique_within(portal, kind, [values for _, values in rows])
    results: list[Json] = []
    for record, values in rows:
        if record is None:
            fresh = portal.create(kind, values, call.actor)
            after_create(portal, fresh, [], call.actor)
            results.append({**made(fresh), "new": True})
        else:
            write_values(portal, record, values, call.actor)
            results.append({**written(record, values), "new": False})
    return batch_reply(call, results, [])


def batch_archive(call: Call) -> Reply:
    """POST …/batch/archive: 204, whatever was there."""
    portal, kind = call.portal, object_type(call.args[0])
    inputs = batch_inputs(call.body)
    call.records = len(inputs)
    for one in inputs:
        record = portal.find_by(kind, "", _id(one))
        if record is not None and not record.archived:
            portal.archive(record, call.actor)
    return Reply(status=204)

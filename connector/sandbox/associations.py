"""Association endpoints: v4 batch read/create/archive and labels, one record's associations, single links."""

from __future__ import annotations

from typing import Any

from connector.sandbox import links
from connector.sandbox.batch_objects import batch_reply
from connector.sandbox.inputs import batch_inputs, body_object
from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.wire import Call, Json, Reply, not_found_json, refusal

READ_MAX = 1000
WRITE_MAX = 2000
PAGE_MAX = 500


def _types_json(portal: Portal, pair: tuple[str, str], types: set[int]) -> list[Json]:
    rows: list[Json] = []
    for type_id in sorted(types):
        label: str | None = None
        category = "HUBSPOT_DEFINED"
        if type_id in portal.labels:
            label, category = portal.labels[type_id][3], "USER_DEFINED"
        elif links.PRIMARY.get(pair) == type_id:
            label = "Primary"
        rows.append({"category": category, "typeId": type_id, "label": label})
    return rows


def _targets(portal: Portal, record: Record, to: ObjectType) -> list[tuple[int, set[int]]]:
    found: list[tuple[int, set[int]]] = []
    for other_id, types in sorted(record.links.get(to.name, {}).items()):
        other = portal.find(to, other_id)
        if other is not None and not other.archived:
            found.append((other_id, types))
    return found


def _alive(portal: Portal, kind: ObjectType, record_id: str) -> Record | None:
    record = portal.find_by(kind, "", record_id)
    return None if record is None or record.archived else record


def batch_read(call: Call) -> Reply:
    """POST /crm/v4/associations/{from}/{to}/batch/read: rows without associations are errors of a 207."""
    portal = call.portal
    frm, to = object_type(call.args[0]), object_type(call.args[1])
    inputs = batch_inputs(call.body, READ_MAX)
    call.records = len(inputs)
    results: list[Json] = []
    errors: list[Json] = []
    for one in inputs:
        wanted = str(one.get("id", ""))
        record = _alive(portal, frm, wanted)
        targets = [] if record is None else _targets(portal, record, to)
        if record is None or not targets:
            errors.append(_none_found(frm, to, wanted))
            continue
        results.append(_from_row(portal, record, to, targets, int(one.get("after") or 0)))
    return batch_reply(call, results, errors)


def _from_row(portal: Portal, record: Record, to: ObjectType, targets: list[tuple[int, set[int]]], after: int) -> Json:
    rest = [target for target in targets if target[0] >= after]
    page = rest[:PAGE_MAX]
    pair = (record.kind.name, to.name)
    row: Json = {
        "from": {"id": str(record.id)},
        "to": [
            {"toObjectId": other_id, "associationTypes": _types_json(portal, pair, types)} for other_id, types in page
        ],
    }
    if len(rest) > PAGE_MAX:
        row["paging"] = {"next": {"after": str(rest[PAGE_MAX][0])}}
    return row


def _none_found(frm: ObjectType, to: ObjectType, wanted: str) -> Json:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {to.singular} is associated with {frm.singular} {wanted}.",
        "context": {
            "fromObjectId": [wanted],
            "fromObjectType": [frm.singular],
            "toObjectType": [to.singular],
        },
    }


def _pair(portal: Portal, frm: ObjectType, to: ObjectType, one: Json) -> tuple[Record | None, Record | None]:
    return (
        _alive(portal, frm, str((one.get("from") or {}).get("id", ""))),
        _alive(portal, to, str((one.get("to") or {}).get("id", ""))),
    )


def _missing(frm: ObjectType, to: ObjectType, one: Json) -> Json:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.INVALID_OBJECT_ID",
        "message": "One or more associated objects do not exist",
        "context": {
            "fromObjectId": [str((one.get("from") or {}).get("id", ""))],
            "toObjectId": [str((one.get("to") or {}).get("id", ""))],
            "fromObjectType": [frm.singular],
            "toObjectType": [to.singular],
        },
    }


def batch_create(call: Call) -> Reply:
    """POST /crm/v4/associations/{from}/{to}/batch/create and …/batch/associate/default"""
    portal = call.portal
    frm, to = object_type(call.args[0]), object_type(call.args[1])
    inputs = batch_inputs(call.body, WRITE_MAX)
    call.records = len(inputs)
    default = {links.default_type(frm, to)}
    results: list[Json] = []
    errors: list[Json] = []
    for one in inputs:
        origin, target = _pair(portal, frm, to, one)
        if origin is None or target is None:
            errors.append(_missing(frm, to, one))
            continue
        types = one.get("types")
        wanted = default if types is None else _wanted(portal, frm, target, types)
        links.link(portal, origin, target, wanted, call.actor)
        results.append(_linked_json(origin, target))
    return batch_reply(call, results, errors, 201)


def _wanted(portal: Portal, frm: ObjectType, target: Record, types: list[Json]) -> set[int]:
    links.check_types(portal, frm, target.id, types)
    return {int(one["associationTypeId"]) for one in types}


def _linked_json(origin: Record, target: Record) -> Json:
    return {
        "fromObjectTypeId": origin.kind.type_id,
        "fromObjectId": origin.id,
        "toObjectTypeId": target.kind.type_id,
        "toObjectId": target.id,
        "labels": [],
    }


def batch_archive(call: Call) -> Reply:
    """POST /crm/v4/associations/{from}/{to}/batch/archive {inputs: [{from: {id}, to: [{id}]}]}"""
    portal = call.portal
    frm, to = object_type(call.args[0]), object_type(call.args[1])
    inputs = batch_inputs(call.body, WRITE_MAX)
    call.records = len(inputs)
    for one in inputs:
        given: Any = one.get("to") or []
        for target_row in given if isinstance(given, list) else [given]:
            origin, target = _pair(portal, frm, to, {"from": one.get("from"), "to": target_row})
            if origin is not None and target is not None:
                links.unlink(portal, origin, target, call.actor)
    return Reply(status=204)


def list_of_record(call: Call) -> Reply:
    """GET /crm/v4/objects/{from}/{id}/associations/{to}"""
    portal = call.portal
    frm, to = object_type(call.args[0]), object_type(call.args[2])
    record = _alive(portal, frm, call.args[1])
    if record is None:
        raise not_found_json()
    limit = int(call.one("limit", str(PAGE_MAX)))
    if not 1 <= limit <= PAGE_MAX:
        raise refusal(400, f"Invalid limit {limit}: must be between 1 and {PAGE_MAX}")
    after = int(call.one("after", "0"))
    rest = [target for target in _targets(portal, record, to) if target[0] >= after]
    pair = (frm.name, to.name)
    call.records = min(limit, len(rest))
    body: Json = {
        "results": [
            {"toObjectId": other_id, "associationTypes": _types_json(portal, pair, types)}
            for other_id, types in rest[:limit]
        ]
    }
    if len(rest) > limit:
        following = str(rest[limit][0])
        link = f"{call.base_url}{call.raw_path}?limit={limit}&after={following}"
        body["paging"] = {"next": {"after": following, "link": link}}
    return Reply(body=body)


def put_link(call: Call) -> Reply:
    """PUT /crm/v4/objects/{from}/{id}/associations/{to}/{toId}; the default/ form takes no body."""
    portal = call.portal
    frm, to = object_type(call.args[0]), object_type(call.args[2])
    origin, target = _alive(portal, frm, call.args[1]), _alive(portal, to, call.args[3])
    if origin is None or target is None:
        raise not_found_json()
    types = call.body if isinstance(call.body, list) else None
    wanted = {links.default_type(frm, to)} if types is None else _wanted(portal, frm, target, types)
    links.link(portal, origin, target, wanted, call.actor)
    call.records = 1
    return Reply(status=201, body=_linked_json(origin, target))


def delete_link(call: Call) -> Reply:
    """DELETE /crm/v4/objects/{from}/{id}/associations/{to}/{toId}"""
    portal = call.portal
    origin = _alive(portal, object_type(call.args[0]), call.args[1])
    target = _alive(portal, object_type(call.args[2]), call.args[3])
    if origin is not None and target is not None:
        links.unlink(portal, origin, target, call.actor)
    call.records = 1
    return Reply(status=204)


def list_labels(call: Call) -> Reply:
    """GET /crm/v4/associations/{from}/{to}/labels"""
    portal = call.portal
    pair = (object_type(call.args[0]).name, object_type(call.args[1]).name)
    types = {table[pair] for table in (links.DEFAULT, links.PRIMARY) if pair in table}
    types |= {number for number, (frm, to, _, _) in portal.labels.items() if (frm, to) == pair}
    return Reply(body={"results": _types_json(portal, pair, types)})


def create_label(call: Call) -> Reply:
    """POST /crm/v4/associations/{from}/{to}/labels {label, name, inverseLabel}: both directions."""
    portal = call.portal
    frm, to = object_type(call.args[0]), object_type(call.args[1])
    given = body_object(call.body)
    links.default_type(frm, to)
    there = max(portal.labels, default=36) + 1
    back = there + 1
    label = str(given.get("label", ""))
    portal.labels[there] = (frm.name, to.name, back, label)
    portal.labels[back] = (to.name, frm.name, there, str(given.get("inverseLabel") or label))
    rows = [{"category": "USER_DEFINED", "typeId": one, "label": portal.labels[one][3]} for one in (there, back)]
    return Reply(status=200, body={"results": rows})

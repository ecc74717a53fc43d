"""sObject Collections: up to 200 rows a call, one result a row in the rows' order, HTTP 200 whatever became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from connector.sandbox.salesforce import rows, writing
from connector.sandbox.salesforce.org import Org, Row
from connector.sandbox.salesforce.query import attributes, field_of
from connector.sandbox.salesforce.transaction import all_or_none
from connector.sandbox.salesforce.wire import Call, Headers, Json, Problem, Reply, refusal
from connector.sandbox.salesforce.writing import RowRefusedError

MOST = 200
MOST_RETRIEVED = 2000
MOST_CHUNKS = 10
_ROLLED_BACK = Problem(
    code="ALL_OR_NONE_OPERATION_ROLLED_BACK",
    message="Record rolled back because not all records were valid and the request was using AllOrNone header",
)

#: applies one input; gives the row and what stands in the result besides `id` and `success`
Apply = Callable[[Any], tuple[Row, Json]]


def create(call: Call) -> Reply:
    """POST /composite/sobjects"""
    given, whole = _records(call)
    headers = Headers.of(call.headers)

    def apply(record: Json) -> tuple[Row, Json]:
        info = _type_of(call.org, record)
        return writing.insert(call.org, info, record, call.actor, headers), {}

    return _answer(call, given, apply, whole=whole)


def update(call: Call) -> Reply:
    """PATCH /composite/sobjects"""
    given, whole = _records(call)
    headers = Headers.of(call.headers)
    ids = [str(_id(record))[:15] for record in given]
    if len(set(ids)) < len(ids):
        raise refusal(400, "DUPLICATE_VALUE", "duplicate id specified: " + next(i for i in ids if ids.count(i) > 1))

    def apply(record: Json) -> tuple[Row, Json]:
        info = _type_of(call.org, record)
        _known(call.org, info.name, record)
        row = writing.lookup(call.org, _id(record), info)
        return writing.update(call.org, row, record, call.actor, headers), {}

    return _answer(call, given, apply, whole=whole)


def delete(call: Call) -> Reply:
    """DELETE /composite/sobjects?ids=a,b&allOrNone="""
    given = [one for one in call.one("ids").split(",") if one]
    _limit(given, MOST)

    def apply(record_id: str) -> tuple[Row, Json]:
        row = writing.lookup(call.org, record_id)
        writing.remove(call.org, row, call.actor)
        return row, {}

    return _answer(call, given, apply, whole=call.one("allOrNone").lower() == "true")


def upsert(call: Call) -> Reply:
    """PATCH /composite/sobjects/{object}/{field}: one type, by external id."""
    given, whole = _records(call)
    info = rows.the_object(call.org, call.args[0])
    headers = Headers.of(call.headers)

    def apply(record: Json) -> tuple[Row, Json]:
        value = next((str(value) for name, value in record.items() if name.lower() == call.args[1].lower()), "")
        found = rows.by_external(call.org, info, call.args[1], value) if value else []
        if len(found) > 1:
            message = f"more than one record found for external id field: {[one.id for one in found]}"
            problem = Problem(code="DUPLICATE_EXTERNAL_ID", message=message)
            raise RowRefusedError(problem)
        if found:
            return writing.update(call.org, found[0], record, call.actor, headers), {"created": False}
        return writing.insert(call.org, info, record, call.actor, headers), {"created": True}

    return _answer(call, given, apply, whole=whole)


def retrieve(call: Call) -> Reply:
    """POST /composite/sobjects/{object} {ids, fields}: null for what does not exist."""
    info = rows.the_object(call.org, call.args[0])
    body = rows.body_object(call.body) if call.method == "POST" else {}
    ids = body.get("ids") or call.one("ids").split(",")
    names = [field_of(call.org, info, one).name for one in body.get("fields") or call.one("fields").split(",")]
    _limit(ids, MOST_RETRIEVED)
    call.records = len(ids)
    found: list[Json | None] = []
    for one in ids:
        try:
            row = writing.lookup(call.org, one, info)
        except RowRefusedError:
            found.append(None)
            continue
        shown = {"attributes": attributes(row, call.version)} | {name: row.get(name) for name in names}
        found.append(None if row.deleted else shown)
    return Reply(body=found)


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────


def _records(call: Call) -> tuple[list[Json], bool]:
    body = rows.body_object(call.body)
    given = body.get("records")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise refusal(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [records]")
    _limit(given, MOST)
    types = [str((one.get("attributes") or {}).get("type")) for one in given]
    if sum(1 for one, other in pairwise(types) if one != other) >= MOST_CHUNKS:
        raise refusal(400, "TOO_MANY_CHUNKS", f"Cannot have more than {MOST_CHUNKS} chunks in a single operation")
    return given, body.get("allOrNone") is True


def _limit(given: Sequence[Any], most: int) -> None:
    if len(given) > most:
        raise refusal(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records")


def _id(record: Json) -> Any:
    return next((value for name, value in record.items() if name.lower() == "id"), "")


def _type_of(org: Org, record: Json) -> Any:
    name = str((record.get("attributes") or {}).get("type") or "")
    info = org.object(name)
    if info is None:
        raise refusal(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return info


def _known(org: Org, name: str, record: Json) -> None:
    """An unknown field refuses the request before any row is touched: the whole body is read first."""
    for given in record:
        if given.lower() not in ("attributes", "id"):
            found = org.objects[name].find(given)
            if found is None or org.hidden(org.objects[name], found.name):
                raise refusal(400, "INVALID_FIELD", f"No such column '{given}' on sobject of type {name}")


def _answer(call: Call, given: Sequence[Any], apply: Apply, *, whole: bool) -> Reply:
    call.records = len(given)
    for record in given:
        if isinstance(record, dict) and "attributes" in record:
            _known(call.org, _type_of(call.org, record).name, record)
    if not whole:
        return Reply(body=_applied(call, given, apply))
    with all_or_none(call.org) as undo:
        results = _applied(call, given, apply)
        if not all(one["success"] for one in results):
            undo()
            rolled = {"success": False, "errors": [_ROLLED_BACK.in_row()]}
            results = [dict(rolled) if one["success"] else one for one in results]
    return Reply(body=results)


def _applied(call: Call, given: Sequence[Any], apply: Apply) -> list[Json]:
    """One result a row; the last `fail_rows` fail."""
    cut = max(len(given) - call.fail_rows, 0)
    results: list[Json] = []
    for number, record in enumerate(given):
        try:
            if number >= cut:
                raise RowRefusedError(Problem(code=call.fail_code, message=_FAULTS.get(call.fail_code, "a fault")))
            row, extra = apply(record)
            results.append({"id": row.id, "success": True, "errors": [], **extra})
        except RowRefusedError as error:
            results.append({"success": False, "errors": [one.in_row() for one in error.problems]})
    return results


_FAULTS = {"UNABLE_TO_LOCK_ROW": "unable to obtain exclusive access to this record"}

"""Single rows: create, read, update, delete, and by external id."""

from __future__ import annotations

from typing import Any

from connector.sandbox.salesforce import writing
from connector.sandbox.salesforce.ids import eighteen
from connector.sandbox.salesforce.org import Org, Row
from connector.sandbox.salesforce.query import attributes, field_of
from connector.sandbox.salesforce.schema import ObjectInfo
from connector.sandbox.salesforce.values import printed
from connector.sandbox.salesforce.wire import Call, Headers, Json, RefusalError, Reply, not_found, refusal
from connector.sandbox.salesforce.writing import RowRefusedError

_STATUS = {"ENTITY_IS_DELETED": 404, "MALFORMED_ID": 404, "INVALID_CROSS_REFERENCE_KEY": 400}


def the_object(org: Org, name: str) -> ObjectInfo:
    """The object of a path; 404 for none."""
    found = org.object(name)
    if found is None:
        raise not_found()
    return found


def the_row(call: Call, info: ObjectInfo, record_id: str) -> Row:
    """The live row of a path; 404 for none (a deleted one too, as recorded)."""
    try:
        found = call.org.find(eighteen(record_id))
    except ValueError:
        found = None
    if found is None or found.info is not info or (found.deleted and call.method == "GET"):
        raise not_found()
    return found


def body_object(body: Any) -> Json:
    """The JSON object of a request."""
    if not isinstance(body, dict):
        raise refusal(400, "JSON_PARSER_ERROR", "Unexpected character or end of input: an object is needed")
    return body


def refused(error: RowRefusedError) -> RefusalError:
    """A row's problems as the answer of a single call."""
    return RefusalError(_STATUS.get(error.problems[0].code, 400), error.problems)


def create(call: Call) -> Reply:
    """POST /sobjects/{object}"""
    info = the_object(call.org, call.args[0])
    call.records = 1
    try:
        row = writing.insert(call.org, info, body_object(call.body), call.actor, Headers.of(call.headers))
    except RowRefusedError as error:
        raise refused(error) from error
    location = f"/services/data/v{call.version}/sobjects/{info.name}/{row.id}"
    return Reply(status=201, body={"id": row.id, "success": True, "errors": []}, headers={"Location": location})


def read(call: Call) -> Reply:
    """GET /sobjects/{object}/{id}?fields="""
    info = the_object(call.org, call.args[0])
    row = the_row(call, info, call.args[1])
    call.records = 1
    return Reply(body=whole(call, row, call.one("fields")))


def whole(call: Call, row: Row, fields: str = "") -> Json:
    """A row with every field that the user sees, or those that are asked for."""
    info = row.info
    names = [field_of(call.org, info, one.strip()).name for one in fields.split(",") if one.strip()]
    names = names or [name for name in info.fields if not call.org.hidden(info, name)]
    return {"attributes": attributes(row, call.version)} | {name: row.get(name) for name in names}


def update(call: Call) -> Reply:
    """PATCH /sobjects/{object}/{id}: 204, or 412 when `If-Unmodified-Since` lies before its last change."""
    info = the_object(call.org, call.args[0])
    row = the_row(call, info, call.args[1])
    call.records = 1
    since = call.header("if-unmodified-since")
    if since and str(row.get("LastModifiedDate")) > _http_date(since):
        raise refusal(412, "PRECONDITION_FAILED", "The record has been modified since the time that was given")
    try:
        writing.update(call.org, row, body_object(call.body), call.actor, Headers.of(call.headers))
    except RowRefusedError as error:
        raise refused(error) from error
    return Reply(status=204)


def _http_date(text: str) -> str:
    from email.utils import parsedate_to_datetime

    try:
        return printed(parsedate_to_datetime(text))
    except ValueError as error:
        raise refusal(400, "INVALID_HEADER", f"{text} is no HTTP date") from error


def delete(call: Call) -> Reply:
    """DELETE /sobjects/{object}/{id}"""
    row = the_row(call, the_object(call.org, call.args[0]), call.args[1])
    call.records = 1
    try:
        writing.remove(call.org, row, call.actor)
    except RowRefusedError as error:
        raise refused(error) from error
    return Reply(status=204)


# ── by external id ───────────────────────────────────────────────────────────────────────────────────────────


def by_external(org: Org, info: ObjectInfo, name: str, value: str) -> list[Row]:
    """Live rows whose external id is this; 404 for a field that is none."""
    found = info.find(name)
    if found is None or not (found.external_id or found.name == "Id"):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise refusal(404, "NOT_FOUND", message)
    return [row for row in org.rows(info.name) if str(row.get(found.name) or "").lower() == value.lower()]


def read_by_external(call: Call) -> Reply:
    """GET /sobjects/{object}/{field}/{value}"""
    row = _only(call, the_object(call.org, call.args[0]))
    if row is None:
        raise not_found()
    return Reply(body=whole(call, row, call.one("fields")))


def upsert(call: Call) -> Reply:
    """PATCH /sobjects/{object}/{field}/{value}?updateOnly=: 201 made, 200 changed, 300 several."""
    info = the_object(call.org, call.args[0])
    row = _only(call, info)
    call.records = 1
    headers = Headers.of(call.headers)
    try:
        if row is not None:
            writing.update(call.org, row, body_object(call.body), call.actor, headers)
            return Reply(body={"id": row.id, "success": True, "errors": [], "created": False})
        if call.one("updateOnly").lower() == "true":
            raise not_found()
        key = info.find(call.args[1])
        given = {**body_object(call.body), (key.name if key else call.args[1]): call.args[2]}
        made = writing.insert(call.org, info, given, call.actor, headers)
    except RowRefusedError as error:
        raise refused(error) from error
    return Reply(status=201, body={"id": made.id, "success": True, "errors": [], "created": True})


def _only(call: Call, info: ObjectInfo) -> Row | None:
    found = by_external(call.org, info, call.args[1], call.args[2])
    if len(found) > 1:
        links = [str(attributes(row, call.version)["url"]) for row in found]
        raise _SeveralError(links)
    return found[0] if found else None


class _SeveralError(RefusalError):
    """300: several rows have this external id."""

    def __init__(self, links: list[str]) -> None:
        super().__init__(300, not_found().problems)
        self.reply = Reply(status=300, body=links)

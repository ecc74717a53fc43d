"""Search: filters, sort, 200 a page, 10,000 at most, and an index that lags behind writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.sandbox.crm_objects import shown_names
from connector.sandbox.definitions import PropertyDefinition
from connector.sandbox.inputs import body_object
from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.values import to_ms
from connector.sandbox.wire import Call, Json, Reply, refusal

LIMIT_MAX = 200
WINDOW_MAX = 10_000
BODY_MAX = 3_000
GROUPS_MAX, FILTERS_PER_GROUP_MAX, FILTERS_MAX = 5, 6, 18

Props = dict[str, str]
Test = Callable[[Props, Record], bool]
#: comparable form of a value: numbers and datetimes compare as numbers, the rest as folded text
Comparable = float | str


def search(call: Call) -> Reply:
    """POST /crm/v3/objects/{type}/search"""
    portal, kind = call.portal, object_type(call.args[0])
    body = body_object(call.body)
    if len(call.raw_body) > BODY_MAX:
        raise refusal(400, f"The request body exceeds the maximum of {BODY_MAX} characters")
    limit, after = _paging(body)
    test = _compiled(portal, kind, body)
    now = portal.now()
    rows: list[tuple[Props, Record]] = []
    for record in portal.tables[kind.name].records.values():
        if record.archived and not record.unindexed:
            continue
        seen = record.searchable(now)
        if seen is None or (record.archived and not record.unindexed):
            continue
        if test(seen, record):
            rows.append((seen, record))
    _sort(portal, kind, body, rows)
    names = shown_names(portal, kind, [str(one) for one in body.get("properties") or []])
    # archived a moment ago: still counted, no longer shown, as the recordings have it
    page = [_row(seen, record, names) for seen, record in rows[after : after + limit] if not record.archived]
    call.records = len(page)
    reply: Json = {"total": len(rows), "results": page}
    if after + limit < len(rows):
        reply["paging"] = {"next": {"after": str(after + limit)}}
    return Reply(body=reply)


def _paging(body: Json) -> tuple[int, int]:
    limit = body.get("limit") or 10
    after_text = str(body.get("after") or "0")
    if not isinstance(limit, int) or not 1 <= limit <= LIMIT_MAX:
        raise refusal(400, f"Invalid limit {limit}: the maximum page size of search is {LIMIT_MAX}")
    if not after_text.isdigit():
        raise refusal(400, f"Invalid paging offset {after_text}")
    after = int(after_text)
    if after + limit > WINDOW_MAX:
        raise refusal(400, f"Requested offset {after} with limit {limit} is past the {WINDOW_MAX} results of a search")
    return limit, after


def _row(seen: Props, record: Record, names: list[str]) -> Json:
    row = record.as_json(names)
    if seen is not record.props:
        row["properties"] = {name: seen.get(name) for name in names}
        row["updatedAt"] = seen.get(record.kind.modified, row["updatedAt"])
    return row


# ------------------------------------------------------------------ filters


def _compiled(portal: Portal, kind: ObjectType, body: Json) -> Test:
    groups: list[Json] = list(body.get("filterGroups") or [])
    if body.get("filters"):
        groups.append({"filters": body["filters"]})
    counts = [len(group.get("filters") or []) for group in groups]
    if len(groups) > GROUPS_MAX or any(n > FILTERS_PER_GROUP_MAX for n in counts) or sum(counts) > FILTERS_MAX:
        raise refusal(
            400,
            f"Too many filters: at most {GROUPS_MAX} groups of {FILTERS_PER_GROUP_MAX}, {FILTERS_MAX} in all",
        )
    tests = [[_test(portal, kind, one) for one in group.get("filters") or []] for group in groups]
    text = str(body.get("query") or "").lower()
    searched = tuple(dict.fromkeys((*kind.shown, "phone", "company", "hs_task_subject")))

    def passes(props: Props, record: Record) -> bool:
        if text and not any(text in props.get(name, "").lower() for name in searched):
            return False
        return not tests or any(all(one(props, record) for one in group) for group in tests)

    return passes


def _test(portal: Portal, kind: ObjectType, given: Json) -> Test:
    name = str(given.get("propertyName", ""))
    operator = str(given.get("operator", ""))
    if name.startswith("associations."):
        return _association_test(object_type(name.partition(".")[2]), operator, given)
    definition = portal.definitions[kind.name].get(name)
    if definition is None:
        raise refusal(
            400,
            "There was a problem with the request.",
            errors=[
                {"message": f"Property '{name}' does not exist", "code": "PROPERTY_DOESNT_EXIST"},
            ],
        )
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        wanted = operator == "HAS_PROPERTY"
        return lambda props, _: (props.get(name) is not None) is wanted
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        token = str(given.get("value", "")).strip("*").lower()
        wanted = operator == "CONTAINS_TOKEN"
        return lambda props, _: (token in props.get(name, "").lower()) is wanted
    return _comparison(name, definition, operator, given)


def _comparison(name: str, definition: PropertyDefinition, operator: str, given: Json) -> Test:
    form = _comparable(definition)
    if operator in ("IN", "NOT_IN"):
        values = {form(str(one)) for one in given.get("values") or []}
        if not values:
            raise refusal(400, f"operator {operator} requires values")
        if operator == "IN":
            return lambda props, _: name in props and form(props[name]) in values
        return lambda props, _: name in props and form(props[name]) not in values
    if "value" not in given:
        raise refusal(400, f"operator {operator} requires a value")
    low = form(str(given["value"]))
    high = form(str(given["highValue"])) if "highValue" in given else low
    compare = _OPERATORS.get(operator)
    if compare is None:
        raise refusal(400, f"Invalid operator {operator}")

    def test(props: Props, _: Record) -> bool:
        value = props.get(name)
        return operator == "NEQ" if value is None else compare(form(value), low, high)

    return test


_OPERATORS: dict[str, Callable[[Any, Any, Any], bool]] = {
    "EQ": lambda value, low, _: bool(value == low),
    "NEQ": lambda value, low, _: bool(value != low),
    "LT": lambda value, low, _: bool(value < low),
    "LTE": lambda value, low, _: bool(value <= low),
    "GT": lambda value, low, _: bool(value > low),
    "GTE": lambda value, low, _: bool(value >= low),
    "BETWEEN": lambda value, low, high: bool(low <= value <= high),
}


def _association_test(to: ObjectType, operator: str, given: Json) -> Test:
    values = {int(one) for one in given.get("values") or [given.get("value", 0)] if str(one).isdigit()}
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        wanted = operator == "HAS_PROPERTY"
        return lambda _, record: bool(record.links.get(to.name)) is wanted
    return lambda _, record: bool(values & record.links.get(to.name, {}).keys())


def _comparable(definition: PropertyDefinition) -> Callable[[str], Comparable]:
    if definition.type == "number":
        return _as_number
    if definition.type in ("datetime", "date"):
        return _as_moment
    return str.lower


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise refusal(400, f"{text} is not a number") from error


def _as_moment(text: str) -> float:
    ms = to_ms(text)
    if ms is None:
        raise refusal(400, f"{text} is not a date")
    return float(ms)


def _sort(portal: Portal, kind: ObjectType, body: Json, rows: list[tuple[Props, Record]]) -> None:
    sorts = body.get("sorts") or []
    if len(sorts) > 1:
        raise refusal(400, "Only one sort is supported")
    if not sorts:
        return  # by id, as made
    given = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": str(sorts[0])}
    name = str(given.get("propertyName", "")).removeprefix("-")
    down = given.get("direction") == "DESCENDING" or str(given.get("propertyName", "")).startswith("-")
    definition = portal.definitions[kind.name].get(name)
    if definition is None:
        raise refusal(400, f"Property '{name}' does not exist")
    form = _comparable(definition)
    missing: Comparable = "" if form is str.lower else float("-inf")
    rows.sort(key=lambda row: form(row[0][name]) if name in row[0] else missing, reverse=down)

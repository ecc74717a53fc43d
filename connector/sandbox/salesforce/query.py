"""Runs a parsed query on an org: field-level security, comparisons and records as Salesforce makes and prints them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.sandbox.salesforce.ids import eighteen
from connector.sandbox.salesforce.org import Org, Row
from connector.sandbox.salesforce.schema import NUMBERS, TEXTS, FieldInfo, ObjectInfo
from connector.sandbox.salesforce.soql import Compare, Condition, Literal, Order, Query, malformed
from connector.sandbox.salesforce.values import moment, printed
from connector.sandbox.salesforce.wire import Json, RefusalError, refusal

Test = Callable[[Row], bool]
_NUMBERED = re.compile(r"(LAST|NEXT)_N_DAYS:(\d+)")
_MOST_ALL = 200


def run(org: Org, query: Query, version: str, *, deleted: bool = False) -> tuple[int, list[Json]]:
    """(how many, the records). COUNT() alone gives no records."""
    info = source(org, query.source)
    rows = _matching(org, info, query, deleted=deleted)
    if query.group or any(one.function not in ("", "FIELDS") for one in query.select):
        return _aggregated(org, info, query, rows)
    paths = _paths(org, info, query)
    rows = _sorted(org, info, rows, query.order)
    rows = rows[query.offset :] if query.limit is None else rows[query.offset : query.offset + query.limit]
    show = _Shower(org, info, paths, version)
    return len(rows), [show(row) for row in rows]


def source(org: Org, name: str) -> ObjectInfo:
    """The object behind FROM; 400 INVALID_TYPE."""
    info = org.object(name)
    if info is None:
        message = (
            f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append "
            "the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate "
            "names."
        )
        raise refusal(400, "INVALID_TYPE", message)
    return info


def ids_of(org: Org, query: Query) -> list[str]:
    """The values of the one field that a semi-join selects."""
    info = source(org, query.source)
    if len(query.select) != 1:
        raise malformed("a semi-join selects one field")
    get = _getter(org, info, query.select[0].path)[1]
    return [str(value) for row in _matching(org, info, query, deleted=False) if (value := get(row)) is not None]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _matching(org: Org, info: ObjectInfo, query: Query, *, deleted: bool) -> list[Row]:
    test = None if query.where is None else _test(org, info, query.where)
    rows: Iterable[Row] = _candidates(org, info, query.where, deleted=deleted)
    return [row for row in rows if test is None or test(row)]


def _candidates(org: Org, info: ObjectInfo, where: Condition | None, *, deleted: bool) -> Iterable[Row]:
    """Every row, or those that a top-level `Id IN (…)` names: what an index is for."""
    parts: tuple[Condition, ...] = ()
    if where is not None:
        parts = (where,) if isinstance(where, Compare) else where.parts if where.op == "AND" else ()
    for part in parts:
        if not isinstance(part, Compare) or part.path.lower() != "id" or part.query is not None:
            continue
        if part.op in ("=", "IN"):
            wanted = dict.fromkeys(_id(one) for one in part.values)
            table = org.tables[info.name]
            return [row for one in wanted if (row := table.get(one)) is not None and (deleted or not row.deleted)]
    return org.rows(info.name, deleted=deleted)


def _sorted(org: Org, info: ObjectInfo, rows: list[Row], order: list[Order]) -> list[Row]:
    for one in reversed(order):
        get = _folded(*_getter(org, info, one.path))
        present = [row for row in rows if get(row) is not None]
        blank = [row for row in rows if get(row) is None]
        present.sort(key=get, reverse=one.descending)
        rows = present + blank if one.nulls_last else blank + present
    return rows


def _folded(found: FieldInfo | None, get: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """Texts are compared and sorted whatever their case; ids, dates and numbers as they are."""
    if found is None or found.type not in TEXTS:
        return get
    return lambda row: value.lower() if isinstance(value := get(row), str) else value


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────


def field_of(org: Org, info: ObjectInfo, name: str) -> FieldInfo:
    """A field that the integration user sees; 400 INVALID_FIELD as recorded."""
    found = info.find(name)
    if found is None or org.hidden(info, found.name):
        message = (
            f"\nNo such column '{name}' on entity '{info.name}'. If you are attempting to use a custom field, be sure "
            "to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
            "appropriate names."
        )
        raise refusal(400, "INVALID_FIELD", message)
    return found


def _getter(org: Org, info: ObjectInfo, path: str) -> tuple[FieldInfo | None, Callable[[Row], Any]]:
    """The field at the end of a path (None: of several objects) and how to get its value from a row."""
    first, _, rest = path.partition(".")
    if not rest:
        found = field_of(org, info, first)
        return found, lambda row: row.get(found.name)
    if first.lower() == info.name.lower():
        return _getter(org, info, rest)
    reference = info.related(first)
    if reference is None:
        message = f"Didn't understand relationship '{first}' in field path."
        raise refusal(400, "INVALID_FIELD", message)
    known = [org.objects[name] for name in reference.refers]
    inner = {one.name: _getter(org, one, rest) for one in known if _has(org, one, rest)}
    if not inner:
        field_of(org, known[0], rest.partition(".")[0])
        raise malformed(f"{path} cannot be read")

    def get(row: Row) -> Any:
        target = org.find(str(row.get(reference.name) or ""))
        return None if target is None or target.info.name not in inner else inner[target.info.name][1](target)

    return next(iter(inner.values()))[0], get


def _has(org: Org, info: ObjectInfo, path: str) -> bool:
    first = path.partition(".")[0]
    return info.find(first) is not None or info.related(first) is not None


def _paths(org: Org, info: ObjectInfo, query: Query) -> list[str]:
    found: list[str] = []
    for one in query.select:
        if one.function != "FIELDS":
            found.append(one.path)
            continue
        if one.path.upper() != "STANDARD" and (query.limit is None or query.limit > _MOST_ALL):
            raise malformed("The SOQL FIELDS function must have a LIMIT of at most 200")
        names = [name for name in info.fields if not org.hidden(info, name)]
        wanted = one.path.upper()
        found += [name for name in names if wanted == "ALL" or (wanted == "CUSTOM") == name.endswith("__c")]
    if len({path.lower() for path in found}) < len(found):
        raise malformed("duplicate field selected")
    return found


class _Shower:
    """Prints rows as a query answers them."""

    def __init__(self, org: Org, info: ObjectInfo, paths: list[str], version: str) -> None:
        self._org = org
        self._info = info
        self._version = version
        self._plain: list[str] = []
        self._nested: dict[str, tuple[FieldInfo, list[str]]] = {}
        for path in paths:
            _getter(org, info, path)  # refuses what does not exist
            first, _, rest = path.partition(".")
            if rest and first.lower() == info.name.lower():
                first, _, rest = rest.partition(".")
            if not rest:
                self._plain.append(field_of(org, info, first).name)
                continue
            reference = info.related(first)
            if reference is not None:
                self._nested.setdefault(reference.relationship, (reference, []))[1].append(rest)

    def __call__(self, row: Row) -> Json:
        shown: Json = {"attributes": attributes(row, self._version)}
        shown |= {name: row.get(name) for name in self._plain}
        for relationship, (reference, rest) in self._nested.items():
            target = self._org.find(str(row.get(reference.name) or ""))
            if target is None:
                shown[relationship] = None
                continue
            info = target.info
            known = [path for path in rest if _has(self._org, info, path)]
            shown[relationship] = _Shower(self._org, info, known, self._version)(target)
        return shown


def attributes(row: Row, version: str) -> Json:
    """`attributes` of a record."""
    return {"type": row.info.name, "url": f"/services/data/v{version}/sobjects/{row.info.name}/{row.id}"}


def _aggregated(org: Org, info: ObjectInfo, query: Query, rows: list[Row]) -> tuple[int, list[Json]]:
    if any(one.function not in ("", "COUNT") for one in query.select):
        raise malformed("only COUNT is served by this sandbox")
    if len(query.select) == 1 and not query.select[0].path and not query.group:
        return len(rows), []
    getters = {path: _getter(org, info, path)[1] for path in query.group}
    counted = Counter(tuple(get(row) for get in getters.values()) for row in rows)
    if not query.group:
        counted = Counter({(): len(rows)})
    found: list[Json] = []
    for values, number in counted.items():
        shown: Json = {"attributes": {"type": "AggregateResult"}}
        shown |= dict(zip(getters, values, strict=True))
        shown |= {one.alias: number for one in query.select if one.function}
        found.append(shown)
    return len(found), found


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────


def _test(org: Org, info: ObjectInfo, condition: Condition) -> Test:
    if isinstance(condition, Compare):
        return _compare(org, info, condition)
    tests = [_test(org, info, part) for part in condition.parts]
    if condition.op == "NOT":
        return lambda row: not tests[0](row)
    if condition.op == "AND":
        return lambda row: all(test(row) for test in tests)
    return lambda row: any(test(row) for test in tests)


def _compare(org: Org, info: ObjectInfo, condition: Compare) -> Test:
    found, exact = _getter(org, info, condition.path)
    if found is None:
        raise malformed(f"{condition.path} cannot be filtered")
    get = _folded(found, exact)
    if found.type == "textarea" and found.length > 255:
        raise refusal(400, "INVALID_FIELD", f"field '{found.name}' can not be filtered in a query call")
    op = condition.op
    if condition.query is not None:
        members = set(ids_of(org, condition.query))
        return lambda row: (str(exact(row)) in members) == (op == "IN")
    wanted = [_value(org, found, one) for one in condition.values]
    if op in ("IN", "NOT IN"):
        several = set(wanted)
        return lambda row: (get(row) in several) == (op == "IN")
    if op in ("INCLUDES", "EXCLUDES"):
        sets = [set(str(one).split(";")) for one in wanted]
        return lambda row: any(one <= set(str(get(row) or "").split(";")) for one in sets) == (op == "INCLUDES")
    return _single(op, get, wanted[0])


def _single(op: str, get: Callable[[Row], Any], value: Any) -> Test:
    if op == "=":
        return lambda row: bool(get(row) == value)
    if op == "!=":
        return lambda row: bool(get(row) != value)
    if op == "LIKE":
        pattern = re.compile(_like(str(value)), re.DOTALL)
        return lambda row: pattern.fullmatch(str(get(row) or "")) is not None
    ordered: dict[str, Callable[[Any], bool]] = {
        "<": lambda one: bool(one < value),
        "<=": lambda one: bool(one <= value),
        ">": lambda one: bool(one > value),
        ">=": lambda one: bool(one >= value),
    }
    test = ordered[op]
    if value is None:
        raise malformed(f"null cannot be compared with {op}")
    return lambda row: (one := get(row)) is not None and test(one)


def _like(pattern: str) -> str:
    return "".join(".*" if one == "%" else "." if one == "_" else re.escape(one) for one in pattern)


def _value(org: Org, info: FieldInfo, literal: Literal) -> Any:
    """A literal as this field's values are compared; 400 where the types do not fit."""
    word = literal.text.lower() if literal.kind == "word" else ""
    if word == "null":
        return False if info.type == "boolean" else None
    if info.type in ("id", "reference") and literal.kind == "string":
        return _id(literal)
    if info.type in TEXTS and literal.kind == "string":
        return literal.text.lower()
    if info.type == "boolean" and word in ("true", "false"):
        return word == "true"
    if info.type in NUMBERS and literal.kind == "number":
        return float(literal.text)
    if info.type in ("date", "datetime"):
        return _time(org, info, literal)
    raise _mismatch(info, literal)


def _mismatch(info: FieldInfo, literal: Literal) -> RefusalError:
    quoted = " and should not be enclosed in quotes" if literal.kind == "string" else ""
    kind = "dateTime" if info.type == "datetime" else info.type
    message = f"value of filter criterion for field '{info.name}' must be of type {kind}{quoted}"
    return refusal(400, "INVALID_FIELD", message)


def _id(literal: Literal) -> str:
    try:
        return eighteen(literal.text)
    except ValueError as error:
        raise refusal(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.text}") from error


def _time(org: Org, info: FieldInfo, literal: Literal) -> str:
    if literal.kind == "datetime" and info.type == "datetime":
        found = moment(literal.text.replace("Z", "+00:00"))
        if found.microsecond:  # whole seconds are kept: a later part of a second lies behind all of them
            return printed(found).replace(".000", f".{found.microsecond // 1000:03d}")
        return printed(found)
    if literal.kind == "date" and info.type == "date":
        return literal.text
    if literal.kind == "word":
        day = _day(org, literal.text.upper())
        if day is not None:
            return day if info.type == "date" else f"{day}T00:00:00.000+0000"
    raise _mismatch(info, literal)


def _day(org: Org, word: str) -> str | None:
    today = datetime.fromtimestamp(org.now() / 1000, UTC)
    shifts = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}
    numbered = _NUMBERED.fullmatch(word)
    if numbered is not None:
        shifts[word] = int(numbered[2]) * (-1 if numbered[1] == "LAST" else 1)
    if word not in shifts:
        return None
    return (today + timedelta(days=shifts[word])).date().isoformat()

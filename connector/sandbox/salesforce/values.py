"""One value on its way into a field: what the API reads, and what it refuses."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from connector.sandbox.salesforce.ids import eighteen
from connector.sandbox.salesforce.schema import NUMBERS, TEXTS, FieldInfo
from connector.sandbox.salesforce.wire import Problem, RefusalError, refusal

_EMAIL = re.compile(r"[^@\s,;:<>()\"]+@[^@\s.,;:<>()\"]+(\.[^@\s.,;:<>()\"]+)+")
_TRUE, _FALSE = ("true", "1"), ("false", "0")


class ValueProblemError(Exception):
    """A value that its field does not take; `problem` goes into the row's errors."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_value(info: FieldInfo, given: Any) -> Any:
    """The value to keep; None clears. Raises `ValueProblemError`, or `RefusalError` for what cannot be parsed."""
    if given is None or given == "":
        return False if info.type == "boolean" else None
    if info.type in TEXTS:
        return _text(info, given)
    if info.type == "boolean":
        return _boolean(info, given)
    if info.type in NUMBERS:
        return _number(info, given)
    if info.type == "date":
        return _date(info, given)
    if info.type == "datetime":
        return _datetime(info, given)
    try:
        return eighteen(str(given))
    except ValueError as error:
        message = f"{info.label}: id value of incorrect type: {given}"
        raise _problem("MALFORMED_ID", message, info) from error


def moment(text: str) -> datetime:
    """A datetime as JSON, CSV or SOQL write it; ValueError for what is none or has no zone."""
    written = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text.strip())
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return found.astimezone(UTC)


def printed(at: datetime) -> str:
    """As Salesforce prints a datetime."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def _text(info: FieldInfo, given: Any) -> str:
    if isinstance(given, dict | list):
        raise unreadable(info, given)
    text = str(given).lower() if isinstance(given, bool) else str(given).strip()
    if len(text) > info.length and info.type not in ("picklist", "multipicklist"):
        message = f"{info.label}: data value too large: {text[:40]} (max length={info.length})"
        raise _problem("STRING_TOO_LONG", message, info)
    if info.type == "email" and not _EMAIL.fullmatch(text):
        raise _problem("INVALID_EMAIL_ADDRESS", f"{info.label}: invalid email address: {text}", info)
    if info.restricted and (unknown := [one for one in _parts(info, text) if one not in info.options]):
        message = f"{info.label}: bad value for restricted picklist field: {unknown[0]}"
        raise _problem("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, info)
    return text


def _parts(info: FieldInfo, text: str) -> list[str]:
    return [one.strip() for one in text.split(";")] if info.type == "multipicklist" else [text]


def _boolean(info: FieldInfo, given: Any) -> bool:
    word = str(given).lower()
    if word not in _TRUE + _FALSE:
        raise unreadable(info, given)
    return word in _TRUE


def _number(info: FieldInfo, given: Any) -> int | float:
    try:
        number = float(given)
    except (TypeError, ValueError) as error:
        raise unreadable(info, given) from error
    if info.type == "int" and not number.is_integer():
        raise unreadable(info, given)
    return int(number) if info.type == "int" else number


def _date(info: FieldInfo, given: Any) -> str:
    try:
        return date.fromisoformat(str(given)[:10]).isoformat()
    except ValueError as error:
        raise unreadable(info, given) from error


def _datetime(info: FieldInfo, given: Any) -> str:
    try:
        return printed(moment(str(given)))
    except ValueError as error:
        raise unreadable(info, given) from error


def unreadable(info: FieldInfo, given: Any) -> RefusalError:
    """400 for the whole request: the JSON cannot be read into the field's type."""
    kind = "VALUE_NUMBER" if isinstance(given, int | float) else "VALUE_STRING"
    message = (
        f"Cannot deserialize instance of {info.type} from {kind} value {given} or request may be missing a required "
        "field"
    )
    return refusal(400, "JSON_PARSER_ERROR", message)


def _problem(code: str, message: str, info: FieldInfo) -> ValueProblemError:
    return ValueProblemError(Problem(code=code, message=message, fields=(info.name,)))

"""What HubSpot does with a property value on its way in: types, options, normalisation, refusals."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime

from connector.sandbox.clock import iso
from connector.sandbox.definitions import PropertyDefinition
from connector.sandbox.wire import PropertyProblem

MAX_TEXT = 65_536
_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}")
_DAY_MS = 86_400_000


class ValueRefusedError(ValueError):
    """A value that the property does not take; carries code and message of the reply."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def as_text(raw: object) -> str:
    """A JSON value as the string HubSpot keeps; None clears."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int):
        return str(raw)
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() else repr(raw)
    raise ValueRefusedError("INVALID_VALUE", f"Cannot deserialize value of type {type(raw).__name__} as a string")


def check_value(
    definition: PropertyDefinition, raw: object, owner_ids: Collection[str], stages: Collection[str] | None = None
) -> str:
    """The value as it will be kept ("" clears); raises ValueRefusedError."""
    text = as_text(raw)
    if text == "":
        return ""
    if definition.references == "OWNER":
        if text not in owner_ids:
            raise ValueRefusedError("INVALID_OWNER_ID", f"Owner {text} does not exist")
        return text
    if stages is not None:
        if text not in stages:
            raise ValueRefusedError("INVALID_OPTION", f"{text} was not one of the allowed options: {_listed(stages)}")
        return text
    return _CHECKS.get(definition.type, _string)(definition, text)


def _string(definition: PropertyDefinition, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueRefusedError(
            "INVALID_STRING_LENGTH", f"Property value is too long: {len(text)} characters, at most {MAX_TEXT}"
        )
    if definition.name == "email" and definition.hubspot_defined:
        folded = text.strip().lower()
        if not _EMAIL.fullmatch(folded):
            raise ValueRefusedError("INVALID_EMAIL", f"Email address {text} is invalid")
        return folded
    if definition.name == "domain" and definition.hubspot_defined:
        return re.sub(r"^(https?://)?(www\.)?", "", text.strip().lower()).split("/")[0]
    return text


def _number(_definition: PropertyDefinition, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise ValueRefusedError("INVALID_DOUBLE", f"{text} was not a valid number.")
    return text.strip()


def _bool(_definition: PropertyDefinition, text: str) -> str:
    folded = text.strip().lower()
    if folded not in ("true", "false"):
        raise ValueRefusedError("INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
    return folded


def _enumeration(definition: PropertyDefinition, text: str) -> str:
    allowed = definition.allowed()
    parts = [part for part in text.split(";") if part] if definition.field_type == "checkbox" else [text]
    if definition.external_options and not allowed:
        return text
    for part in parts:
        if part not in allowed:
            listed = _listed(definition.ordered_values())
            raise ValueRefusedError("INVALID_OPTION", f"{part} was not one of the allowed options: {listed}")
    return text


def _listed(values: Collection[str]) -> str:
    return "[" + ", ".join(values) + "]"


def to_ms(text: str) -> int | None:
    """Milliseconds of a datetime in HubSpot's accepted forms (milliseconds, ISO 8601, a date); None if neither."""
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _datetime(_definition: PropertyDefinition, text: str) -> str:
    ms = to_ms(text.strip())
    if ms is None or not 0 <= ms < 253_402_300_800_000:
        raise ValueRefusedError("INVALID_LONG", f"{text} was not a valid long.")
    return iso(ms)


def _date(_definition: PropertyDefinition, text: str) -> str:
    stripped = text.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", stripped):
        try:
            return date.fromisoformat(stripped).isoformat()
        except ValueError as error:
            raise ValueRefusedError("INVALID_DATE", f"{text} was not a valid date.") from error
    ms = to_ms(stripped)
    if ms is None or not 0 <= ms < 253_402_300_800_000:
        raise ValueRefusedError("INVALID_LONG", f"{text} was not a valid long.")
    if ms % _DAY_MS:
        at = datetime.fromtimestamp(ms / 1000, UTC)
        raise ValueRefusedError(
            "INVALID_DATE",
            f"{text} is at {at.hour}:{at.minute}:{at.second}.{ms % 1000} UTC, not midnight!",
        )
    return iso(ms)[:10]


_CHECKS: dict[str, Callable[[PropertyDefinition, str], str]] = {
    "string": _string,
    "number": _number,
    "bool": _bool,
    "enumeration": _enumeration,
    "datetime": _datetime,
    "date": _date,
}

_NORMALISERS: dict[str, Callable[[str, str], str]] = {
    "lower": lambda text, _: text.lower(),
    "upper": lambda text, _: text.upper(),
    "title": lambda text, _: text.title(),
    "strip": lambda text, _: text.strip(),
    "nfkc": lambda text, _: unicodedata.normalize("NFKC", text),
    "digits": lambda text, _: re.sub(r"[^0-9+]", "", text),
    "truncate": lambda text, argument: text[: int(argument)],
    "prefix": lambda text, argument: text if text.startswith(argument) else argument + text,
}


def normalise(text: str, steps: list[str]) -> str:
    """Apply the vendor's own tidying, as set by `settings.normalisers`."""
    for step in steps:
        name, _, argument = step.partition(":")
        text = _NORMALISERS[name](text, argument)
    return text


def problem(name: str, error: ValueRefusedError) -> PropertyProblem:
    """The refusal with the property's name."""
    return PropertyProblem(name=name, code=error.code, message=error.message)


def webhook_value(definition: PropertyDefinition | None, value: str | None) -> str:
    """The form in which webhooks carry a value: dates and datetimes as milliseconds, blank as ""."""
    if value is None:
        return ""
    if definition is not None and definition.type in ("datetime", "date"):
        ms = to_ms(value)
        return value if ms is None else str(ms)
    return value

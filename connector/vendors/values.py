"""A CRM's strings to canonical values and back, in the part that both CRMs write alike. Each vendor's `fields.py` adds
its own limits and habits."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from connector.domain.normalise import TIDIES
from connector.domain.value import BLANK, UNREADABLE, Scalar, Value, is_known
from connector.errors import UsageError
from connector.policy.model import FieldDef, FieldType, Home
from connector.vendors.moments import to_moment
from connector.vendors.text import truncated

_TEXTS = (FieldType.TEXT, FieldType.LONG_TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.DOMAIN)
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_MIDNIGHT = time(0, 0)
_UTC_ZONE = ZoneInfo("UTC")


def to_canonical(
    kind: FieldType, raw: str | None, home: Home, *, tidy: str | None = None, zone: ZoneInfo = _UTC_ZONE
) -> Value:
    """The canonical value of what the CRM holds: BLANK for null and "", UNREADABLE for what is none of its type.

    An option that the policy does not map stays the CRM's own word: it is known, and it is none of ours. `zone` dates
    a `date` that is kept in a date-and-time property. A person stays the owner's id: the sync maps it.
    """
    if raw is None or raw.strip() == "":
        return BLANK
    if kind in _TEXTS:
        text = TIDIES[tidy](raw) if tidy else raw.strip()
        return text or BLANK
    if kind in (FieldType.NUMBER, FieldType.MONEY):
        return _number(raw)
    if kind is FieldType.YES_NO:
        return _yes_no(raw)
    if kind is FieldType.CHOICE:
        return _choice(raw.strip(), home)
    if kind is FieldType.CHOICES:
        return frozenset(_choice(part.strip(), home) for part in raw.split(";") if part.strip())
    if kind is FieldType.DATE:
        return _date(raw, zone) or UNREADABLE
    if kind is FieldType.MOMENT:
        return to_moment(raw) or UNREADABLE
    return raw.strip()


def to_vendor(value: Value, definition: FieldDef, home: Home, *, text_limit: int | None = None) -> str:
    """What the CRM is sent for a canonical value; "" clears the property. A longer text is cut and ends with "…".

    Raises `UsageError` for UNREAD and UNREADABLE (they are never written) and for a value of another type.
    """
    if value is BLANK:
        return ""
    kind = definition.type
    if is_known(value):
        text = _written(value, kind, definition, home, text_limit)  # type: ignore[arg-type]
        if text is not None:
            return text
    raise UsageError(
        f"The field {definition.name!r} of type {kind.value} cannot be written from a {type(value).__name__}.",
        reason="value_of_another_type",
    )


def same(one: str | None, other: str | None, kind: FieldType) -> bool:
    """True when a CRM means the same by both strings: `80` and `80.0`, an address in capitals, `a;b` and `b;a`."""
    return one == other or _plain(one, kind) == _plain(other, kind)


def _written(value: Scalar, kind: FieldType, definition: FieldDef, home: Home, text_limit: int | None) -> str | None:
    """The text of a value that fits the type; None for one that does not."""
    if kind in _TEXTS or kind is FieldType.PERSON:
        if not isinstance(value, str):
            return None
        return value if text_limit is None else truncated(value, text_limit)
    if kind in (FieldType.NUMBER, FieldType.MONEY):
        return number_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind is FieldType.YES_NO:
        return str(value).lower() if isinstance(value, bool) else None
    if kind is FieldType.CHOICE:
        return home.values.get(value, value) if isinstance(value, str) else None
    if kind is FieldType.CHOICES:
        return _choices_text(value, definition, home) if isinstance(value, frozenset) else None
    if kind is FieldType.DATE:
        return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else None
    return moment_text(value) if isinstance(value, datetime) else None


def number_text(value: float) -> str:
    """A number as CRMs keep it: no `.0`, no exponent, no rounding noise."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def moment_text(value: datetime) -> str:
    """An aware moment in UTC to the millisecond."""
    in_utc = value.astimezone(UTC)
    precision = "milliseconds" if in_utc.microsecond >= 1000 else "seconds"
    return in_utc.isoformat(timespec=precision).replace("+00:00", "Z")


def _choices_text(value: frozenset[str], definition: FieldDef, home: Home) -> str:
    """In the policy's order, so that the same set is the same text; the CRM's own words behind ours."""
    order = {choice: index for index, choice in enumerate(definition.choices)}
    chosen = sorted(value, key=lambda choice: (order.get(choice, len(order)), choice))
    return ";".join(home.values.get(choice, choice) for choice in chosen)


def _number(raw: str) -> Value:
    try:
        number = Decimal(raw.strip().replace(",", ""))
    except InvalidOperation:
        return UNREADABLE
    if not number.is_finite() or abs(number) > Decimal("1e300"):
        return UNREADABLE
    return int(number) if number == number.to_integral_value() else float(number)


def _yes_no(raw: str) -> Value:
    word = raw.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else UNREADABLE


def _choice(raw: str, home: Home) -> str:
    for choice, stored in home.values.items():
        if stored == raw:
            return choice
    return home.read_also.get(raw, raw)


def _date(raw: str, zone: ZoneInfo) -> date | None:
    """Midnight UTC is how a date is kept as a moment; any other time is one, dated in the policy's zone."""
    moment = to_moment(raw)
    if moment is None:
        return None
    return moment.date() if moment.time() == _MIDNIGHT else moment.astimezone(zone).date()


def _plain(raw: str | None, kind: FieldType) -> object:
    """A form in which equal values are equal; what cannot be read is compared as it stands."""
    text = (raw or "").strip()
    if not text:
        return None
    if kind in (FieldType.NUMBER, FieldType.MONEY):
        number = _number(text)
        return number if isinstance(number, int) or (isinstance(number, float) and math.isfinite(number)) else text
    if kind is FieldType.YES_NO:
        word = _yes_no(text)
        return word if isinstance(word, bool) else text
    if kind is FieldType.CHOICES:
        return frozenset(part.strip() for part in text.split(";") if part.strip())
    if kind is FieldType.DATE:
        return _date(text, _UTC_ZONE) or text
    if kind is FieldType.MOMENT:
        moment = to_moment(text)
        return text if moment is None else round(moment.timestamp() * 1000)
    if kind in (FieldType.EMAIL, FieldType.DOMAIN):
        return text.lower()
    return text.replace("\r\n", "\n")

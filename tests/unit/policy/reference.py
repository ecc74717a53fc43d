"""Conditions by the book, for tests: plain data is read straight off, slowly, and every result is one of three values.

Nothing here is shared with what runs: no compiler, no generated code, no tables.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.domain.value import Missing, Value

Truth = bool | None


def truth_of(raw: Any, values: Mapping[str, Value], signals: Mapping[str, Sequence[datetime]], now: datetime) -> Truth:
    """What a condition comes to; None: it hangs on what is not known."""
    if isinstance(raw, list):
        return _all([truth_of(one, values, signals, now) for one in raw])
    found: list[Truth] = []
    for name, asked in raw.items():
        if name in ("all", "any", "none"):
            parts = [truth_of(one, values, signals, now) for one in asked]
            found.append({"all": _all, "any": _any, "none": _none}[name](parts))
        elif name.startswith("signal."):
            found.append(_count(asked, signals.get(name.removeprefix("signal."), ()), now))
        else:
            found.append(_compare(asked, values.get(name, Missing.UNREAD)))
    return _all(found)


def _all(parts: Sequence[Truth]) -> Truth:
    return False if False in parts else None if None in parts else True


def _any(parts: Sequence[Truth]) -> Truth:
    return True if True in parts else None if None in parts else False


def _none(parts: Sequence[Truth]) -> Truth:
    found = _any(parts)
    return None if found is None else not found


def _count(asked: Mapping[str, Any], times: Sequence[datetime], now: datetime) -> Truth:
    days = asked.get("within")
    count = 0
    for moment in times:
        if moment <= now and (days is None or now - moment < timedelta(days=int(str(days).removesuffix("d")))):
            count += 1
    return all(_number(operator, bound, count) for operator, bound in asked.items() if operator != "within")


def _number(operator: str, bound: Any, value: float) -> bool:
    if operator == "between":
        return float(bound[0]) <= value <= float(bound[1])
    return {
        "at_least": value >= float(bound),
        "at_most": value <= float(bound),
        "more_than": value > float(bound),
        "less_than": value < float(bound),
    }[operator]


def _compare(asked: Any, value: Value) -> Truth:
    if asked in ("known", "unknown"):
        if value is Missing.UNREAD or value is Missing.UNREADABLE:
            return None
        return (value is not Missing.BLANK) is (asked == "known")
    if isinstance(value, Missing):
        return None
    if isinstance(asked, dict):
        return all(_operator(operator, operand, value) for operator, operand in asked.items())
    return _operator("in" if isinstance(asked, list) else "is", asked, value)


def _operator(operator: str, operand: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return value is (operand == "yes")
    if isinstance(value, frozenset):
        words = set(operand)
        return {
            "contains_any": bool(words & value),
            "contains_all": words <= value,
            "not_in": not words & value,
        }[operator]
    if isinstance(value, int | float):
        return _number(operator, operand, value)
    return _text(operator, operand, value)


def _text(operator: str, operand: Any, value: str) -> bool:
    words = [_fold(one) for one in (operand if isinstance(operand, list) else [operand])]
    folded = _fold(value)
    if operator in ("is", "in"):
        return folded in words
    if operator == "not_in":
        return folded not in words
    if operator in ("contains_any", "contains_all"):
        return (any if operator == "contains_any" else all)(word in folded for word in words)
    if operator in ("starts_with", "ends_with"):
        return any(getattr(folded, operator.replace("_", ""))(word) for word in words)
    domain = value.rpartition("@")[2].lower()
    belongs = any(domain == one.lower() or domain.endswith("." + one.lower()) for one in operand)
    return belongs is (operator == "domain_in")


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()

"""What a field can hold, and the three ways in which it can hold nothing.

A canonical value is one of: `str` (text, long_text, email, phone, domain, choice id, person id),
`int`/`float` (number, money), `bool` (yes_no), `date`, `datetime` (aware, UTC), `frozenset[str]` (choices).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import TypeAlias


class Missing(Enum):
    """Why there is no value. Only BLANK is knowledge; the others decide nothing, are never written over."""

    UNREAD = "unread"  #: We have not read this field yet.
    UNREADABLE = "unreadable"  #: The vendor does not let us read this field.
    BLANK = "blank"  #: We have read it and it is empty.

    __hash__ = object.__hash__  # one object each; Enum's own would hash the name anew each time, in Python


UNREAD = Missing.UNREAD
UNREADABLE = Missing.UNREADABLE
BLANK = Missing.BLANK

Scalar: TypeAlias = str | int | float | bool | date | datetime | frozenset[str]
Value: TypeAlias = Scalar | Missing

Truth: TypeAlias = bool | None
"""Kleene's three values: None is unknown."""


def is_known(value: Value) -> bool:
    """True for a real value; BLANK, UNREAD and UNREADABLE are not known."""
    return not isinstance(value, Missing)

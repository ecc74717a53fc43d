"""Record ids: 15 characters that tell upper from lower case, and the three that make them safe where case is lost."""

from __future__ import annotations

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE = "5j00000"
_SHORT, _LONG = 15, 18


def made_id(prefix: str, number: int) -> str:
    """The id of the `number`th record of the type with this key prefix."""
    digits = ""
    while number:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return eighteen(prefix + _INSTANCE + digits.rjust(_SHORT - len(prefix) - len(_INSTANCE), "0"))


def eighteen(text: str) -> str:
    """The long form of an id in either form; raises ValueError for what is none."""
    if len(text) not in (_SHORT, _LONG) or not (text.isascii() and text.isalnum()):
        raise ValueError(f"{text!r} is no record id")
    short = text[:_SHORT]
    checks = ""
    for start in range(0, _SHORT, 5):
        bits = sum(1 << place for place, letter in enumerate(short[start : start + 5]) if "A" <= letter <= "Z")
        checks += _CHECK[bits]
    if len(text) == _LONG and text[_SHORT:].upper() != checks:
        raise ValueError(f"{text!r} is no record id")
    return short + checks


def is_id(text: str) -> bool:
    """True for an id in either form."""
    try:
        eighteen(text)
    except ValueError:
        return False
    return True

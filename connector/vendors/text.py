"""Cutting text to a vendor's limit without cutting a character in two."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"
_JOINER = "\u200d"
_MARKS = ("Mn", "Me", "Mc")


def truncated(text: str, limit: int) -> str:
    """`text` in at most `limit` UTF-16 units (as Java, behind both vendors, counts); a cut text ends with "…".

    What a reader sees as one character (a letter with its marks, a joined emoji, a flag) is kept or dropped whole.
    """
    if units(text) <= limit:
        return text
    room = limit - units(ELLIPSIS)
    cut = _fitting(text, room)
    while cut > 0 and _inside_a_character(text, cut):
        cut -= 1
    return text[:cut] + ELLIPSIS


def units(text: str) -> int:
    """The length of `text` in UTF-16 units."""
    return len(text) + sum(1 for letter in text if ord(letter) > 0xFFFF)


def _fitting(text: str, room: int) -> int:
    """How many code points fit into `room` units."""
    used = 0
    for index, letter in enumerate(text):
        used += 2 if ord(letter) > 0xFFFF else 1
        if used > room:
            return index
    return len(text)


def _inside_a_character(text: str, cut: int) -> bool:
    """True when what stands before and after `cut` is one character to a reader."""
    before, after = text[cut - 1], text[cut]
    if _JOINER in (before, after) or _is_extension(after):
        return True
    if before == "\r" and after == "\n":
        return True
    if _is_flag_letter(before) and _is_flag_letter(after):
        letters = 0
        while letters < cut and _is_flag_letter(text[cut - 1 - letters]):
            letters += 1
        return letters % 2 == 1
    return False


def _is_extension(letter: str) -> bool:
    code = ord(letter)
    if unicodedata.category(letter) in _MARKS or 0xFF9E <= code <= 0xFF9F:  # half-width sound marks
        return True
    return 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F  # skin tones, tags of sub-flags


def _is_flag_letter(letter: str) -> bool:
    return 0x1F1E6 <= ord(letter) <= 0x1F1FF

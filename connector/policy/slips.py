"""What people who write YAML slip on, told in their words: the YAML reader's own are about tokens and blocks.

A keyboard that writes Japanese also writes full-width colons, brackets and spaces. YAML reads them as text and
stumbles over whatever comes next, often a line further down: the sign itself is pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from unicodedata import normalize

from connector.texts import say, word

_KEY = r"[A-Za-z_][A-Za-z0-9_.]*"
_SIGNS = (
    re.compile(rf"^ *(　)[ 　]*(?:- +)?{_KEY} *[:：]"),
    re.compile(rf"^ *(?:- +)?{_KEY} *(：)"),
    re.compile(rf"(?:: *|^ *- *|, *)([｛［]){_KEY} *[:：]"),
)
"""A full-width space, colon and bracket, where a key stands beside it: within texts they are at home."""

_BEGINS = re.compile(r"found character '(.)' that cannot start any token")
_DASHES: Mapping[int, str] = str.maketrans({"−": "-", "‐": "-", "–": "-", "〜": "-", "~": "-"})

_READER = (
    (
        re.compile(r"expected ',' or '[}\]]'"),
        say("a comma, a closing bracket or a closing quote is missing here or before"),
    ),
    (
        re.compile(r"expected <block end>, but found '-'"),
        say("items of a list (`- …`) and keys (`key: …`) cannot stand side by side; look at the indentation"),
    ),
    (re.compile(r"expected <block end>"), say("this line is indented like none of the lines above it")),
    (
        re.compile(r"mapping values are not allowed"),
        say("no `key: value` can stand here; look at the indentation, and put a text that holds `: ` in quotes"),
    ),
    (re.compile(r"undefined alias"), say("a value that begins with `*` goes in quotes")),
    (re.compile(r"found another document"), say("`---` begins another document; a file of a policy is one")),
)
"""What the YAML reader says → what a person should do."""


def slip(lines: Sequence[str], position: tuple[int, int], problem: str) -> tuple[tuple[int, int], str]:
    """Where people should look, and what they should do there, when the reader stops at `position` for `problem`."""
    for place, sign in _full_width(lines, position[0]):
        return place, say("`{sign}` is full width; write it in half width", sign=sign)
    begins = _BEGINS.search(problem)
    if begins is not None and begins[1] not in "\\\t":
        return position, say("a value that begins with `{sign}` goes in quotes", sign=begins[1])
    return position, next((said for form, said in _READER if form.search(problem)), word(problem))


def half_width(text: str) -> str | None:
    """The same in half width, where `text` is a number, a time or a word that was written in full width."""
    plain = normalize("NFKC", text).translate(_DASHES)
    return plain if plain != text and plain.isascii() else None


def _full_width(lines: Sequence[str], line: int) -> Iterator[tuple[tuple[int, int], str]]:
    """Full-width signs where YAML has its own: in this line, or in the last one before it that says anything."""
    above = next((number for number in range(line - 1, 0, -1) if number <= len(lines) and lines[number - 1].strip()), 0)
    for number in (above, line):
        if 0 < number <= len(lines):
            for form in _SIGNS:
                found = form.search(lines[number - 1])
                if found is not None and found.lastindex is not None:
                    yield (number, found.start(found.lastindex) + 1), found[found.lastindex]

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

_QUOTES = re.compile(r"(?:: +|^ *- +|[,\[] *)([“”„‘’])")
"""Curly quotes that a word processor makes of straight ones, where a value begins."""
_NO_SPACE = (re.compile(rf"^ *(?:- +)?{_KEY}(:)(?=[^ \t\n:/\\])"), re.compile(r"^ *(-)(?=[{\[A-Za-z_\"'\u00a0])"))
"""A colon and a dash that are none of YAML's for want of a space behind them, or of an ordinary one."""
_UNFOUND = re.compile(r"could not find expected ':'|mapping values are not allowed|expected <block end>")
_ODD_SPACES = re.compile("[\u00a0\u200b\u3000\ufeff]")
_COLON = re.compile("[:：]")
_MERGE = re.compile(r"^ *(<<) *:")

_BEGINS = re.compile(r"found character '(.)' that cannot start any token")
_DASHES: Mapping[int, str] = str.maketrans({"−": "-", "‐": "-", "–": "-", "〜": "-", "~": "-"})

NO_MERGE = say("`<<` (a merge) is not used in a policy; write the keys themselves")

_READER = (
    (re.compile(r"found character '\\t'"), say("a tab stands here: write spaces instead")),
    (re.compile(r"but found '[}\]]'"), say("a closing bracket too many stands here")),
    (
        re.compile(r"expected ',' or '[}\]]'"),
        say(
            "a comma, a closing bracket or a closing quote is missing here or before; "
            "a text with `: `, ` #`, quotes or brackets goes in quotes"
        ),
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
    for place, sign in _signs(lines, position[0], _SIGNS):
        return place, say("`{sign}` is full width; write it in half width", sign=sign)
    for place, sign in _signs(lines, position[0], (_QUOTES,)):
        return place, say('`{sign}` is no quote of YAML; write `"`', sign=sign)
    for place, _ in _signs(lines, position[0], (_MERGE,)):
        return place, NO_MERGE
    if _UNFOUND.search(problem):
        for place, sign in _signs(lines, position[0], _NO_SPACE):
            return place, say("put an ordinary space behind `{sign}`", sign=sign)
    begins = _BEGINS.search(problem)
    if begins is not None and begins[1] not in "\\\t":
        return position, say("a value that begins with `{sign}` goes in quotes", sign=begins[1])
    return position, next((said for form, said in _READER if form.search(problem)), word(problem))


def half_width(text: str) -> str | None:
    """The same in half width, where `text` is a number, a time or a word that was written in full width."""
    plain = normalize("NFKC", text).translate(_DASHES)
    return plain if plain != text and plain.isascii() else None


def before_colon(key: str) -> str:
    """The key that was meant where a colon is no colon to YAML: `type： money`, `points:15`."""
    return _COLON.split(key, maxsplit=1)[0].strip() or key


def key_slip(key: str) -> str | None:
    """What makes a key none that is known: a colon of the wrong width, no space behind it, a space of another kind."""
    if "：" in key:
        return say(" (`：` is full width; write it in half width)")
    if ":" in key:
        return say(" (put a space behind the colon)")
    return say(" (it holds a space of another kind; write it anew)") if _ODD_SPACES.search(key) else None


def _signs(lines: Sequence[str], line: int, forms: Sequence[re.Pattern[str]]) -> Iterator[tuple[tuple[int, int], str]]:
    """Such signs in this line, or in the last one before it that says anything."""
    above = next((number for number in range(line - 1, 0, -1) if number <= len(lines) and lines[number - 1].strip()), 0)
    for number in (above, line):
        if 0 < number <= len(lines):
            for form in forms:
                found = form.search(lines[number - 1])
                if found is not None and found.lastindex is not None:
                    yield (number, found.start(found.lastindex) + 1), found[found.lastindex]

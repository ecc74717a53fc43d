"""What somebody meant who wrote the label where the id belongs, or said in words what has a notation of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from unicodedata import normalize

from connector.policy.text import fold
from connector.texts import joined, say

_WORDS: Mapping[str, str] = {
    "はい": "yes", "いいえ": "no", "以上": "at_least", "以下": "at_most", "未満": "less_than", "超": "more_than",
    "より大きい": "more_than", "より小さい": "less_than", "含む": "contains_any", "以内": "within", ">=": "at_least",
    "<=": "at_most", ">": "more_than", "<": "less_than", "≧": "at_least", "≦": "at_most",
}  # fmt: skip
"""What is said otherwise → the language's word."""
_COMPARED = re.compile(r"(>=|<=|[><≧≦])\s*(-?[0-9][0-9,]*(?:\.[0-9]+)?)\Z")
_UNITS = (
    (r"営業分|business\s+min(?:ute)?s?", " business minutes"),
    (r"営業時間|business\s+h(?:ou)?rs?", " business hours"),
    (r"営業日|business\s+days?", " business days"),
    (r"分間?|min(?:ute)?s?", "m"),
    (r"時間|h(?:ou)?rs?", "h"),
    (r"日間?|days?", "d"),
    (r"週間?|weeks?", "w"),
    (r"[かヶカヵケ箇]月間?|months?", "mo"),
)
_SPANS = tuple((re.compile(rf"([0-9]{{1,7}})\s*(?:{words})\Z", re.I), unit) for words, unit in _UNITS)
_YEARS = re.compile(r"([0-9]{1,2})\s*(?:年間?|years?|y)\Z", re.I)
_AMOUNT = re.compile(r"([-+]?[0-9][0-9,]*(?:\.[0-9]+)?)\s*(千|万|億)?\s*(?:円|点|人|件|名|月)?\Z")
_TIMES = {None: 1, "千": 1_000, "万": 10_000, "億": 100_000_000}


def labels_of(documents: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """Label, folded → the ids that it stands at, over whole files: of stages, fields, choices, rules and the rest."""
    found: dict[str, list[str]] = {fold(said): [word] for said, word in _WORDS.items()}
    for data in documents:
        for label, key in _labelled(data):
            found.setdefault(fold(label), []).append(key)
    return {label: tuple(dict.fromkeys(keys)) for label, keys in found.items()}


def _labelled(data: Any) -> Iterator[tuple[str, str]]:
    if isinstance(data, list):
        for item in data:
            yield from _labelled(item)
    if not isinstance(data, dict):
        return
    if isinstance(data.get("id"), str):
        yield from ((label, data["id"]) for label in _texts(data.get("label")))
    for key, value in data.items():
        if isinstance(value, dict):
            yield from ((label, key) for label in _texts(value.get("label")))
        if key == "choices" and isinstance(value, dict):
            yield from ((label, choice) for choice, texts in value.items() for label in _texts(texts))
        yield from _labelled(value)


def _texts(label: Any) -> tuple[str, ...]:
    if isinstance(label, dict):
        return tuple(text for text in label.values() if isinstance(text, str))
    return (label,) if isinstance(label, str) else ()


def span_meant(text: str) -> str | None:
    """`2営業日` → `2 business days`, `15 minutes` → `15m`, `1 year` → `12mo`."""
    plain = normalize("NFKC", text).strip()
    years = _YEARS.match(plain)
    if years is not None:
        return f"{int(years[1]) * 12}mo"
    found = ((form.match(plain), unit) for form, unit in _SPANS)
    return next((f"{match[1]}{unit}" for match, unit in found if match is not None), None)


def number_meant(text: str) -> str | None:
    """`3,000,000` → `3000000`, `300万円` → `3000000`, `+15点` → `15`."""
    found = _AMOUNT.match(normalize("NFKC", text).strip())
    if found is None:
        return None
    number = float(found[1].replace(",", "")) * _TIMES[found[2]]
    plain = f"{number:.0f}" if number == int(number) else f"{number:g}"
    return plain if plain != text else None


def comparison_meant(text: str) -> str | None:
    """`>= 100` → `{at_least: 100}`."""
    found = _COMPARED.match(normalize("NFKC", text).strip())
    return f"{{{_WORDS[found[1]]}: {found[2].replace(',', '')}}}" if found is not None else None


def with_meant(message: str, meant: str | None) -> str:
    """The message, and how what was meant is written."""
    return message if meant is None else joined("", (message, say(" (write `{meant}`)", meant=meant)))

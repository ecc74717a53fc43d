"""The type of a key in words: `a list of words`, `both · to_hubspot`, a link to the piece that stands there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connector.policy.files import base, kpi, ranges
from connector.policy.files.base import FileModel
from connector.policy.reference.outline import Section

_CONDITION = {"en": "[condition](conditions.md)", "ja": "[条件](conditions.md)"}
_EVENTS = {"en": "[event](events.md), or a list of them", "ja": "[出来事](events.md)、またはそのリスト"}
_DURATION = {"en": "[duration](durations.md)", "ja": "[期間](durations.md)"}
_FORMS: tuple[tuple[Any, Mapping[str, str]], ...] = (
    (base.Id, {"en": "id (small letters, digits, `_`)", "ja": "id(小文字・数字・`_`)"}),
    (base.Label, {"en": "text, or `{ja: …, en: …}`", "ja": "文字列、または `{ja: …, en: …}`"}),
    (base.YesNo, {"en": "`yes` · `no`", "ja": "`yes` · `no`"}),
    (base.Words, {"en": "a word, or a list of words", "ja": "語、またはそのリスト"}),
    (ranges.Lasting, {"en": _DURATION["en"] + ", not 0", "ja": _DURATION["ja"] + "。0を除く"}),
    (ranges.Period, {"en": _DURATION["en"] + ", not 0", "ja": _DURATION["ja"] + "。0を除く"}),
    (
        ranges.PlainPeriod,
        {"en": _DURATION["en"] + " in m, h, d or w, not 0", "ja": _DURATION["ja"] + "(m・h・d・w)。0を除く"},
    ),
    (ranges.Share, {"en": "share above `0%`, up to `100%`", "ja": "割合。`0%`より大きく`100%`まで"}),
    (base.Duration, _DURATION),
    (base.PlainDuration, {"en": _DURATION["en"] + " in m, h, d or w", "ja": _DURATION["ja"] + "(m・h・d・w)"}),
    (base.Percent, {"en": "share, `0%` to `100%`", "ja": "割合。`0%`〜`100%`"}),
    (base.Condition, _CONDITION),
    (base.Events, _EVENTS),
    (base.AllOrCondition, {"en": "`all`, or a " + _CONDITION["en"], "ja": "`all`、または" + _CONDITION["ja"]}),
    (base.Choices, {"en": "mapping: word → label", "ja": "マッピング: 語 → ラベル"}),
    (base.Scalar, {"en": "value", "ja": "値"}),
    (kpi.Figure, {"en": "number, or share such as `20%`", "ja": "数、または `20%` のような割合"}),
    (kpi.TimeOfDay, {"en": "time of day, `9:00`", "ja": "時刻。`9:00`"}),
)
_PLAIN: Mapping[Any, Mapping[str, str]] = {
    str: {"en": "text", "ja": "文字列"},
    int: {"en": "whole number", "ja": "整数"},
    float: {"en": "number", "ja": "数"},
    bool: {"en": "`yes` · `no`", "ja": "`yes` · `no`"},
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "list": {"en": "a list of: {0}", "ja": "{0}のリスト"},
    "dict": {"en": "mapping: {0} → {1}", "ja": "マッピング: {0} → {1}"},
    "or": {"en": ", or ", "ja": "、または "},
    "any": {"en": "mapping", "ja": "マッピング"},
    "required": {"en": "required", "ja": "必須"},
    "range": {"en": "{0} to {1}", "ja": "{0}〜{1}"},
    "above": {"en": "above {0}, up to {1}", "ja": "{0}より大きく{1}まで"},
    "exactly": {"en": "exactly {0}", "ja": "ちょうど{0}個"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasebook:
    """Types in one language, seen from one page."""

    language: str
    page: str
    places: Mapping[type[FileModel], Section] = field(repr=False)

    def type_words(self, hint: Any) -> str:
        """What may stand there."""
        metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        limits = self._limits(metadata)
        words = self._unlimited(hint)
        return f"{words} ({limits})" if limits and self.language == "en" else f"{words}({limits})" if limits else words

    def default_words(self, default: Any, *, required: bool) -> str:
        """What holds when the key is not written."""
        if required:
            return self._say("required")
        if default is None or default in ({}, [], ()):
            return "—"
        if isinstance(default, timedelta):
            return f"`{_plain_words(default)}`"
        if isinstance(default, bool):
            return f"`{'yes' if default else 'no'}`"
        if isinstance(default, float):
            return f"`{default:g}`"
        return "—" if isinstance(default, BaseModel) or default == "" else f"`{default}`"

    def _unlimited(self, hint: Any) -> str:
        for alias, words in _FORMS:
            if _is(hint, alias):
                return words[self.language]
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._unlimited(arguments[0])
        if origin in (Union, UnionType):
            parts = [self.type_words(part) for part in arguments if part is not NoneType]
            return self._say("or").join(dict.fromkeys(parts))
        if origin is Literal:
            return " · ".join(f"`{word}`" for word in arguments)
        if origin in (list, tuple):
            return self._say("list", self.type_words(arguments[0]))
        if origin is dict:
            return self._say("dict", self.type_words(arguments[0]), self.type_words(arguments[1]))
        if isinstance(hint, type) and issubclass(hint, FileModel):
            return self.link(hint)
        return _PLAIN[hint][self.language] if hint in _PLAIN else self._say("any")

    def link(self, model: type[FileModel]) -> str:
        """A link to where a piece is described."""
        place = self.places[model]
        page = "" if place.page == self.page else f"{place.page}.md"
        return f"[`{place.path or place.page + '.yaml'}`]({page}{'#' + place.anchor if place.path else ''})"

    def _limits(self, metadata: tuple[Any, ...]) -> str:
        found: list[str] = []
        for piece in metadata:
            rules = piece.metadata if isinstance(piece, FieldInfo) else [piece]
            ends = {type(rule): rule for rule in rules}
            low, high = ends.get(annotated_types.MinLen), ends.get(annotated_types.MaxLen)
            if low is not None and high is not None and low.min_length == high.max_length:
                found.append(self._say("exactly", str(low.min_length)))
            within = ends.get(ranges.Within)
            if within is not None:
                found.append(self._say("above" if within.above else "range", f"{within.low:,}", f"{within.high:,}"))
        return ("; " if self.language == "en" else "、").join(found)

    def _say(self, word: str, *parts: str) -> str:
        return _WORDS[word][self.language].format(*parts)


def _is(hint: Any, alias: Any) -> bool:
    """True when a type is this alias, perhaps with a name or limits added to it."""
    if get_origin(hint) is not Annotated or get_origin(alias) is not Annotated:
        return bool(hint == alias)
    (mine, *more), (its, *basis) = get_args(hint), get_args(alias)
    return bool(mine == its and more[: len(basis)] == basis)


def _plain_words(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0 and minutes:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"

"""What the models of all files share: strictness and the small types that YAML scalars are read into."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from connector.domain.calendar import Span
from connector.policy.meant import span_meant, with_meant
from connector.texts import said, say

LANGUAGES = ("ja", "en")
LANGUAGE_FORM = "x-form"
"""Marks a piece whose form is the language's own; `schema.py` puts the definition in its place."""
OPERATORS = (
    "known", "unknown", "in", "not_in", "at_least", "at_most", "more_than", "less_than", "between",
    "contains_any", "contains_all", "starts_with", "ends_with", "matches", "domain_in", "domain_not_in",
    "before", "after", "within", "older_than",
)  # fmt: skip
"""Every operator word of the language; none may be a choice."""

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_YES = {"yes": True, "true": True, "no": False, "false": False}
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%\Z")


class FileModel(BaseModel):
    """The base of every model: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def fault(message: str, *, reason: str = "bad_value", allowed: tuple[str, ...] = (), got: str = "") -> Exception:
    """An error that a validator raises: `allowed` and `got` give the nearest spelling."""
    context = {"allowed": allowed, "got": got, "text": message}
    return PydanticCustomError(reason, "{text}", context)


def _id(value: Any) -> Any:
    if isinstance(value, str) and not _ID.match(value):
        raise fault(
            say("`{value}` cannot be an id: small letters, digits and `_`, a letter first", value=value[:80]),
            reason="bad_id",
        )
    return value


def _label(value: Any) -> Any:
    if isinstance(value, str):
        return dict.fromkeys(LANGUAGES, value)
    if not isinstance(value, Mapping) or not value:
        raise fault(say("a label is a text, or `{{ja: …, en: …}}`"), reason="bad_label")
    for language in value:
        if language not in LANGUAGES:
            raise fault(
                say("`{language}` is no language", language=language),
                reason="bad_label",
                allowed=LANGUAGES,
                got=language,
            )
    first = next(iter(value.values()))
    return {language: value.get(language, first) for language in LANGUAGES}


def _yes_no(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in _YES:
        return _YES[value.lower()]
    raise fault(say("write yes or no"), allowed=("yes", "no"))


def _many(value: Any) -> Any:
    if value is None:
        raise fault(say("a word or a list of words belongs here"))
    return value if isinstance(value, (list, tuple)) else [value]


def _span(value: Any) -> Span:
    if not isinstance(value, str):
        raise fault(say("a length of time belongs here, such as 3d or 2 business days"), reason="bad_duration")
    try:
        return Span.parse(value)
    except ValueError as error:
        raise fault(with_meant(said(error), span_meant(value)), reason="bad_duration") from error


def _plain(value: Any) -> timedelta:
    try:
        return _span(value).plain
    except ValueError as error:
        if isinstance(error, PydanticCustomError):
            raise
        raise fault(said(error), reason="bad_duration") from error


def _percent(value: Any) -> Any:
    found = _PERCENT.match(value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        raise fault(say("a share is written from 0% to 100%"), reason="bad_percent")
    return float(found[1]) / 100


def _choice_ids(value: Any) -> Any:
    if isinstance(value, Mapping):
        for word in value:
            if word in OPERATORS:
                raise fault(
                    say("`{word}` is an operator word and cannot be a choice", word=word), reason="operator_word"
                )
    return value


_WORD_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_LABEL_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": ["string", "number"]},
        {
            "type": "object",
            "properties": {language: {"type": "string"} for language in LANGUAGES},
            "additionalProperties": False,
        },
    ]
}
_AMOUNTS = (("m", 7), ("h", 5), ("d", 4), ("w", 3), ("mo", 3), (" +business +minutes?", 7), (" +business +hours?", 5),
            (" +business +days?", 4))  # fmt: skip
"""Unit → how many digits ten years of it have."""


def _lengths(units: Collection[str]) -> str:
    """A pattern for lengths of time in these units, up to ten years or little more."""
    return f"^({'|'.join(f'[0-9]{{1,{most}}}{unit}' for unit, most in _AMOUNTS if unit in units)})$"


DURATION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": _lengths([unit for unit, _ in _AMOUNTS]),
    "examples": ["5m", "4h", "3d", "2w", "3mo", "5 business minutes", "2 business days"],
}
PLAIN_SCHEMA: dict[str, Any] = {"type": "string", "pattern": _lengths("mhdw"), "examples": ["15m", "7d"]}
PERCENT_SCHEMA: dict[str, Any] = {"type": "string", "pattern": r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?) *%$"}

Id: TypeAlias = Annotated[
    str, BeforeValidator(_id), WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"})
]
Label: TypeAlias = Annotated[dict[str, str], BeforeValidator(_label), WithJsonSchema(_LABEL_SCHEMA)]
YesNo: TypeAlias = Annotated[bool, BeforeValidator(_yes_no), WithJsonSchema({"enum": [True, False, "yes", "no"]})]
Words: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(_many),
    WithJsonSchema({"anyOf": [_WORD_SCHEMA, {"type": "array", "items": _WORD_SCHEMA}]}),
]
Duration: TypeAlias = Annotated[Span, BeforeValidator(_span), WithJsonSchema(DURATION_SCHEMA)]
PlainDuration: TypeAlias = Annotated[timedelta, BeforeValidator(_plain), WithJsonSchema(PLAIN_SCHEMA)]
Percent: TypeAlias = Annotated[float, BeforeValidator(_percent), WithJsonSchema(PERCENT_SCHEMA)]
Choices: TypeAlias = Annotated[dict[str, Label], BeforeValidator(_choice_ids)]
Condition: TypeAlias = Annotated[Any, WithJsonSchema({LANGUAGE_FORM: "Condition"})]
Events: TypeAlias = Annotated[Any, WithJsonSchema({LANGUAGE_FORM: "Events"})]
AllOrCondition: TypeAlias = Annotated[Any, WithJsonSchema({"anyOf": [{"const": "all"}, {LANGUAGE_FORM: "Condition"}]})]
Scalar: TypeAlias = Annotated[str, WithJsonSchema(_WORD_SCHEMA)]

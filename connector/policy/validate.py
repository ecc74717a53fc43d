"""From a document to its model: pydantic's errors become problems with a place, what is allowed and a hint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.policy.document import Document, Path, Where
from connector.policy.files.base import FileModel
from connector.policy.meant import number_meant, with_meant
from connector.policy.problems import Report
from connector.policy.slips import before_colon, half_width, key_slip
from connector.texts import joined, said, say

_M = TypeVar("_M", bound=FileModel)
_QUOTED = re.compile(r"'([^']*)'")
_MOST_BROKEN = 200  #: A file with more broken pieces is not read further: its errors are told.
_MOST_ROUNDS = 30  #: A piece taken out may leave its holder incomplete: that many times over.
_MESSAGES = {
    "string_type": say("a text belongs here"),
    "bool_parsing": say("write yes or no"),
    "int_parsing": say("a whole number belongs here"),
    "int_type": say("a whole number belongs here"),
    "int_parsing_size": say("a whole number belongs here"),
    "int_from_float": say("a whole number belongs here"),
    "float_parsing": say("a number belongs here"),
    "float_type": say("a number belongs here"),
    "dict_type": say("a mapping (`key: value`) belongs here"),
    "model_type": say("a mapping (`key: value`) belongs here"),
    "model_attributes_type": say("a mapping (`key: value`) belongs here"),
    "list_type": say("a list belongs here"),
    "tuple_type": say("a list belongs here"),
}
_BOUNDS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "too_short": ("min_length", lambda bound: say("this needs {bound} or more entries", bound=bound)),
    "too_long": ("max_length", lambda bound: say("this takes {bound} entries at most", bound=bound)),
    "string_too_long": ("max_length", lambda bound: say("at most {bound} characters belong here", bound=bound)),
}
_NUMBERS = ("int_parsing", "float_parsing", "int_from_float")
_PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]*$": say("a name of small letters, digits, `-` and `_` belongs here"),
    r"^[A-Z]{3}$": say("three capital letters belong here, such as JPY"),
}


@dataclass(frozen=True, slots=True)
class Reading(Generic[_M]):
    """A model and the document that it was read from, less the broken pieces.

    `hidden` are the words of those pieces: a reference to one of them is no mistake of its own.
    """

    model: _M
    document: Document
    hidden: frozenset[str]


def read_model(model: type[_M], document: Document, report: Report) -> Reading[_M] | None:
    """The model of a document; every error is noted and its piece taken out so that the rest can be checked."""
    hidden: set[str] = set()
    gone: list[Path] = []
    for _ in range(_MOST_ROUNDS):
        try:
            return Reading(model.model_validate(document.data), document, frozenset(hidden))
        except ValidationError as error:
            details = error.errors(include_url=False)
        broken = {_note(model, document, detail, gone, report) for detail in details}
        if () in broken or len(broken) > _MOST_BROKEN:
            return None
        for path in sorted(broken, key=_last_first, reverse=True):
            if path in document.positions:
                hidden |= _words(document, path)
                gone.append(path)
                document = document.without(path)
    return None


def _last_first(path: Path) -> tuple[tuple[int, str], ...]:
    """Sorts so that reversed, later items come before earlier ones and inner pieces before outer ones."""
    return tuple((part, "") if isinstance(part, int) else (0, part) for part in path)


def _words(document: Document, path: Path) -> set[str]:
    """The keys and texts of a piece."""
    words, waiting = {str(path[-1])}, [document.at(path)]
    while waiting:
        data = waiting.pop()
        if isinstance(data, dict):
            words |= set(data)
            waiting += data.values()
        elif isinstance(data, list):
            waiting += data
        elif isinstance(data, str):
            words.add(data)
    return words


def _note(model: type[BaseModel], document: Document, detail: ErrorDetails, gone: list[Path], report: Report) -> Path:
    """Note one error; returns the path of the piece to take out. What only follows from `gone` is not told."""
    kind, context, location = detail["type"], detail.get("ctx", {}), detail["loc"]
    where, is_key = _locate(document, location)
    key = str(location[-1]) if location else ""
    if any(path[: len(where.path)] == where.path for path in gone):
        return where.path
    if kind == "extra_forbidden":
        allowed = tuple(_keys_at(model, location[:-1]))
        message = _with_slip(say("there is no key `{key}` here", key=key), key)
        report.error(where, message, reason="unknown_key", got=before_colon(key), allowed=allowed)
    elif kind == "missing" and _misspelt(model, document, where.path, location, key):
        pass  # told as the unknown key that it is
    elif kind == "missing":
        report.error(where, say("`{key}` is missing", key=key), reason="missing_key", allowed=(key,))
    elif kind == "literal_error":
        got = where.path[-1] if is_key else detail["input"]
        allowed = tuple(_QUOTED.findall(str(context.get("expected", ""))))
        word = str(got)[:80]
        report.error(
            where, say("`{word}` is not allowed here", word=word), reason="not_allowed", got=word, allowed=allowed
        )
    elif "text" in context:
        got, allowed = str(context.get("got", "")), tuple(context.get("allowed", ()))
        message = _with_slip(_with_width(context["text"], detail["input"]), got)
        report.error(where, message, reason=kind, got=got, allowed=allowed)
    else:
        message = _with_width(_MESSAGES.get(kind) or _of_validator(detail), detail["input"])
        if kind in _NUMBERS and isinstance(detail["input"], str):
            message = with_meant(message, number_meant(detail["input"]))
        report.error(where, message, reason="bad_type" if kind in _MESSAGES else "bad_value")
    return where.path


def _with_slip(message: str, key: str) -> str:
    """The message, and what a keyboard or a copied text brought into the key."""
    told = key_slip(key)
    return message if told is None else joined("", (message, told))


def _with_width(message: str, got: object) -> str:
    """The message, and the same in half width where that is all that was meant."""
    plain = half_width(got) if isinstance(got, str) else None
    return message if plain is None else joined("", (message, say(" (in half width: `{plain}`)", plain=plain)))


def _of_validator(detail: ErrorDetails) -> str:
    """What a validator of ours said, or what bounds the model sets; else pydantic."""
    context = detail.get("ctx", {})
    if isinstance(context.get("error"), ValueError):
        return said(context["error"])
    if detail["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], detail["msg"])
    if detail["type"] not in _BOUNDS:
        return detail["msg"]
    name, bounded = _BOUNDS[detail["type"]]
    return bounded(f"{context[name]:g}")


def _misspelt(
    model: type[BaseModel], document: Document, path: Path, location: tuple[int | str, ...], key: str
) -> bool:
    """True when a key that stands here is a slip of the missing one."""
    known = set(_keys_at(model, location[:-1]))
    strangers = [before_colon(word) for word in document.at(path) if word not in known]
    return bool(get_close_matches(key, strangers, n=1, cutoff=0.6))


def _locate(document: Document, location: tuple[int | str, ...]) -> tuple[Where, bool]:
    """Walk the document along pydantic's location; parts that name a branch of a union are no place in it."""
    where, data, is_key = Where(document), document.data, False
    for part in location:
        if part == "[key]":
            is_key = True
        elif isinstance(data, dict) and part in data:
            where, data = where / part, data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            where, data = where / part, data[part]
    return where, is_key


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[str]:
    """The keys that the model at `location` knows, for the hint about a misspelt one."""
    places: list[Any] = [model]
    for part in location:
        deeper = [inner for place in places for inner in _step(place, part)]
        places = deeper or places
    for place in places:
        for inner in _unwrapped(place):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                for name, info in inner.model_fields.items():
                    yield info.alias or name


def _step(annotation: Any, part: int | str) -> Iterator[Any]:
    for inner in _unwrapped(annotation):
        origin = get_origin(inner)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for name, info in inner.model_fields.items():
                if part == (info.alias or name):
                    yield info.annotation
        elif origin is dict and isinstance(part, str):
            yield get_args(inner)[1]
        elif origin in (list, tuple) and isinstance(part, int):
            yield get_args(inner)[0]


def _unwrapped(annotation: Any) -> Iterator[Any]:
    """The branches of a union, without `Annotated` around them."""
    if hasattr(annotation, "__metadata__"):
        yield from _unwrapped(annotation.__origin__)
    elif get_origin(annotation) in (Union, UnionType):
        for branch in get_args(annotation):
            yield from _unwrapped(branch)
    else:
        yield annotation

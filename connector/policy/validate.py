"""From a document to its model: pydantic's errors become problems with a place, what is allowed and a hint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.policy.document import Where
from connector.policy.files.base import FileModel
from connector.policy.problems import Report

_M = TypeVar("_M", bound=FileModel)
_QUOTED = re.compile(r"'([^']*)'")
_MESSAGES = {
    "string_type": "a text belongs here",
    "bool_parsing": "write yes or no",
    "int_parsing": "a whole number belongs here",
    "int_type": "a whole number belongs here",
    "int_from_float": "a whole number belongs here",
    "float_parsing": "a number belongs here",
    "float_type": "a number belongs here",
    "finite_number": "a number belongs here",
    "dict_type": "a mapping (`key: value`) belongs here",
    "model_type": "a mapping (`key: value`) belongs here",
    "model_attributes_type": "a mapping (`key: value`) belongs here",
    "list_type": "a list belongs here",
    "tuple_type": "a list belongs here",
}


def read_model(model: type[_M], where: Where, data: Any, report: Report) -> _M | None:
    """The model of `data`, or None after noting every error."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _note(model, where, data, detail, report)
        return None


def _note(model: type[BaseModel], where: Where, data: Any, detail: ErrorDetails, report: Report) -> None:
    kind, context = detail["type"], detail.get("ctx", {})
    spot, is_key = _locate(where, data, detail["loc"])
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        allowed = tuple(_keys_at(model, detail["loc"][:-1]))
        report.error(spot, f"there is no key `{key}` here", reason="unknown_key", got=key, allowed=allowed)
    elif kind == "missing":
        key = str(detail["loc"][-1])
        report.error(spot, f"`{key}` is missing", reason="missing_key", allowed=(key,))
    elif kind == "literal_error":
        allowed = tuple(_QUOTED.findall(str(context.get("expected", ""))))
        got = "" if is_key else str(detail["input"])[:80]
        report.error(spot, f"`{got or detail['loc'][-1]}` is not allowed here", reason="not_allowed", got=got, allowed=allowed)
    elif "text" in context:
        allowed = tuple(context.get("allowed", ()))
        report.error(spot, str(context["text"]), reason=kind, got=str(context.get("got", "")), allowed=allowed)
    else:
        message = _MESSAGES.get(kind) or detail["msg"].removeprefix("Value error, ")
        report.error(spot, message, reason="bad_type" if kind in _MESSAGES else "bad_value")


def _locate(where: Where, data: Any, location: tuple[int | str, ...]) -> tuple[Where, bool]:
    """Walk the document along pydantic's location; parts that name a branch of a union are no place in it."""
    is_key = False
    for part in location:
        if part == "[key]":
            is_key = True
        elif isinstance(data, dict) and isinstance(part, str) and part in data:
            where, data = where / part, data[part]
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

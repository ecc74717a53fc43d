"""Which pieces a policy is made of: every model with the page and the path that it stands at, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from connector.policy.files import MODELS
from connector.policy.files.actions import ActionModel, DoModel
from connector.policy.files.base import FileModel
from connector.policy.sentences import stem_of

ACTIONS = "actions"
_ROOTS: Mapping[str, tuple[tuple[str, type[FileModel]], ...]] = {
    **{stem: (("", model),) for stem, model in MODELS.items()},
    ACTIONS: (("do[]", ActionModel), ("on_wake, if_missing", DoModel)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a piece: `name` as the YAML writes it, `type` as the model declares it."""

    name: str
    type: Any
    required: bool
    default: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One piece: `page` is the file that it is described with, `path` where it stands (`clocks[].escalation[]`)."""

    page: str
    path: str
    model: type[FileModel]

    @property
    def anchor(self) -> str:
        """The heading's anchor, as Markdown viewers make it of the path."""
        kept = (character for character in self.path.lower() if character.isalnum() or character in "_- ")
        return "".join(kept).replace(" ", "-")


def keys_of(model: type[FileModel]) -> tuple[Key, ...]:
    """The keys of a model, in its order."""
    hints = get_type_hints(model, include_extras=True)
    return tuple(
        Key(
            name=info.alias or attribute,
            type=hints[attribute],
            required=info.is_required(),
            default=None if info.is_required() else info.get_default(call_default_factory=True, validated_data={}),
        )
        for attribute, info in model.model_fields.items()
    )


def sections() -> tuple[Section, ...]:
    """Every piece once, page by page, each where it is first met."""
    found: dict[type[FileModel], Section] = {}
    for page, roots in _ROOTS.items():
        for path, model in roots:
            _visit(page, path, model, found)
    return tuple(found.values())


def _visit(page: str, path: str, model: type[FileModel], found: dict[type[FileModel], Section]) -> None:
    if model in found or stem_of(model) != page:
        return
    found[model] = Section(page=page, path=path, model=model)
    for key in keys_of(model):
        below = f"{path}.{key.name}" if path else key.name
        for inner, child in models_in(key.type):
            _visit(page, below + inner, child, found)


def models_in(hint: Any, path: str = "") -> Iterator[tuple[str, type[FileModel]]]:
    """Every model that a type names, with the way to it: `[]` into a list, `.<id>` into a mapping."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, FileModel):
        yield path, hint
    elif origin is Annotated:
        yield from models_in(arguments[0], path)
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from models_in(argument, path)
    elif origin in (list, tuple):
        yield from models_in(arguments[0], f"{path}[]")
    elif origin is dict:
        yield from models_in(arguments[1], f"{path}.<id>")

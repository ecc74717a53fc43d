"""JSON Schema for editors, generated from the models that read the YAML: completion and hints while typing.

One file holds every definition; a small file for each kind of YAML file points into it. What `sentences/` says of a
key is what the editor shows beside it, in English and Japanese.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from connector.policy.files import MODELS
from connector.policy.files.base import LANGUAGE_FORM, OPERATORS
from connector.policy.model import EventKind
from connector.policy.reference.outline import keys_of, sections
from connector.policy.sentences import Sentence, language, piece_of, sentence_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAIN = "policy.schema.json"
_WORD: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_WORDS: dict[str, Any] = {"anyOf": [_WORD, {"type": "array", "items": _WORD}]}
_NESTED = {"type": "array", "items": {"$ref": "#/$defs/Condition"}, "minItems": 1}


def policy_schema() -> dict[str, Any]:
    """The whole schema: `$defs` of every file and piece."""
    pairs = [(model, "validation") for model in MODELS.values()]
    _, generated = models_json_schema(pairs, by_alias=True)  # type: ignore[arg-type]
    models = {section.model.__name__ for section in sections()}
    definitions: dict[str, Any] = {
        name: form for name, form in _referring(generated["$defs"], of_names=True).items() if name in models
    }
    _describe(definitions)
    definitions.update(_language())
    return {
        "$schema": DIALECT,
        "title": "Tasuki policy",
        "description": "The files of a policy. Each kind of file has its own schema beside this one.",
        "$defs": {name: definitions[name] for name in sorted(definitions)},
        "anyOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in MODELS.values()],
    }


def schema_files() -> dict[str, str]:
    """File name → text: the main schema and one for each kind of file."""
    files = {MAIN: _text(policy_schema())}
    for stem, model in MODELS.items():
        pointer = {"$schema": DIALECT, "title": f"{stem}.yaml", "$ref": f"{MAIN}#/$defs/{model.__name__}"}
        files[f"{stem}.schema.json" if stem != "policy" else "settings.schema.json"] = _text(pointer)
    return files


def write_schema(folder: Path) -> list[Path]:
    """Write every schema file into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schema_files().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _referring(piece: Any, *, of_names: bool = False) -> Any:
    """The schema with references to the language's own forms, without what pydantic adds for programs.

    `of_names` says that the keys of `piece` are names of properties or definitions, not words of JSON Schema.
    """
    if isinstance(piece, list):
        return [_referring(item) for item in piece]
    if not isinstance(piece, dict):
        return piece
    if of_names:
        return {key: _referring(value) for key, value in piece.items()}
    if LANGUAGE_FORM in piece:
        return {"$ref": f"#/$defs/{piece[LANGUAGE_FORM]}"}
    branches = [branch for branch in piece.get("anyOf", ()) if branch != {"type": "null"}]
    if len(branches) == 1:
        return _referring(branches[0])
    return {
        key: _referring(branches if key == "anyOf" else value, of_names=key == "properties")
        for key, value in piece.items()
        if key not in ("title", "default")
    }


def _describe(definitions: dict[str, Any]) -> None:
    """Put what is said of every piece and key beside it."""
    for section in sections():
        definition = definitions[section.model.__name__]
        piece = piece_of(section.model)
        if piece is not None:
            definition["description"] = _hint(piece.sentence)
        for key in keys_of(section.model):
            sentence = sentence_of(section.model, key.name)
            if sentence is not None:
                definition["properties"][key.name]["description"] = _hint(sentence)


def _hint(sentence: Sentence) -> str:
    return "\n".join(sentence[code] for code in ("en", "ja") if code in sentence)


def _language() -> dict[str, Any]:
    """Conditions and events: their form is the language's own and not a model."""
    said = language()
    hints = {word: _hint(said["operators"].get(word) or said["counts"][word]) for word in (*OPERATORS, "since")}
    words = {word: _operand(word) for word in OPERATORS} | {"since": _since()}
    operators = {
        "type": "object",
        "properties": {word: operand | {"description": hints[word]} for word, operand in words.items()},
    }
    events: dict[str, Any] = {kind.value: {"type": "string"} for kind in EventKind}
    events["becomes"] = {"$ref": "#/$defs/Condition"}
    events = {word: form | {"description": _hint(said["events"][word])} for word, form in events.items()}
    return {
        "Condition": {
            "description": "The keys of one mapping are AND. A list means is any of, a bare value means is.",
            "type": "object",
            "minProperties": 1,
            "properties": {"any": _NESTED, "all": _NESTED, "none": _NESTED},
            "additionalProperties": {
                "anyOf": [*_WORDS["anyOf"], operators | {"additionalProperties": False, "minProperties": 1}]
            },
        },
        "Events": {
            "description": "A moment, or a list of which the first counts.",
            "anyOf": [{"$ref": "#/$defs/Event"}, {"type": "array", "items": {"$ref": "#/$defs/Event"}, "minItems": 1}],
        },
        "Event": {
            "type": "object",
            "properties": events | {"early": {"type": "string"}},
            "additionalProperties": False,
            "minProperties": 1,
        },
    }


def _operand(word: str) -> dict[str, Any]:
    if word == "between":
        return {"type": "array", "items": _WORD, "minItems": 2, "maxItems": 2}
    return _WORDS


def _since() -> dict[str, Any]:
    return {"enum": ["stage_entered"]}

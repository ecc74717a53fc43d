"""What every key of a policy means, in English and Japanese: one YAML file beside each module of `files`.

The language reference (`docs/policy/`), the hints that editors show (JSON Schema) and nothing else read them. A key
that is added to a model gets its line here: `<ModelName>: keys: <key>: {en: …, ja: …}`, and stands in the piece's
`example`, which must load within the shipped policy `b2b-ja`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from connector.policy.files.base import LANGUAGES, FileModel

Sentence = Mapping[str, str]
"""Language code → one sentence."""

_EVERYWHERE = "everywhere"
_LANGUAGE = "language"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is said of one model: the piece itself, its keys, and a piece of YAML that shows every key."""

    sentence: Sentence
    example: str
    keys: Mapping[str, Sentence] = field(default_factory=dict)


def stem_of(model: type[FileModel]) -> str:
    """The file below `sentences/` that speaks of a model: that of its module; `policy` for settings.py."""
    stem = model.__module__.rpartition(".")[2]
    return "policy" if stem == "settings" else stem


@cache
def pieces(stem: str) -> Mapping[str, Piece]:
    """What one file says, by the names of the models."""
    return {
        name: Piece(sentence=_said(raw), example=raw["example"], keys={k: _said(v) for k, v in raw["keys"].items()})
        for name, raw in _read(stem).items()
    }


@cache
def everywhere() -> Mapping[str, Sentence]:
    """Keys that mean the same in every piece."""
    return {key: _said(raw) for key, raw in _read(_EVERYWHERE)["keys"].items()}


@cache
def language() -> Mapping[str, Any]:
    """What is said of conditions, names, durations, events and texts: part → word → `en`, `ja`, `example`."""
    return _read(_LANGUAGE)


def piece_of(model: type[FileModel]) -> Piece | None:
    """What is said of a model; None when nothing is."""
    return pieces(stem_of(model)).get(model.__name__)


def sentence_of(model: type[FileModel], key: str) -> Sentence | None:
    """What is said of a key as the YAML writes it; None when nothing is."""
    piece = piece_of(model)
    own = piece.keys.get(key) if piece is not None else None
    return own if own is not None else everywhere().get(key)


def _said(raw: Mapping[str, Any]) -> Sentence:
    return {code: str(raw[code]) for code in LANGUAGES if raw.get(code)}


def _read(stem: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(
        (files(__name__) / f"{stem}.yaml").read_text(encoding="utf-8")
    )
    return found

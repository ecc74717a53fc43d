"""One YAML file as plain data with a position for every key and item.

YAML 1.2 is composed to nodes and read by us: every scalar stays the text that stands in the file (`9:00`,
`01-02`, `yes`), so that the model of a field alone decides its type. Duplicate keys, tags, oversized or
endlessly nested files are faults with a place, never a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from connector.policy.slips import NO_MERGE, slip
from connector.texts import joined, say

Path: TypeAlias = tuple[str | int, ...]
Position: TypeAlias = tuple[int, int]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MOST_BYTES = 1_000_000
_MOST_DEPTH = 40
_MOST_NODES = 100_000
_KINDS = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp"})
_NESTED = re.compile("flow|quoted")  #: What the reader was within when a bracket or a quote did not come.
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class DocumentFault(ValueError):
    """The bytes are not the YAML that a policy is written in; `position` says where."""

    def __init__(self, message: str, position: Position, reason: str) -> None:
        super().__init__(message)
        self.position = position
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that does not stop the reading of the rest of the file."""

    path: Path
    position: Position
    message: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A file's data (`dict`, `list`, `str`, `None`) and where each piece stands (line and column from 1)."""

    file: str
    data: Any
    positions: Mapping[Path, Position]
    lines: tuple[str, ...]
    faults: tuple[Fault, ...] = ()

    def position(self, path: Path) -> Position:
        """The place of the nearest piece that exists on the way to `path`."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, (1, 1))

    def at(self, path: Path) -> Any:
        """The piece at a path that exists."""
        return _at(self.data, path)

    def without(self, path: Path) -> Document:
        """The document with one piece taken out; later items of a list move up with their positions."""
        holder: Any = _at(self.data, path[:-1])
        last = path[-1]
        data: Any
        if isinstance(holder, dict):
            data = {key: value for key, value in holder.items() if key != last}
        else:
            data = [value for index, value in enumerate(holder) if index != last]
        return replace(self, data=_with(self.data, path[:-1], data), positions=_moved(self.positions, path))


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _with(data: Any, path: Path, piece: Any) -> Any:
    """A copy of `data` in which `piece` stands at `path`; what lies beside the way is shared."""
    if not path:
        return piece
    copy: Any = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = _with(data[path[0]], path[1:], piece)
    return copy


def _moved(positions: Mapping[Path, Position], gone: Path) -> dict[Path, Position]:
    depth, last = len(gone) - 1, gone[-1]
    moved: dict[Path, Position] = {}
    for path, position in positions.items():
        if len(path) <= depth or path[:depth] != gone[:-1]:
            moved[path] = position
            continue
        part = path[depth]
        if part == last:
            continue
        if isinstance(part, int) and isinstance(last, int) and part > last:
            path = (*path[:depth], part - 1, *path[depth + 1 :])  # noqa: PLW2901
        moved[path] = position
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """A path within a document; `where / "rules" / 0` goes deeper."""

    document: Document
    path: Path = ()

    def __truediv__(self, key: str | int) -> Where:
        return Where(self.document, (*self.path, key))

    @property
    def file(self) -> str:
        """The file's name within the policy."""
        return self.document.file

    @property
    def position(self) -> Position:
        """Line and column, from 1."""
        return self.document.position(self.path)

    def has(self, key: str | int) -> bool:
        """True when the file itself says `key` here."""
        return (*self.path, key) in self.document.positions


def empty(file: str) -> Document:
    """A file that is not there, or holds nothing."""
    return Document(file=file, data={}, positions={}, lines=())


@lru_cache(maxsize=32)
def read(file: str, content: bytes) -> Document:
    """Compose a document, which nobody changes; raises `DocumentFault` when nothing of it can be read.

    Two versions of a policy share most files: those are read once.
    """
    if len(content) > MOST_BYTES:
        raise DocumentFault(
            say("the file is larger than {most_bytes:,} bytes", most_bytes=MOST_BYTES), (1, 1), "too_large"
        )
    text = _decode(content)
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        reader = _Reader()
        data = reader.read(node, ()) if node is not None else {}
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        position, problem = slip(text.splitlines(), position, error.problem or "unreadable")
        begun = error.context_mark
        if begun is not None and begun.line + 1 < position[0] and _NESTED.search(error.context or ""):
            problem = joined("", (problem, say(" (what begins in line {line} is not ended)", line=begun.line + 1)))
        raise DocumentFault(say("this is not YAML: {problem}", problem=problem), position, "not_yaml") from error
    except RecursionError as error:
        raise DocumentFault(say("the file is nested too deep"), (1, 1), "too_deep") from error
    except (YAMLError, ValueError, LookupError, AssertionError, TypeError, AttributeError) as error:
        # The YAML reader raises bare Python errors for some malformed numbers, escapes and directives.
        if isinstance(error, DocumentFault):
            raise
        raise DocumentFault(say("this is not YAML"), (1, 1), "not_yaml") from error
    return Document(
        file=file,
        data=data,
        positions=reader.positions,
        lines=tuple(text.splitlines()),
        faults=tuple(reader.faults),
    )


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentFault(say("the file is not UTF-8 text; save it as UTF-8"), (line, 1), "not_utf8") from error


@dataclass(slots=True)
class _Reader:
    positions: dict[Path, Position] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    nodes: int = 0

    def read(self, node: Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES or len(path) > _MOST_DEPTH:
            raise DocumentFault(say("the file is nested too deep or repeats itself"), _start(node), "too_deep")
        self.positions.setdefault(path, _start(node))
        if not _plain_tag(node):
            message = say("tags (`!…`) are not used in a policy; leave it out")
            self.faults.append(Fault(path, _start(node), message, "tag"))
        if isinstance(node, ScalarNode):
            self._check_text(node, path)
            return _scalar(node)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        raise DocumentFault(say("this is not YAML"), _start(node), "not_yaml")

    def _check_text(self, node: ScalarNode, path: Path) -> None:
        """Escapes can write what no file, database or CRM holds: lone surrogates and control characters."""
        if _UNPRINTABLE.search(node.value):
            message = say("this text holds a character that cannot be stored; write it without the escape")
            self.faults.append(Fault(path, _start(node), message, "unprintable"))

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            position = _start(key_node)
            if not isinstance(key_node, ScalarNode):
                self.faults.append(Fault(path, position, say("a key must be a word"), "bad_key"))
                continue
            key = str(key_node.value)
            if _UNPRINTABLE.search(key):
                self.faults.append(Fault(path, position, say("a key must be a word"), "bad_key"))
                continue
            if key == "<<":
                self.faults.append(Fault((*path, key), position, NO_MERGE, "merge"))
                continue
            if key in data:
                message = say(
                    "`{key}` stands here twice; the first is in line {line}",
                    key=key,
                    line=self.positions[*path, key][0],
                )
                self.faults.append(Fault((*path, key), position, message, "duplicate_key"))
                continue
            self.positions[*path, key] = position
            data[key] = self.read(value_node, (*path, key))
        return data


def _scalar(node: ScalarNode) -> str | None:
    """The text as written; a plain empty or null scalar is nothing."""
    if node.style in (None, "") and node.value in _NULLS:
        return None
    return str(node.value)


def _start(node: Node) -> Position:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _plain_tag(node: Node) -> bool:
    prefix, _, kind = str(node.ctag).rpartition(":")
    return kind in ("None", "!", "") or (prefix == "tag:yaml.org,2002" and kind in _KINDS)

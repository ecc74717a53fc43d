"""What two versions of a policy say differently, key by key; a list of rules is held together by their ids. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.policy.document import DocumentFault, read
from connector.policy.source import FILES
from connector.texts import Text, joined, say

_MOST_TEXT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `before` None: it is new; `after` None: it is gone. `path` is written with dots."""

    file: str
    path: str
    before: str | None
    after: str | None

    @property
    def sign(self) -> str:
        """`+` new, `-` gone, `~` changed."""
        if self.before is None:
            return "+"
        return "-" if self.after is None else "~"

    def text(self) -> Text:
        """One line for people."""
        place = f"{self.sign} {self.file} {self.path}".rstrip()
        if self.before is None:
            return joined("", (place, ": ", self.after or ""))
        if self.after is None:
            return say("{place} (was: {before})", place=place, before=self.before)
        return joined("", (place, ": ", self.before, " → ", self.after))


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Change]:
    """Every difference between two policies' files, in the order of the files. Both must have been loaded before."""
    names = [*FILES, *sorted((before.keys() | after.keys()) - set(FILES))]
    return [change for name in names for change in _file(name, before.get(name), after.get(name))]


def _file(name: str, before: bytes | None, after: bytes | None) -> Iterator[Change]:
    if before == after:
        return
    if before is None or after is None:
        said = say("the whole file")
        yield Change(file=name, path="", before=None if before is None else said, after=None if after is None else said)
        return
    yield from _pieces(name, "", _data(name, before), _data(name, after))


def _data(name: str, content: bytes) -> Any:
    """A file of the language as data; a list of values as its lines."""
    if name not in FILES:
        return content.decode("utf-8", "replace").splitlines()
    try:
        return read(name, content).data
    except DocumentFault:
        return content.decode("utf-8", "replace")


def _pieces(file: str, path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    before, after = _by_id(before), _by_id(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{path}.{key}" if path else str(key)
            if key not in after:
                yield Change(file=file, path=inner, before=_text(before[key]), after=None)
            elif key not in before:
                yield Change(file=file, path=inner, before=None, after=_text(after[key]))
            else:
                yield from _pieces(file, inner, before[key], after[key])
        if [key for key in before if key in after] != [key for key in after if key in before]:
            order = [str(key) for key in after]
            yield Change(
                file=file, path=f"{path} (order)", before=_text([str(key) for key in before]), after=_text(order)
            )
        return
    if isinstance(before, list) and isinstance(after, list) and all(isinstance(one, str) for one in before + after):
        yield from _words(file, path, before, after)
        return
    yield Change(file=file, path=path, before=_text(before), after=_text(after))


def _words(file: str, path: str, before: list[str], after: list[str]) -> Iterator[Change]:
    """Lists of words: what came and what went."""
    gone = [one for one in before if one not in after]
    new = [one for one in after if one not in before]
    if gone:
        yield Change(file=file, path=path, before=_text(gone), after=None)
    if new:
        yield Change(file=file, path=path, before=None, after=_text(new))
    if not gone and not new:
        yield Change(file=file, path=f"{path} (order)", before=_text(before), after=_text(after))


def _by_id(value: Any) -> Any:
    """A list of mappings that each have an id, by these ids."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "id" in one for one in value):
        return {one["id"]: {key: inner for key, inner in one.items() if key != "id"} for one in value}
    return value


def _text(value: Any) -> str:
    """A piece in one line of flow style, cut when it is long."""
    text = _flow(value)
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return "~" if value is None else str(value)

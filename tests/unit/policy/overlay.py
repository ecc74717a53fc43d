"""Lays a piece of YAML, as guides and reference show it, over a policy: would the whole still load?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connector.policy.document import read
from connector.policy.loader import check_files

_BLOCK = re.compile(r"^```yaml\n# (?P<file>[a-z]+\.yaml)(?P<note>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block that begins with `# <file>`; what stands behind the file's name is a note to the reader."""

    file: str
    note: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Every block of YAML of a page. A fence without a file's name in its first line is an error."""
    text = page.read_text(encoding="utf-8")
    found = list(_BLOCK.finditer(text))
    assert len(found) == len(re.findall(r"^ *```ya?ml", text, re.MULTILINE)), (
        f"{page}: begin every block of YAML with its file, such as `# scoring.yaml`"
    )
    for match in found:
        line = text.count("\n", 0, match.start()) + 1
        yield Block(file=match["file"], note=match["note"].strip(), text=match["text"], line=line)


def data_of(text: str) -> Any:
    """A piece of YAML as the loader reads it: every scalar is text."""
    return read("piece.yaml", text.encode()).data


def overlaid(files: Mapping[str, bytes], file: str, text: str) -> dict[str, bytes]:
    """The policy with the piece put in: mappings are merged, lists of rules by `id`, anything else is replaced."""
    whole = data_of(files[file].decode()) if file in files else {}
    return {**files, file: json.dumps(merged(whole, data_of(text)), ensure_ascii=False).encode()}


_READ = cache(read)  # most files of one check are those of the last


@cache
def _errors(files: tuple[tuple[str, bytes], ...]) -> tuple[str, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.policy.loader.read", _READ)
        policy, problems = check_files(dict(files))
    errors = tuple(problem.text() for problem in problems if not problem.warning)
    assert (policy is None) is bool(errors)
    return errors


def errors_with(files: Mapping[str, bytes], file: str, text: str) -> tuple[str, ...]:
    """The errors of the policy with the piece put in."""
    return _errors(tuple(overlaid(files, file, text).items()))


def merged(old: Any, new: Any) -> Any:
    """`new` laid over `old`."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    if _rules(old) and _rules(new):
        mine = {item["id"]: item for item in new}
        kept = [merged(item, mine.pop(item["id"], {})) for item in old]
        return kept + list(mine.values())
    return new


def _rules(piece: Any) -> bool:
    return isinstance(piece, list) and bool(piece) and all(isinstance(item, dict) and "id" in item for item in piece)

"""Tombstones outside the database, so that a restored backup learns who was erased after it was made.

One JSON object a line: the first names the installation's key, each other one is a hash and its moment. Nobody can be
told from it: keep it where backups of the database are not kept.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import orjson

from connector.errors import UsageError
from connector.store import tombstones
from connector.store.database import Connection
from connector.store.tombstones import Tombstone
from connector.texts import say

_FORM = "tasuki-tombstones-1"


def read(path: Path, *, key_name: str) -> list[Tombstone]:
    """What the file holds; `UsageError` for another installation's, or for what is none."""
    try:
        lines = path.read_bytes().splitlines()
        head = orjson.loads(lines[0])
        found = [_tombstone(line) for line in lines[1:] if line]
        if head["form"] != _FORM:
            raise KeyError("form")
    except OSError as error:
        raise UsageError(
            say("{path} cannot be read ({error}).", path=path, error=type(error).__name__),
            reason="tombstones_unreadable",
        ) from None
    except (ValueError, LookupError, TypeError):
        raise UsageError(
            say("{path} is no file of tombstones, or a part of one; put it back from where you keep it.", path=path),
            reason="tombstones_malformed",
        ) from None
    if head["key"] != key_name:
        raise UsageError(
            say(
                "{path} is another installation's: its tombstones say nothing of the people of this database.",
                path=path,
            ),
            reason="tombstones_of_another",
        )
    return found


def write(path: Path, found: Iterable[Tombstone], *, key_name: str) -> None:
    """Write all of these, in the place of what the file holds: at once or not at all (0600)."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"\n".join([orjson.dumps({"form": _FORM, "key": key_name}), *_lines(found), b""]))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_all(conn: Connection, path: Path) -> int:
    """Write every tombstone of this installation; returns how many."""
    found = tombstones.listed(conn)
    write(path, found, key_name=tombstones.key_name(conn))
    return len(found)


def _lines(found: Iterable[Tombstone]) -> Iterator[bytes]:
    for one in found:
        yield orjson.dumps({"hash": one.hash.hex(), "erased_at": one.erased_at})


def _tombstone(line: bytes) -> Tombstone:
    told = orjson.loads(line)
    return Tombstone(hash=bytes.fromhex(told["hash"]), erased_at=datetime.fromisoformat(told["erased_at"]))

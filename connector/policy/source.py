"""The files of a policy, from a folder or from memory, and the hash that names their exact content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from connector.errors import PolicyError
from connector.texts import say

STEMS = (
    "policy", "fields", "signals", "scoring", "lifecycle", "work", "routing", "sla", "handoff", "recycle",
    "kpi", "examples",
)  # fmt: skip
"""The files of the language; each is `<stem>.yaml`."""
FILES = tuple(f"{stem}.yaml" for stem in STEMS)
MOST_LIST_BYTES = 20_000_000
_LISTS = "lists"


class FolderError(PolicyError):
    """There is no policy in this folder; `tasuki init DIR` starts one."""


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file that belongs to the policy in a folder: path within it → bytes.

    YAML files at the top and CSV files at the top or below `lists/`; anything else (a README) is no part of it.
    Links that lead out of the folder are left out.
    """
    try:
        if folder.is_file():
            told = say(
                "{folder} is a file; name the folder that it stands in: {parent}", folder=folder, parent=folder.parent
            )
            raise FolderError(told, reason="no_folder")
        if not folder.is_dir():
            raise FolderError(
                say("{folder} is no folder; `tasuki init DIR` starts a policy", folder=folder), reason="no_folder"
            )
        root = folder.resolve()
        paths = sorted(
            path
            for pattern in ("*.yaml", "*.yml", "*.csv", f"{_LISTS}/**/*.csv")
            for path in folder.glob(pattern)
            if path.is_file() and path.resolve().is_relative_to(root)
        )
        return {path.relative_to(folder).as_posix(): _content(path) for path in paths}
    except OSError as error:
        message = say(
            "{folder} cannot be read ({strerror}); look at its permissions", folder=folder, strerror=error.strerror
        )
        raise FolderError(message, reason="unreadable_folder") from error


def _content(path: Path) -> bytes:
    """The file, cut just past the limit: larger ones are refused by size, never held in memory."""
    with path.open("rb") as file:
        return file.read(MOST_LIST_BYTES + 1)


def inside(path: str) -> bool:
    """True for a path that cannot leave the policy's folder."""
    pure = PurePosixPath(path)
    return bool(path) and "\\" not in path and "\0" not in path and not pure.is_absolute() and ".." not in pure.parts


def content_hash(files: Mapping[str, bytes]) -> str:
    """sha256 over the sorted paths and contents, lengths included so that no two sets read the same."""
    digest = hashlib.sha256()
    for path in sorted(files):
        name = path.encode("utf-8", "surrogateescape")
        digest.update(b"%d:%d:" % (len(name), len(files[path])))
        digest.update(name)
        digest.update(files[path])
    return digest.hexdigest()

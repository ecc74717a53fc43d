"""Which policies there are to speak of: the running ones by name, kept versions by their hash, folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.cli.which import running_policy
from connector.errors import UsageError
from connector.policy.source import read_folder
from connector.store import policies
from connector.store.database import Connection
from connector.texts import say

RUNNING = "running"
LEAST_PREFIX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A policy that somebody named: its name for people, and its files."""

    name: str
    files: Mapping[str, bytes]


def named(conn: Connection, reference: str) -> Named:
    """The policy of `running` (or a running one by its name), of a folder, or of the beginning of a kept hash."""
    if reference == RUNNING:
        return _running(conn, running_policy(conn, None))
    folder = Path(reference)
    if folder.is_dir():
        return Named(name=reference, files=read_folder(folder))
    by_name = next((one for one in policies.running(conn) if one.name == reference), None)
    if by_name is not None:
        return _running(conn, by_name)
    found = version(conn, reference)
    return Named(name=f"{found.name} {found.hash[:12]}", files=policies.files(conn, found.hash))


def _running(conn: Connection, active: policies.ActivePolicy) -> Named:
    return Named(name=f"{active.name} {active.hash[:12]}", files=policies.files(conn, active.hash))


def version(conn: Connection, prefix: str) -> policies.Version:
    """The kept version whose hash begins so. Raises `UsageError` for none and for several."""
    found = [one for one in policies.versions(conn) if one.hash.startswith(prefix)]
    if len(prefix) < LEAST_PREFIX or len(found) != 1:
        several = found and len(prefix) >= LEAST_PREFIX
        message = (
            say("{n} versions begin with {prefix!r}; `tasuki versions` lists them.", n=len(found), prefix=prefix)
            if several
            else say("no folder or version is {prefix!r}; `tasuki versions` lists them.", prefix=prefix)
        )
        raise UsageError(message, reason="unknown_version")
    return found[0]

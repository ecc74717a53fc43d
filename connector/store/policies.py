"""Policy versions: every policy that ran is kept, byte for byte, by its content hash."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from connector.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePolicy:
    """The policy that runs: its files, since when (business time), and the walker's generation."""

    hash: str
    name: str
    activated_at: datetime
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A policy that ran: when it was activated last (business time)."""

    hash: str
    name: str
    active: bool
    activated_at: datetime


_VERSIONS = """
SELECT hash, name, active, activated_at FROM policy_version
WHERE activated_at IS NOT NULL ORDER BY active DESC, generation DESC
"""

_ACTIVE = "SELECT hash, name, activated_at, generation FROM policy_version WHERE active"

_KEEP = """
INSERT INTO policy_version (installation_id, hash, name, files) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""

_ACTIVATE = """
UPDATE policy_version
SET active = true, activated_at = %(now)s, generation = (SELECT max(generation) + 1 FROM policy_version)
WHERE hash = %(hash)s
"""


def active(conn: Connection) -> ActivePolicy | None:
    """The installation's running policy; None before the first activation."""
    row = conn.execute(_ACTIVE).fetchone()
    return ActivePolicy(**row) if row else None


def versions(conn: Connection) -> list[Version]:
    """Every policy that ran, the running one first, then the latest."""
    return [Version(**row) for row in conn.execute(_VERSIONS)]


def files(conn: Connection, content_hash: str) -> dict[str, bytes]:
    """The files of a kept version: path → bytes."""
    row = conn.execute("SELECT files FROM policy_version WHERE hash = %s", [content_hash]).fetchone()
    assert row is not None, "a policy version that ran is never deleted"
    return {path: base64.b64decode(text) for path, text in orjson.loads(row["files"]).items()}


def activate(
    conn: Connection,
    installation_id: int,
    *,
    content_hash: str,
    name: str,
    contents: Mapping[str, bytes],
    now: datetime,
) -> bool:
    """Keep this version and make it the running one. False: it already is."""
    current = active(conn)
    if current is not None and current.hash == content_hash:
        return False
    packed = orjson.dumps({path: base64.b64encode(data).decode() for path, data in contents.items()})
    conn.execute(_KEEP, [installation_id, content_hash, name, packed])
    conn.execute("UPDATE policy_version SET active = false WHERE active")
    conn.execute(_ACTIVATE, {"hash": content_hash, "now": now})
    return True

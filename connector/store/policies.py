"""Policy versions: every policy that ran is kept, byte for byte, by its content hash; several may run at a time."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from connector.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePolicy:
    """A policy that runs: its version, since when (business time), its place, and the walker's generation.

    The generation is the installation's: it grows with whatever changes of what runs.
    """

    hash: str
    name: str
    activated_at: datetime
    generation: int
    place: int = 1
    succeeds: Sequence[str] = ()  #: Names of those whose place it took: their leads do not pass over to it.

    def has(self, name: str | None) -> bool:
        """True for leads that are under the policy of this name: it, or one whose place it took; None: under none."""
        return name is None or name == self.name or name in self.succeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A policy that ran: when it was activated last (business time). `place`: of what runs, from 1."""

    hash: str
    name: str
    active: bool
    activated_at: datetime
    place: int | None


_VERSIONS = """
SELECT hash, name, active, activated_at, place FROM policy_version
WHERE activated_at IS NOT NULL ORDER BY active DESC, place, activated_at DESC, generation DESC
"""

_RUNNING = """
SELECT hash, name, activated_at, place, succeeds, (SELECT max(generation) FROM policy_version) AS generation
FROM policy_version WHERE active ORDER BY place
"""

_KEEP = """
INSERT INTO policy_version (installation_id, hash, name, files) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""

_STOP = "UPDATE policy_version SET active = false, place = NULL WHERE active AND name = ANY(%s)"

_ACTIVATE = """
UPDATE policy_version SET active = true, name = %(name)s, activated_at = %(now)s, succeeds = %(succeeds)s
WHERE hash = %(hash)s
"""

_PLACE = """
UPDATE policy_version SET place = ordered.place
FROM unnest(%s::text[]) WITH ORDINALITY AS ordered (name, place)
WHERE active AND policy_version.name = ordered.name
"""

_GROW = """
UPDATE policy_version SET generation = (SELECT max(generation) + 1 FROM policy_version)
WHERE hash = (SELECT hash FROM policy_version WHERE active ORDER BY place LIMIT 1)
"""


def running(conn: Connection) -> list[ActivePolicy]:
    """The installation's running policies in the order in which they take leads; empty before the first activation."""
    rows = conn.execute(_RUNNING).fetchall()
    names = {row["name"] for row in rows}
    return [ActivePolicy(**row | {"succeeds": [one for one in row["succeeds"] if one not in names]}) for row in rows]


def walk_again(conn: Connection) -> None:
    """Every lead is decided again in the background, as after an activation."""
    conn.execute(_GROW)


def versions(conn: Connection) -> list[Version]:
    """Every policy that ran: those that run now in their order, then the latest."""
    return [Version(**row) for row in conn.execute(_VERSIONS)]


def files(conn: Connection, content_hash: str) -> dict[str, bytes]:
    """The files of a kept version: path → bytes."""
    row = conn.execute("SELECT files FROM policy_version WHERE hash = %s", [content_hash]).fetchone()
    assert row is not None, "a policy version that ran is never deleted"
    return {path: base64.b64decode(text) for path, text in orjson.loads(row["files"]).items()}


def name_of(conn: Connection, content_hash: str) -> str:
    """What a kept version is called."""
    row = conn.execute("SELECT name FROM policy_version WHERE hash = %s", [content_hash]).fetchone()
    assert row is not None, "a policy version that ran is never deleted"
    return str(row["name"])


def activate(
    conn: Connection,
    installation_id: int,
    *,
    content_hash: str,
    name: str,
    contents: Mapping[str, bytes],
    now: datetime,
    order: Sequence[str],
) -> bool:
    """Keep this version and make it run; `order` names all that run then. False: so it is already."""
    before = running(conn)
    is_new = content_hash not in [one.hash for one in before]
    if not is_new and [one.name for one in before] == list(order):
        return False
    conn.execute(_STOP, [[one.name for one in before if one.name not in order or (is_new and one.name == name)]])
    if is_new:
        packed = orjson.dumps({path: base64.b64encode(data).decode() for path, data in contents.items()})
        conn.execute(_KEEP, [installation_id, content_hash, name, packed])
        gone = [one for one in before if one.name == name or one.name not in order]
        succeeds = {other for one in gone for other in (one.name, *one.succeeds)} - {name}
        values = {"hash": content_hash, "name": name, "now": now, "succeeds": sorted(succeeds)}
        conn.execute(_ACTIVATE, values)
    _arrange(conn, order)
    return True


def deactivate(conn: Connection, name: str) -> None:
    """Let this policy rest; its versions stay."""
    conn.execute(_STOP, [[name]])
    _arrange(conn, [one.name for one in running(conn)])


def _arrange(conn: Connection, order: Sequence[str]) -> None:
    """The order in which they take leads; every lead is looked at again under it."""
    conn.execute(_PLACE, [list(order)])
    conn.execute(_GROW)

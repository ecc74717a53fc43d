"""Reconcile's passes: how far each look over one object type of one connection has come.

A row is the pass under way, or the last one that ended. Never proof of progress: what a pass found is marked on links
and wanted reads in a transaction before its row moves on, and a mark stays until what it names was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from psycopg.types.json import Jsonb

from connector.store.database import Connection

OVERLAP = timedelta(minutes=2)
"""Beyond the lag of any vendor's search: so much of the time before is looked through again."""


class Scope(Enum):
    """What a pass looks at."""

    CHANGES = "changes"  #: What was modified in a window of time.
    EVERYTHING = "everything"  #: Every record there is, by list pages.


class Step(Enum):
    """Where a pass is."""

    LIVE = "live"
    ARCHIVED = "archived"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one stretch of a list of everything is: the next page, the last id before it, the last id that is its own.

    `after` None: from the start. `upto` None: to the end.
    """

    after: str | None = None
    above: str | None = None
    upto: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One look over one object type. `since` and `until` (the CRM's time) are frozen when it begins.

    `due_at` (machine time) is when the next one begins; `not_before` when the vendor, or our back-off, lets this one
    go on. A list of everything is read in stretches side by side: `places`, those that have not ended. `shown`: the
    activities that were shown and lie in the overlap with the next pass, with when they were modified.
    """

    object_type: str
    scope: Scope
    since: datetime
    until: datetime
    step: Step = Step.LIVE
    after: str | None = None
    places: tuple[Place, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    archived_after: str | None = None
    archived_left: int | None = None  #: Pages of archived records that this pass may still ask for; None: all.
    pages: int = 0
    looked: int = 0
    marked: int = 0
    archived: int = 0
    drifted: int = 0  #: Of those marked, how many differed without any event's telling.
    attempts: int = 0
    started_at: datetime
    ended_at: datetime | None = None
    due_at: datetime
    not_before: datetime | None = None

    @property
    def under_way(self) -> bool:
        """True until its last page was seen."""
        return self.ended_at is None


_COLUMNS = (
    "object_type, scope, since, until, step, after, places, shown, archived_after, archived_left, pages, looked, "
    "marked, archived, drifted, attempts, started_at, ended_at, due_at, not_before"
)
_VALUES = ", ".join(f"%({name})s" for name in _COLUMNS.split(", "))
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[2:])

# Two that begin at once begin one pass.
_BEGIN = f"""
INSERT INTO reconcile_pass (installation_id, connection_id, {_COLUMNS})
VALUES (%(installation_id)s, %(connection_id)s, {_VALUES})
ON CONFLICT (installation_id, connection_id, object_type, scope) DO UPDATE SET {_SET}
WHERE reconcile_pass.ended_at IS NOT NULL
"""

# Two who looked at the same page count it once.
_MOVE = """
UPDATE reconcile_pass
SET step = %(step)s, after = %(after)s, places = %(places)s, shown = %(shown)s, archived_after = %(archived_after)s,
    archived_left = %(archived_left)s, pages = %(pages)s, looked = %(looked)s, marked = %(marked)s,
    archived = %(archived)s, drifted = %(drifted)s, attempts = %(attempts)s, ended_at = %(ended_at)s,
    not_before = %(not_before)s
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND scope = %(scope)s
  AND started_at = %(started_at)s AND pages = %(pages_before)s AND ended_at IS NULL
"""

# A pass that is under way goes on to an earlier end; the next one begins there.
_LOOK_AGAIN = """
UPDATE reconcile_pass
SET due_at = least(due_at, now()), until = CASE WHEN scope = 'changes' THEN least(until, %(since)s) ELSE until END
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s
  AND (scope = 'changes' OR scope = 'everything' AND %(everything)s)
"""

# What was marked, tried, and could not be read: it stays marked, and is tried again until it is read.
_FAILING = """
SELECT (SELECT count(*) FROM link WHERE connection_id = %(id)s AND read_wanted_at IS NOT NULL AND read_attempts > 0)
     + (SELECT count(*) FROM wanted_read WHERE connection_id = %(id)s AND attempts > 0) AS n
"""


def listed(conn: Connection, connection_id: int) -> dict[tuple[str, Scope], Pass]:
    """The connection's passes, by object type and scope."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM reconcile_pass WHERE connection_id = %s", [connection_id])
    return {(one.object_type, one.scope): one for one in map(_pass, rows)}


def last(conn: Connection, connection_id: int, object_type: str) -> Pass | None:
    """The look for changes that is under way or ended last."""
    return listed(conn, connection_id).get((object_type, Scope.CHANGES))


def begin(conn: Connection, installation_id: int, connection_id: int, one: Pass) -> None:
    """Begin this pass, unless one of its kind is under way: that goes on where it was."""
    conn.execute(_BEGIN, {"installation_id": installation_id, "connection_id": connection_id, **_values(one)})


def move(conn: Connection, connection_id: int, before: Pass, after: Pass) -> bool:
    """Store how far the pass has come; False: somebody else has taken it further."""
    values = {"connection_id": connection_id, "pages_before": before.pages, **_values(after)}
    return conn.execute(_MOVE, values).rowcount == 1


def look_again(conn: Connection, connection_id: int, object_type: str, *, since: datetime, everything: bool) -> None:
    """Have what changed since then looked for at once, and with `everything` all there is looked through as well.

    A type that was never looked at begins at the activation by itself.
    """
    values = {"connection_id": connection_id, "object_type": object_type, "since": since, "everything": everything}
    conn.execute(_LOOK_AGAIN, values)


def failing(conn: Connection, connection_id: int) -> int:
    """How many records are marked, were tried and could not be read yet."""
    row = conn.execute(_FAILING, {"id": connection_id}).fetchone()
    return int(row["n"]) if row else 0


def ended_lately(conn: Connection, connection_id: int) -> bool:
    """True when the CRM has answered a look to its end within a day."""
    query = "SELECT 1 FROM reconcile_pass WHERE connection_id = %s AND ended_at > now() - interval '1 day' LIMIT 1"
    return conn.execute(query, [connection_id]).fetchone() is not None


def _pass(row: Mapping[str, Any]) -> Pass:
    places = tuple(Place(**place) for place in row["places"])
    return Pass(**{**row, "scope": Scope(row["scope"]), "step": Step(row["step"]), "places": places})


def _values(one: Pass) -> dict[str, object]:
    places = Jsonb([asdict(place) for place in one.places])
    shown = Jsonb(dict(one.shown))
    return {**asdict(one), "scope": one.scope.value, "step": one.step.value, "places": places, "shown": shown}

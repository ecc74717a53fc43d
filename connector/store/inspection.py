"""What people ask: who a lead is in the CRM, where it has been, what waits. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.store.database import Connection
from connector.store.outstanding import ALWAYS_FAILS

_UNFINISHED = """
SELECT (SELECT count(*) FROM inbox WHERE state = 'new')
     + (SELECT count(*) FROM link WHERE read_parked_at IS NULL AND
        (read_wanted_at IS NOT NULL OR desired_revision > confirmed_revision AND parked_reason IS NULL))
     + (SELECT count(*) FROM lead_due WHERE due_at <= %(now)s AND parked_reason IS NULL)
     + (SELECT count(*) FROM wanted_read WHERE object_type LIKE 'ours>%%' AND parked_at IS NULL) AS busy
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A lead's standing with one connection. `reading` and `writing`: a read or a write is outstanding."""

    connection_id: int
    vendor_id: str
    reading: bool
    writing: bool
    not_before: datetime | None
    attempts: int
    parked_reason: str | None
    parked_property: str | None
    parked_message: str | None
    parked_at: datetime | None
    dropped: Mapping[str, Any]
    moving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """When a lead is looked at next (None: only when something happens), and why."""

    at: datetime | None
    why: str
    failures: int
    parked_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One past or present stay in a stage. `lead_id`: whose it was, before merges."""

    lead_id: int
    seq: int
    stage: str
    entered_at: datetime
    mover: str
    transition: str | None
    reason: str | None
    passed: bool
    initial: bool
    grounds: Sequence[tuple[str, str | None, str | float | None]]  #: What the move rested on: name, moment, value.


@dataclass(frozen=True, slots=True, kw_only=True)
class OutstandingRow:
    """A record with a read or a write outstanding; `not_before` None: it may go out at once."""

    lead_id: int
    connection_id: int
    vendor_id: str
    lane: str
    reading: bool
    writing: bool
    not_before: datetime | None
    attempts: int


# A deal or company that cannot be written is told as what is not written of the lead.
_LINKS = f"""
SELECT connection_id, vendor_id, read_wanted_at IS NOT NULL AS reading,
       desired_revision > confirmed_revision AS writing, nullif(not_before, '-infinity') AS not_before, attempts,
       parked_reason, parked_property, parked_message, parked_at, journal IS NOT NULL AS moving,
       dropped || coalesce((SELECT jsonb_object_agg(key, value || '{{"reason": "{ALWAYS_FAILS}"}}')
                            FROM jsonb_each(failing) WHERE value ? 'parked'), '{{}}') AS dropped
FROM link WHERE lead_id = %s ORDER BY connection_id
"""

_DUE = "SELECT nullif(due_at, 'infinity') AS at, why, failures, parked_reason FROM lead_due WHERE lead_id = %s"

_ENTRIES = """
SELECT lead_id, seq, stage, entered_at, mover, transition, reason, passed, initial, grounds
FROM stage_entry WHERE lead_id IN (SELECT id FROM lead WHERE id = %(lead_id)s OR merged_into = %(lead_id)s)
ORDER BY entered_at DESC, seq DESC LIMIT %(limit)s
"""

_OUTSTANDING = """
SELECT lead_id, connection_id, vendor_id, read_wanted_at IS NOT NULL AS reading,
       CASE WHEN read_wanted_at IS NOT NULL THEN coalesce(read_lane, lane) ELSE lane END AS lane,
       desired_revision > confirmed_revision AND parked_reason IS NULL AS writing,
       nullif(CASE WHEN read_wanted_at IS NOT NULL THEN read_not_before ELSE not_before END, '-infinity') AS not_before,
       CASE WHEN read_wanted_at IS NOT NULL THEN read_attempts ELSE attempts END AS attempts
FROM link
WHERE desired_revision > confirmed_revision AND parked_reason IS NULL OR read_wanted_at IS NOT NULL
ORDER BY not_before NULLS FIRST, lead_id LIMIT %s
"""

_BY_VENDOR_ID = "SELECT DISTINCT lead_id FROM identity WHERE vendor_id = %s AND object_type = %s"

_BY_EMAIL = """
SELECT DISTINCT identity.lead_id
FROM mirror JOIN identity USING (installation_id, connection_id, object_type, vendor_id)
WHERE mirror.object_type = %(object_type)s AND mirror.email = ANY(%(emails)s)
"""


def by_vendor_id(conn: Connection, object_type: str, vendor_id: str) -> list[int]:
    """The leads that are this record in some CRM."""
    return sorted(int(row["lead_id"]) for row in conn.execute(_BY_VENDOR_ID, [vendor_id, object_type]))


def by_email(conn: Connection, object_type: str, email: str) -> list[int]:
    """The leads with this address, as given or in lower case."""
    values = {"object_type": object_type, "emails": [email, email.lower()]}
    return sorted(int(row["lead_id"]) for row in conn.execute(_BY_EMAIL, values))


def merged_into(conn: Connection, lead_id: int) -> int | None:
    """The lead that this one was merged into."""
    row = conn.execute("SELECT merged_into FROM lead WHERE id = %s", [lead_id]).fetchone()
    return row["merged_into"] if row else None


def links_of(conn: Connection, lead_id: int) -> list[LinkRow]:
    """The lead's links, one for each connection."""
    return [LinkRow(**row) for row in conn.execute(_LINKS, [lead_id])]


def outstanding(conn: Connection, *, limit: int) -> list[OutstandingRow]:
    """Records with a read or a write outstanding, next first."""
    return [OutstandingRow(**row) for row in conn.execute(_OUTSTANDING, [limit])]


def due_of(conn: Connection, lead_id: int) -> DueRow | None:
    """When the lead is looked at next; None: it never was."""
    row = conn.execute(_DUE, [lead_id]).fetchone()
    return DueRow(**row) if row else None


def entries_of(conn: Connection, lead_id: int, *, limit: int) -> list[EntryRow]:
    """The latest stage entries of the lead, and of the leads that it has taken in, newest first."""
    return [EntryRow(**row) for row in conn.execute(_ENTRIES, {"lead_id": lead_id, "limit": limit})]


def day_quota(conn: Connection) -> dict[str, float] | None:
    """The calls that all connections may make a day, and those made today; None where no connection is known."""
    row = conn.execute(
        "SELECT sum(share * coalesce(told_total, capacity)) AS capacity,"
        " sum(CASE WHEN day = current_date THEN used_today ELSE 0 END) AS used"
        " FROM quota WHERE kind = 'day'"
    ).fetchone()
    if row is None or row["capacity"] is None:
        return None
    return {"capacity": float(row["capacity"]), "used": float(row["used"])}


def unfinished(conn: Connection, now: datetime) -> int:
    """How much is left to do before everything rests at `now` (business time): 0 when nothing is."""
    row = conn.execute(_UNFINISHED, {"now": now}).fetchone()
    assert row is not None
    return int(row["busy"])


def waiting_since(conn: Connection) -> datetime | None:
    """When the oldest delivery came in (machine time) that nobody has read yet."""
    row = conn.execute("SELECT min(received_at) AS at FROM inbox WHERE state = 'new'").fetchone()
    return row["at"] if row is not None else None


def is_worked(conn: Connection, *, within_seconds: float) -> bool:
    """Whether some worker has been heard of lately, by its own word (machine time)."""
    query = (
        "SELECT EXISTS (SELECT FROM procrastinate_workers"
        " WHERE last_heartbeat > clock_timestamp() - make_interval(secs => %s)) AS heard"
    )
    row = conn.execute(query, [within_seconds]).fetchone()
    return row is not None and bool(row["heard"])


def last_heard(conn: Connection, vendor: str) -> datetime | None:
    """When the last delivery of this vendor came in (machine time), of those that are still kept.

    Whose it is, is told as `vendor_of` tells it: `salesforce_callout:acme` is Salesforce's.
    """
    query = "SELECT max(received_at) AS at FROM inbox WHERE split_part(split_part(source, ':', 1), '_', 1) = %s"
    row = conn.execute(query, [vendor]).fetchone()
    return row["at"] if row is not None else None


_OTHER_WORDS = """
SELECT properties ->> %(name)s AS word, count(*) AS n FROM mirror
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND gone IS NULL
  AND properties ->> %(name)s <> '' AND properties ->> %(name)s <> ALL(%(known)s)
GROUP BY 1 ORDER BY 2 DESC, 1
"""


def other_words(
    conn: Connection, connection_id: int, object_type: str, name: str, *, known: Sequence[str]
) -> dict[str, int]:
    """What this property holds besides what is known: word → on how many records, the most frequent first."""
    values = {"connection_id": connection_id, "object_type": object_type, "name": name, "known": list(known)}
    return {row["word"]: int(row["n"]) for row in conn.execute(_OTHER_WORDS, values)}

"""What is outstanding now: records to be read and leads to be written, by connection and lane. Nothing is claimed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.store.database import Connection

#: Conditions on `link`: its record may be read, its lead may be written. A record whose read is outstanding is not
#: written: what we are about to read may change what we want.
READABLE = """read_wanted_at IS NOT NULL AND read_parked_at IS NULL AND read_claimed_until < now()
  AND read_not_before <= now()"""
WRITABLE = """desired_revision > confirmed_revision AND parked_reason IS NULL AND not_before <= now()
  AND claimed_until < now() AND read_wanted_at IS NULL"""
#: Condition on `wanted_read`.
WANTED = "parked_at IS NULL AND not_before <= now() AND due_at <= %(now)s"

ALWAYS_FAILS = "always_fails"
"""Why a record is parked over which the CRM stumbles whenever it is read or written. Its next change tries it again."""

READ, DELIVER = "read", "deliver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """What a call that came to nothing means for a record: not again before so long; it failed alone while others
    passed (`stumbled`); it waits for a person from now on (`parked`)."""

    seconds: float
    stumbled: bool
    parked: bool


_SOME = f"""
SELECT asked.task, asked.lane
FROM unnest(%(tasks)s::text[], %(lanes)s::text[]) WITH ORDINALITY AS asked (task, lane, place)
WHERE CASE asked.task WHEN 'read' THEN
    EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND read_lane = asked.lane AND {READABLE})
    OR EXISTS (SELECT FROM wanted_read WHERE connection_id = %(connection_id)s AND lane = asked.lane AND {WANTED})
ELSE
    EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND lane = asked.lane AND {WRITABLE})
END
ORDER BY asked.place
"""

_MARKED = f"""
SELECT one.object_type
FROM unnest(%(object_types)s::text[]) AS one (object_type)
WHERE EXISTS (SELECT FROM wanted_read WHERE connection_id = %(connection_id)s AND object_type = one.object_type
              AND lane = %(lane)s AND {WANTED})
"""

_LATE = """
SELECT EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND read_lane = 'hot'
               AND read_wanted_at < clock_timestamp() - make_interval(secs => %(seconds)s)
               AND read_not_before <= now() AND read_parked_at IS NULL)
    OR EXISTS (SELECT FROM link WHERE connection_id = %(connection_id)s AND lane = 'hot'
               AND desired_revision > confirmed_revision AND parked_reason IS NULL AND not_before <= now()
               AND read_wanted_at IS NULL AND event_at < clock_timestamp() - make_interval(secs => %(seconds)s))
    AS some
"""

#: Who is being decided, waits for a read or after a failure, is nobody's to decide.
_UNDECIDED = """
SELECT EXISTS (SELECT FROM lead_due WHERE lane = 'hot' AND due_at < %(before)s AND parked_reason IS NULL
               AND claimed_until < now()) AS some
"""


_AT_ONCE = """
UPDATE link SET not_before = '-infinity', read_not_before = '-infinity',
                failing = CASE WHEN failing = '{}' THEN failing
                               ELSE (SELECT jsonb_object_agg(key, value - 'not_before') FROM jsonb_each(failing)) END
WHERE (%(lead_ids)s::bigint[] IS NULL OR lead_id = ANY(%(lead_ids)s::bigint[]))
  AND (desired_revision > confirmed_revision AND parked_reason IS NULL
       OR read_wanted_at IS NOT NULL AND read_parked_at IS NULL)
RETURNING lead_id
"""

_WORK_AT_ONCE = """
UPDATE managed_record SET not_before = NULL
WHERE (%(lead_ids)s::bigint[] IS NULL OR lead_id = ANY(%(lead_ids)s::bigint[])) AND not_before IS NOT NULL
"""


def at_once(conn: Connection, lead_ids: Sequence[int] | None) -> set[int]:
    """Have what waits after a failure read or written at once (None: of every lead); the leads of whom something is
    outstanding. What the vendor asked of all calls is waited for all the same.
    """
    values = {"lead_ids": None if lead_ids is None else list(lead_ids)}
    found = {int(row["lead_id"]) for row in conn.execute(_AT_ONCE, values)}
    conn.execute(_WORK_AT_ONCE, values)
    return found


def some(
    conn: Connection, connection_id: int, asked: Sequence[tuple[str, str]], now: datetime
) -> list[tuple[str, str]]:
    """Those of these (READ or DELIVER, lane) for which there is a record to be read, a lead to be written, now."""
    values = {
        "connection_id": connection_id,
        "tasks": [task for task, _ in asked],
        "lanes": [lane for _, lane in asked],
        "now": now,
    }
    return [(row["task"], row["lane"]) for row in conn.execute(_SOME, values)]


def marked(
    conn: Connection, connection_id: int, object_types: Collection[str], *, lane: str, now: datetime
) -> frozenset[str]:
    """Those of these types of which `wanted` has some to give in this lane."""
    values = {"connection_id": connection_id, "object_types": sorted(object_types), "lane": lane, "now": now}
    return frozenset(row["object_type"] for row in conn.execute(_MARKED, values))


def is_hot_late(conn: Connection, connection_id: int, seconds: float) -> bool:
    """True when somebody has waited for longer than this for what could be read or written.

    A write that waits for a read is not late by itself: the read may be the background's.
    """
    row = conn.execute(_LATE, {"connection_id": connection_id, "seconds": seconds}).fetchone()
    return bool(row and row["some"])


def is_decision_late(conn: Connection, before: datetime) -> bool:
    """True when a hot lead that could be decided has been due since before this moment (business time)."""
    row = conn.execute(_UNDECIDED, {"before": before}).fetchone()
    return bool(row and row["some"])

"""Drift as it was found: one row a property and cause, open until what should be stands. No values, ever."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from connector.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDrift:
    """Something that was found to differ. `drift_class`, `handling` and `cause` are the words of `domain.drift`."""

    lead_id: int | None
    object_type: str
    vendor_id: str
    field: str  #: The policy's name for it; the property's where the policy has none.
    property: str
    drift_class: str
    handling: str
    found_at: datetime
    cause: str | None = None
    ended: bool = False  #: Made good by being found: it is history at once.
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One drift of the history."""

    id: int
    connection_id: int
    lead_id: int | None
    object_type: str
    vendor_id: str
    field: str
    property: str
    drift_class: str
    handling: str
    cause: str | None
    times: int
    found_at: datetime
    ended_at: datetime | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekCount:
    """How often a field drifted so in a week (its Monday, in the zone that was asked for)."""

    week: datetime
    field: str
    drift_class: str
    found: int
    still_open: int


# What stands open is counted, not told again.
_ADD = """
INSERT INTO drift (installation_id, connection_id, lead_id, object_type, vendor_id, field, property, class, handling,
                   cause, found_at, ended_at, data)
VALUES (%(installation_id)s, %(connection_id)s, %(lead_id)s, %(object_type)s, %(vendor_id)s, %(field)s, %(property)s,
        %(class)s, %(handling)s, %(cause)s, %(found_at)s, %(ended_at)s, %(data)s)
ON CONFLICT (installation_id, connection_id, object_type, vendor_id, property, class) WHERE ended_at IS NULL
DO UPDATE SET times = drift.times + 1, handling = excluded.handling, cause = coalesce(excluded.cause, drift.cause),
              data = excluded.data
"""

_END = """
UPDATE drift SET ended_at = %(at)s
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND vendor_id = %(vendor_id)s
  AND property = ANY(%(properties)s) AND ended_at IS NULL
"""

_COLUMNS = """id, connection_id, lead_id, object_type, vendor_id, field, property, class AS drift_class, handling,
       cause, times, found_at, ended_at, data"""

_FILTER = """
WHERE (%(class)s::text IS NULL OR class = %(class)s) AND (%(field)s::text IS NULL OR %(field)s IN (field, property))
  AND (%(since)s::timestamptz IS NULL OR found_at >= %(since)s) AND (NOT %(only_open)s OR ended_at IS NULL)
"""

_LIST = f"SELECT {_COLUMNS} FROM drift {_FILTER} ORDER BY found_at DESC, id DESC LIMIT %(limit)s"

_WEEKS = f"""
SELECT date_trunc('week', found_at, %(zone)s) AS week, field, class AS drift_class, sum(times)::int AS found,
       count(*) FILTER (WHERE ended_at IS NULL)::int AS still_open
FROM drift {_FILTER} GROUP BY 1, 2, 3 ORDER BY 1 DESC, found DESC, 2, 3 LIMIT %(limit)s
"""

_OPEN = f"""
SELECT {_COLUMNS} FROM drift
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND ended_at IS NULL AND id > %(above)s
ORDER BY id LIMIT %(limit)s
"""


def add(conn: Connection, installation_id: int, connection_id: int, found: Sequence[NewDrift]) -> None:
    """Tell what differs."""
    rows = [
        {
            "installation_id": installation_id,
            "connection_id": connection_id,
            "lead_id": one.lead_id,
            "object_type": one.object_type,
            "vendor_id": one.vendor_id,
            "field": one.field,
            "property": one.property,
            "class": one.drift_class,
            "handling": one.handling,
            "cause": one.cause,
            "found_at": one.found_at,
            "ended_at": one.found_at if one.ended else None,
            "data": Jsonb(dict(one.data or {})),
        }
        for one in found
    ]
    if rows:
        conn.cursor().executemany(_ADD, rows)


def end(
    conn: Connection, connection_id: int, object_type: str, vendor_id: str, properties: Collection[str], *, at: datetime
) -> None:
    """What should be stands again in these properties of a record."""
    values = {
        "connection_id": connection_id,
        "object_type": object_type,
        "vendor_id": vendor_id,
        "properties": list(properties),
        "at": at,
    }
    conn.execute(_END, values)


def still_open(
    conn: Connection, connection_id: int, object_type: str, *, above: int = 0, limit: int = 500
) -> list[DriftRow]:
    """What differs still, as far as we know, by ascending id."""
    values = {"connection_id": connection_id, "object_type": object_type, "above": above, "limit": limit}
    return [DriftRow(**row) for row in conn.execute(_OPEN, values)]


def listed(
    conn: Connection,
    *,
    drift_class: str | None = None,
    field: str | None = None,
    since: datetime | None = None,
    only_open: bool = False,
    limit: int,
) -> list[DriftRow]:
    """What was found, the latest first."""
    values = _asked(drift_class, field, since, only_open, limit)
    return [DriftRow(**row) for row in conn.execute(_LIST, values)]


def weekly(
    conn: Connection,
    zone: ZoneInfo,
    *,
    drift_class: str | None = None,
    field: str | None = None,
    since: datetime | None = None,
    only_open: bool = False,
    limit: int,
) -> list[WeekCount]:
    """How often each field drifted why, by week, the latest week first."""
    values = _asked(drift_class, field, since, only_open, limit) | {"zone": zone.key}
    return [WeekCount(**row) for row in conn.execute(_WEEKS, values)]


def _asked(
    drift_class: str | None, field: str | None, since: datetime | None, only_open: bool, limit: int
) -> dict[str, object]:
    return {"class": drift_class, "field": field, "since": since, "only_open": only_open, "limit": limit}


# ── what is left as the CRM has it ───────────────────────────────────────────────────────────────────────────
def leave_alone(
    conn: Connection, connection_id: int, lead_id: int, properties: Mapping[str, Mapping[str, Any]]
) -> None:
    """These properties of a lead's record are not written: property → {class, value, held}."""
    conn.execute(
        "UPDATE link SET left_alone = left_alone || %s WHERE lead_id = %s AND connection_id = %s",
        [Jsonb(properties), lead_id, connection_id],
    )


def write_again(conn: Connection, connection_id: int, lead_id: int, properties: Collection[str]) -> None:
    """They are written again, as far as they differ from what should stand."""
    conn.execute(
        "UPDATE link SET left_alone = left_alone - %s::text[], desired_revision = desired_revision + 1"
        " WHERE lead_id = %s AND connection_id = %s",
        [list(properties), lead_id, connection_id],
    )

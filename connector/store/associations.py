"""Which records belong to which, as last read: the deals of a person. What was never read has no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.store.database import Connection
from connector.store.rows import pack

_PUT = """
INSERT INTO association (installation_id, connection_id, from_type, from_id, to_type, to_ids)
SELECT %(installation_id)s, %(connection_id)s, %(from_type)s, from_id, %(to_type)s, to_ids
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (from_id text, to_ids text[]) ORDER BY from_id
ON CONFLICT (installation_id, connection_id, from_type, from_id, to_type) DO UPDATE SET to_ids = excluded.to_ids
"""

_ADD = """
INSERT INTO association (installation_id, connection_id, from_type, from_id, to_type, to_ids)
VALUES (%(installation_id)s, %(connection_id)s, %(from_type)s, %(from_id)s, %(to_type)s, ARRAY[%(to_id)s::text])
ON CONFLICT (installation_id, connection_id, from_type, from_id, to_type) DO UPDATE
SET to_ids = association.to_ids || excluded.to_ids WHERE NOT association.to_ids @> excluded.to_ids
"""

_OF = """
SELECT from_id, to_ids FROM association
WHERE connection_id = %(connection_id)s AND from_type = %(from_type)s AND to_type = %(to_type)s
  AND from_id = ANY(%(ids)s)
"""

_WITH = """
SELECT from_id, to_ids FROM association
WHERE connection_id = %(connection_id)s AND from_type = %(from_type)s AND to_type = %(to_type)s
  AND to_ids && %(ids)s::text[]
ORDER BY from_id
"""

# The records that belonged to this one alone go with it.
_FORGET = """
WITH gone AS (
    DELETE FROM association WHERE connection_id = %(connection_id)s AND from_type = %(from_type)s
      AND from_id = ANY(%(ids)s)
    RETURNING to_type, to_ids
), alone AS (
    SELECT gone.to_type, one.to_id FROM gone CROSS JOIN LATERAL unnest(gone.to_ids) AS one (to_id)
    WHERE NOT EXISTS (
        SELECT FROM association AS other
        WHERE other.connection_id = %(connection_id)s AND other.from_type = %(from_type)s
          AND other.from_id <> ALL(%(ids)s) AND other.to_ids @> ARRAY[one.to_id])
)
DELETE FROM mirror USING alone
WHERE mirror.connection_id = %(connection_id)s AND mirror.object_type = alone.to_type
  AND mirror.vendor_id = alone.to_id
"""


def of(
    conn: Connection, connection_id: int, from_type: str, ids: Sequence[str], to_type: str
) -> dict[str, tuple[str, ...]]:
    """The associated ids of each of these records; one whose associations were never read is absent."""
    if not ids:
        return {}
    values = {"connection_id": connection_id, "from_type": from_type, "to_type": to_type, "ids": list(ids)}
    return {row["from_id"]: tuple(row["to_ids"]) for row in conn.execute(_OF, values)}


def having(
    conn: Connection, connection_id: int, from_type: str, to_type: str, to_ids: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The records that one of `to_ids` belongs to, with all that belongs to each."""
    values = {"connection_id": connection_id, "from_type": from_type, "to_type": to_type, "ids": list(to_ids)}
    return {row["from_id"]: tuple(row["to_ids"]) for row in conn.execute(_WITH, values)}


def put(
    conn: Connection,
    installation_id: int,
    connection_id: int,
    from_type: str,
    to_type: str,
    found: Mapping[str, Sequence[str]],
) -> None:
    """Store what was read: record → the ids that belong to it."""
    if not found:
        return
    values = {
        "installation_id": installation_id,
        "connection_id": connection_id,
        "from_type": from_type,
        "to_type": to_type,
        "rows": pack([{"from_id": from_id, "to_ids": list(to_ids)} for from_id, to_ids in found.items()]),
    }
    conn.execute(_PUT, values)


def add(
    conn: Connection,
    installation_id: int,
    connection_id: int,
    *,
    from_type: str,
    from_id: str,
    to_type: str,
    to_id: str,
) -> None:
    """One more record belongs to this one: we have just made it so ourselves."""
    values = {
        "installation_id": installation_id,
        "connection_id": connection_id,
        "from_type": from_type,
        "from_id": from_id,
        "to_type": to_type,
        "to_id": to_id,
    }
    conn.execute(_ADD, values)


def forget(conn: Connection, connection_id: int, from_type: str, ids: Sequence[str]) -> None:
    """Forget what belonged to these records, and of that what belonged to nobody else."""
    conn.execute(_FORGET, {"connection_id": connection_id, "from_type": from_type, "ids": list(ids)})

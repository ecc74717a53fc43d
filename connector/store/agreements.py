"""What two CRMs agree on, field by field: one row for each lead that has a record in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from connector.store.database import Connection

_PUT = """
INSERT INTO agreement (installation_id, lead_id, fields) VALUES (%s, %s, %s)
ON CONFLICT (installation_id, lead_id) DO UPDATE SET fields = excluded.fields
"""


def of(conn: Connection, lead_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Lead id → field → what is agreed, see `domain.codec_agreed`."""
    rows = conn.execute("SELECT lead_id, fields FROM agreement WHERE lead_id = ANY(%s)", [list(lead_ids)])
    return {int(row["lead_id"]): row["fields"] for row in rows}


def put(conn: Connection, installation_id: int, found: Mapping[int, Mapping[str, Any]]) -> None:
    """Store what these leads' CRMs agree on."""
    rows = [(installation_id, lead_id, Jsonb(dict(fields))) for lead_id, fields in sorted(found.items())]
    conn.cursor().executemany(_PUT, rows)

"""What was sent of a lead and has no answer, kept with its link: see `sync.unanswered`, which says what it means."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from connector.store.database import Connection

_NOTE_SENT = """
UPDATE link SET unanswered = noted.unanswered
FROM unnest(%(lead_ids)s::bigint[], %(unanswered)s::jsonb[]) AS noted (lead_id, unanswered)
WHERE link.lead_id = noted.lead_id AND link.connection_id = %(connection_id)s AND link.claim = %(token)s
"""


def note_sent(conn: Connection, connection_id: int, token: uuid.UUID, noted: Mapping[int, Mapping[str, Any]]) -> None:
    """Write down what is about to be sent (lead id → see `sync.unanswered`), to be committed before it is."""
    if noted:
        values = {"lead_ids": list(noted), "unanswered": [Jsonb(one) for one in noted.values()]}
        conn.execute(_NOTE_SENT, {"connection_id": connection_id, "token": token, **values})


def of(conn: Connection, connection_id: int, lead_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """What was sent of these leads and has no answer, see `sync.unanswered`; who is absent: nothing."""
    rows = conn.execute(
        "SELECT lead_id, unanswered FROM link"
        " WHERE connection_id = %s AND lead_id = ANY(%s) AND unanswered IS NOT NULL",
        [connection_id, list(lead_ids)],
    )
    return {int(row["lead_id"]): row["unanswered"] for row in rows}


def writing(conn: Connection, connection_id: int, lead_ids: Sequence[int]) -> set[int]:
    """Those of these leads of whose write the answer is awaited."""
    rows = conn.execute(
        "SELECT lead_id FROM link WHERE connection_id = %s AND lead_id = ANY(%s) AND claimed_until > now()",
        [connection_id, list(lead_ids)],
    )
    return {row["lead_id"] for row in rows}

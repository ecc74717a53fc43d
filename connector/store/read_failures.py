"""Reads of people that came to nothing: given back, to be tried later, or parked alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from connector.store import links
from connector.store.database import Connection

_POSTPONE = """
UPDATE link
SET read_claim = NULL, read_claimed_until = '-infinity', read_attempts = read_attempts + %(failed)s,
    read_stumbles = read_stumbles + later.stumbled::int,
    read_failing_since = CASE WHEN %(failed)s = 1 THEN coalesce(read_failing_since, now()) ELSE read_failing_since END,
    read_not_before = now() + make_interval(secs => later.seconds),
    read_parked_at = CASE WHEN later.parked THEN now() END
FROM unnest(%(lead_ids)s::bigint[], %(seconds)s::float8[], %(stumbled)s::boolean[], %(parked)s::boolean[])
     AS later (lead_id, seconds, stumbled, parked)
WHERE link.lead_id = later.lead_id AND connection_id = %(connection_id)s AND read_claim = %(token)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """A lead whose read failed: after how long it is tried again, whether it failed alone while others passed
    (`stumbled`), and whether it waits for a person from now on (`parked`)."""

    lead_id: int
    seconds: float
    stumbled: bool = False
    parked: bool = False


def postpone(
    conn: Connection, connection_id: int, token: uuid.UUID, later: Sequence[Later], *, failed: bool = True
) -> None:
    """Give these claimed reads back. `failed`: it counts as an attempt."""
    values = {
        "connection_id": connection_id,
        "token": token,
        "failed": int(failed),
        "lead_ids": [one.lead_id for one in later],
        "seconds": [one.seconds for one in later],
        "stumbled": [one.stumbled for one in later],
        "parked": [one.parked for one in later],
    }
    links.hold(conn, connection_id, token)
    conn.execute(_POSTPONE, values)

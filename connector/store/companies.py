"""The people of a company, as far as they are leads: where they stand, and what runs for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.store.database import Connection

_COLLEAGUES = """
SELECT m.company_id, lead.id AS lead_id, lead.stage,
       lead.state -> 'cadences' AS cadences, lead.scores,
       lead.state ? 'cadences'
       AND EXISTS (SELECT FROM lead_due WHERE lead_due.lead_id = lead.id AND parked_reason IS NOT NULL) AS parked
FROM mirror AS m JOIN link ON link.connection_id = m.connection_id AND link.vendor_id = m.vendor_id
JOIN lead ON lead.id = link.lead_id
WHERE m.connection_id = %(connection_id)s AND m.object_type = %(person_type)s AND m.gone IS NULL AND lead.gone IS NULL
  AND m.company_id = ANY(%(ids)s)
"""

_HOLD = """
SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
FROM (SELECT name FROM unnest(%(names)s::text[]) AS n (name) ORDER BY name) AS one
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A lead of a company. `cadences` is JSON, see `domain.codec_work`; `parked`: nobody evaluates it for now."""

    company_id: str
    lead_id: int
    stage: str | None
    cadences: Mapping[str, Any] | None
    scores: Mapping[str, float]
    parked: bool


def colleagues(
    conn: Connection, connection_id: int, ids: Sequence[str], *, person_type: str
) -> dict[str, list[Colleague]]:
    """The leads of these companies, by company."""
    values = {
        "connection_id": connection_id,
        "ids": list(ids),
        "person_type": person_type,
    }
    found: dict[str, list[Colleague]] = {}
    for row in conn.execute(_COLLEAGUES, values) if ids else ():
        found.setdefault(row["company_id"], []).append(Colleague(**row))
    return found


def hold(conn: Connection, installation_id: int, connection_id: int, ids: Sequence[str]) -> None:
    """Hold these companies until the transaction ends: nobody else gives out a turn of theirs."""
    names = [f"company:{installation_id}:{connection_id}:{one}" for one in sorted(ids)]
    conn.execute(_HOLD, {"names": names})

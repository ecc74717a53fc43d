"""The people of a company, as far as they are leads: where they stand, and what runs for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from psycopg.rows import tuple_row

from connector.store.database import Connection

# Step by step, each by its index: before its tables are analysed the planner guesses at such a join, and guesses badly.
_COLLEAGUES = """
WITH person AS MATERIALIZED (
    SELECT company_id, vendor_id FROM mirror
    WHERE connection_id = %(connection_id)s AND object_type = %(person_type)s AND gone IS NULL
      AND company_id = ANY(%(ids)s)
), who AS MATERIALIZED (
    SELECT lead_id, vendor_id FROM link
    WHERE connection_id = %(connection_id)s AND vendor_id = ANY(ARRAY(SELECT vendor_id FROM person))
), found AS MATERIALIZED (
    SELECT id, stage, state -> 'cadences' AS cadences, scores FROM lead
    WHERE id = ANY(ARRAY(SELECT lead_id FROM who)) AND gone IS NULL
), parked AS MATERIALIZED (
    SELECT lead_id FROM lead_due
    WHERE lead_id = ANY(ARRAY(SELECT id FROM found WHERE cadences IS NOT NULL)) AND parked_reason IS NOT NULL
)
SELECT person.company_id, found.id AS lead_id, found.stage, found.cadences, found.scores,
       found.id IN (SELECT lead_id FROM parked) AS parked
FROM person JOIN who USING (vendor_id) JOIN found ON found.id = who.lead_id
"""

_PEOPLE = """
SELECT company_id, vendor_id FROM mirror
WHERE connection_id = %(connection_id)s AND object_type = %(person_type)s AND gone IS NULL
  AND company_id = ANY(%(ids)s)
"""

_STAND = """
WITH who AS MATERIALIZED (
    SELECT lead_id, vendor_id FROM link WHERE connection_id = %(connection_id)s AND vendor_id = ANY(%(ids)s)
), found AS MATERIALIZED (
    SELECT id, stage FROM lead WHERE id = ANY(ARRAY(SELECT lead_id FROM who)) AND gone IS NULL AND stage IS NOT NULL
)
SELECT who.vendor_id, found.id, found.stage FROM who JOIN found ON found.id = who.lead_id
"""

_NOBODY: Mapping[str, tuple[int, str]] = MappingProxyType({})

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


def stages(
    conn: Connection,
    connection_id: int,
    ids: Sequence[str],
    *,
    person_type: str,
    known: Mapping[str, tuple[int, str]] = _NOBODY,
) -> dict[str, dict[str, set[int]]]:
    """Where the leads of these companies stand: company → stage → leads; a company of one person is absent.

    `known`: the lead of a person's record and where it stands, of whom that has been read just now. Most people come
    with their colleagues, and are asked for together.
    """
    people: dict[str, list[str]] = {}
    with conn.cursor(row_factory=tuple_row) as cursor:
        values = {"connection_id": connection_id, "ids": list(ids), "person_type": person_type}
        for company_id, vendor_id in cursor.execute(_PEOPLE, values, prepare=True) if ids else ():
            people.setdefault(company_id, []).append(vendor_id)
    several = {company_id: who for company_id, who in people.items() if len(who) > 1}
    others = [one for who in several.values() for one in who if one not in known]
    stood = {**known, **_standing(conn, connection_id, others)}
    found: dict[str, dict[str, set[int]]] = {}
    for company_id, who in several.items():
        stands: dict[str, set[int]] = {}
        for one in who:
            if one in stood:
                lead_id, stage = stood[one]
                stands.setdefault(stage, set()).add(lead_id)
        found[company_id] = stands
    return found


def _standing(conn: Connection, connection_id: int, vendor_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """The lead of each of these records of people and where it stands; absent is whoever stands nowhere."""
    if not vendor_ids:
        return {}
    with conn.cursor(row_factory=tuple_row) as cursor:
        values = {"connection_id": connection_id, "ids": list(vendor_ids)}
        return {one: (lead_id, stage) for one, lead_id, stage in cursor.execute(_STAND, values, prepare=True)}


def hold(conn: Connection, installation_id: int, connection_id: int, ids: Sequence[str]) -> None:
    """Hold these companies until the transaction ends: nobody else gives out a turn of theirs."""
    names = [f"company:{installation_id}:{connection_id}:{one}" for one in sorted(ids)]
    conn.execute(_HOLD, {"names": names})

"""People who may own records: teams by the CRM, weight, capacity and absences by us; what pools gave and owe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from connector.domain.effects import Grant
from connector.store.database import Connection

_PEOPLE = """
SELECT o.vendor_id AS person, c.vendor, o.name, o.email, o.active, o.teams, coalesce(p.weight, 1) AS weight, p.capacity,
       EXISTS (SELECT FROM absence AS a WHERE a.person = o.vendor_id
                AND a.starts_at <= %(now)s AND (a.ends_at IS NULL OR a.ends_at > %(now)s)) AS absent
FROM owner AS o JOIN connection AS c ON c.id = o.connection_id LEFT JOIN person AS p ON p.person = o.vendor_id
ORDER BY o.vendor_id
"""

_LOAD = """
SELECT properties ->> %(owner)s AS person, count(*) AS n
FROM mirror JOIN link ON link.vendor_id = mirror.vendor_id AND link.connection_id = mirror.connection_id
JOIN lead ON lead.id = link.lead_id
WHERE mirror.object_type = %(person_type)s AND lead.gone IS NULL AND lead.stage = ANY(%(open)s)
  AND properties ->> %(owner)s = ANY(%(people)s)
GROUP BY 1
"""

_TAKEN = """
SELECT person, count(*) AS n FROM assignment_grant
WHERE pool = %(pool)s AND granted_at >= %(since)s GROUP BY person
"""

_KEEP = """
INSERT INTO assignment_grant (installation_id, lead_id, request, asked_pool, pool, owner_of, person, why, skipped,
                              granted_at)
VALUES (%(installation_id)s, %(lead_id)s, %(request)s, %(asked_pool)s, %(pool)s, %(owner_of)s, %(person)s, %(why)s,
        %(skipped)s, %(granted_at)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person of a CRM. `weight`, `capacity` and `absent` are ours."""

    person: str
    vendor: str
    name: str
    email: str | None
    active: bool
    teams: Sequence[str]
    weight: float
    capacity: int | None
    absent: bool


def people(conn: Connection, now: datetime) -> list[PersonRow]:
    """Everybody who may own records, at this business time."""
    return [PersonRow(**row) for row in conn.execute(_PEOPLE, {"now": now})]


def loads(
    conn: Connection, persons: Sequence[str], *, person_type: str, owner_property: str, stages: Sequence[str]
) -> dict[str, int]:
    """Leads in these stages by owner, as the CRM shows them."""
    values = {"people": list(persons), "person_type": person_type, "owner": owner_property, "open": list(stages)}
    return {row["person"]: int(row["n"]) for row in conn.execute(_LOAD, values)}


def taken(conn: Connection, pool: str, since: datetime) -> dict[str, int]:
    """What a pool gave each person since then."""
    return {row["person"]: int(row["n"]) for row in conn.execute(_TAKEN, {"pool": pool, "since": since})}


def grants_of(conn: Connection, pool: str, since: datetime) -> list[dict[str, Any]]:
    """What a pool gave since then: to whom, why, and who was skipped for which reason."""
    return list(
        conn.execute(
            "SELECT person, why, skipped FROM assignment_grant"
            " WHERE pool = %s AND granted_at >= %s ORDER BY granted_at",
            [pool, since],
        )
    )


def lock_pools(conn: Connection, installation_id: int, pools: Iterable[str]) -> dict[str, dict[str, float]]:
    """Hold these pools until the transaction ends, in one order for everybody; returns the credit of each."""
    names = sorted(set(pools))
    for name in names:
        conn.execute(
            "INSERT INTO pool_state (installation_id, pool) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [installation_id, name],
        )
    rows = conn.execute("SELECT pool, credit FROM pool_state WHERE pool = ANY(%s) ORDER BY pool FOR UPDATE", [names])
    return {row["pool"]: dict(row["credit"]) for row in rows}


def put_credit(conn: Connection, pool: str, credit: Mapping[str, float]) -> None:
    """Remember the turns that a pool owes."""
    conn.execute("UPDATE pool_state SET credit = %s WHERE pool = %s", [Jsonb(dict(credit)), pool])


def granted(conn: Connection, lead_ids: Sequence[int]) -> dict[tuple[int, str], Grant]:
    """What was granted to these leads, by lead and request."""
    rows = conn.execute(
        "SELECT lead_id, request, pool, owner_of, person, granted_at FROM assignment_grant WHERE lead_id = ANY(%s)",
        [list(lead_ids)],
    )
    return {(int(row.pop("lead_id")), row["request"]): Grant(**row) for row in rows}


def keep_grant(
    conn: Connection,
    installation_id: int,
    lead_id: int,
    grant: Grant,
    *,
    asked_pool: str,
    why: str,
    skipped: Mapping[str, str],
) -> None:
    """Record who was given what, and why nobody else."""
    conn.execute(
        _KEEP,
        {
            "installation_id": installation_id,
            "lead_id": lead_id,
            "request": grant.request,
            "asked_pool": asked_pool,
            "pool": grant.pool,
            "owner_of": grant.owner_of,
            "person": grant.person,
            "why": why,
            "skipped": Jsonb(dict(skipped)),
            "granted_at": grant.granted_at,
        },
    )


def set_person(
    conn: Connection, installation_id: int, person: str, *, weight: float | None, capacity: int | None
) -> None:
    """Set a person's share of the turns, or an own capacity; None leaves it."""
    conn.execute(
        "INSERT INTO person (installation_id, person, weight, capacity)"
        " VALUES (%(i)s, %(p)s, coalesce(%(w)s, 1), %(c)s)"
        " ON CONFLICT (installation_id, person) DO UPDATE"
        " SET weight = coalesce(%(w)s, person.weight), capacity = coalesce(%(c)s, person.capacity)",
        {"i": installation_id, "p": person, "w": weight, "c": capacity},
    )


def add_absence(
    conn: Connection, installation_id: int, person: str, *, starts_at: datetime, ends_at: datetime | None
) -> None:
    """A person is away from then on, until they are back."""
    conn.execute(
        "INSERT INTO absence (installation_id, person, starts_at, ends_at) VALUES (%s, %s, %s, %s)",
        [installation_id, person, starts_at, ends_at],
    )


def end_absences(conn: Connection, person: str, now: datetime) -> int:
    """The person is back; returns how many absences that ended."""
    return conn.execute(
        "UPDATE absence SET ends_at = %(now)s WHERE person = %(person)s AND (ends_at IS NULL OR ends_at > %(now)s)",
        {"person": person, "now": now},
    ).rowcount

"""People who may own records: teams by the CRM, weight, capacity and absences by us; what pools gave and owe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from connector.domain.effects import Grant
from connector.store.database import Connection
from connector.store.rows import pack

_PEOPLE = """
SELECT o.vendor_id AS person, c.vendor, o.name, o.email, o.active, o.teams, coalesce(p.weight, 1) AS weight, p.capacity,
       p.calendar,
       EXISTS (SELECT FROM absence AS a WHERE a.person = o.vendor_id
                AND a.starts_at <= %(now)s AND (a.ends_at IS NULL OR a.ends_at > %(now)s)) AS absent
FROM owner AS o JOIN connection AS c ON c.id = o.connection_id LEFT JOIN person AS p ON p.person = o.vendor_id
ORDER BY o.vendor_id
"""

# What was given a moment ago is not stored with its lead yet: another worker counts it all the same.
LOAD = """
SELECT person, sum(n) AS n FROM (
    SELECT owner AS person, count(*) AS n FROM lead
    WHERE gone IS NULL AND owner = ANY(%(people)s) AND stage = ANY(%(open)s)
    GROUP BY owner
    UNION ALL
    SELECT g.person, count(*) AS n FROM assignment_grant AS g JOIN lead ON lead.id = g.lead_id
    WHERE g.person = ANY(%(people)s) AND g.granted_at > %(lately)s AND g.owner_of = 'lead'
      AND lead.gone IS NULL AND (lead.evaluated_at IS NULL OR lead.evaluated_at < g.granted_at)
    GROUP BY g.person
) AS counted GROUP BY person
"""

_LATELY = timedelta(hours=1)
"""A grant that is older and whose lead was not evaluated since is one of a worker that died; it counts once found."""

# Tasks of a pool and companies are no leads: they use up nobody's capacity.
_TAKEN = """
SELECT person, count(*) AS n FROM assignment_grant
WHERE pool = %(pool)s AND granted_at >= %(since)s AND owner_of NOT IN ('task', 'company') GROUP BY person
"""

_AWAY = """
SELECT a.person, c.vendor, o.teams, a.id AS absence_id, a.starts_at AS since, a.ends_at AS until
FROM absence AS a JOIN owner AS o ON o.vendor_id = a.person JOIN connection AS c ON c.id = o.connection_id
WHERE a.ends_at IS NULL OR a.ends_at > %(now)s
UNION ALL
SELECT o.vendor_id, c.vendor, o.teams, NULL, o.left_at, NULL
FROM owner AS o JOIN connection AS c ON c.id = o.connection_id WHERE o.left_at IS NOT NULL
ORDER BY person, since
"""

_SAME_COMPANY = """
SELECT g.person FROM assignment_grant AS g JOIN link ON link.lead_id = g.lead_id
JOIN mirror AS m ON m.connection_id = link.connection_id AND m.vendor_id = link.vendor_id
WHERE link.connection_id = %(connection_id)s AND m.object_type = %(person_type)s
  AND m.company_id = %(company_id)s
  AND g.lead_id <> %(lead_id)s AND g.owner_of = %(owner_of)s
ORDER BY g.granted_at DESC, g.lead_id DESC LIMIT 1
"""

_COMPANY_GRANT = """
SELECT g.person FROM assignment_grant AS g JOIN link ON link.lead_id = g.lead_id
JOIN mirror AS m ON m.connection_id = link.connection_id AND m.vendor_id = link.vendor_id
WHERE link.connection_id = %(connection_id)s AND m.object_type = %(person_type)s
  AND m.company_id = %(company_id)s AND g.owner_of = 'company'
ORDER BY g.granted_at DESC, g.lead_id DESC LIMIT 1
"""

_COMPANY_OWNERS = """
SELECT m.properties ->> %(owner_property)s AS person FROM mirror AS m
JOIN link ON link.connection_id = m.connection_id AND link.vendor_id = m.vendor_id
JOIN lead ON lead.id = link.lead_id
WHERE m.connection_id = %(connection_id)s AND m.object_type = %(person_type)s AND m.gone IS NULL AND lead.gone IS NULL
  AND m.company_id = %(company_id)s AND link.lead_id <> %(lead_id)s
  AND m.properties ->> %(owner_property)s = ANY(%(people)s)
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""

_KEEP = """
INSERT INTO assignment_grant (installation_id, lead_id, request, asked_pool, pool, owner_of, person, why, skipped,
                              granted_at)
SELECT %(installation_id)s, lead_id, request, asked_pool, pool, owner_of, person, why, skipped, granted_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (lead_id bigint, request text, asked_pool text, pool text,
                                                 owner_of text, person text, why text, skipped jsonb,
                                                 granted_at timestamptz)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A grant with its grounds: which pool was asked, why this person, and why nobody else."""

    lead_id: int
    grant: Grant
    asked_pool: str
    why: str
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person of a CRM. `weight`, `capacity`, `calendar` and `absent` are ours. `elsewhere`: CRM → the same person's
    teams there."""

    person: str
    vendor: str
    name: str
    email: str | None
    active: bool
    teams: Sequence[str]
    weight: float
    capacity: int | None
    calendar: str | None  #: Whose hours they work, instead of the pool's; a name of policy.yaml.
    absent: bool
    elsewhere: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def is_in(self, teams: Mapping[str, str]) -> bool:
        """True for somebody of these teams (CRM → name), whichever CRM knows it."""
        return any(teams.get(vendor) in names for vendor, names in {**self.elsewhere, self.vendor: self.teams}.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayRow:
    """An absence that has not ended; without `absence_id`: the person has left for good."""

    person: str
    vendor: str
    teams: Sequence[str]
    absence_id: int | None
    since: datetime
    until: datetime | None


def away(conn: Connection, now: datetime) -> list[AwayRow]:
    """Everybody who is away now or will be, and everybody who has left."""
    return [AwayRow(**row) for row in conn.execute(_AWAY, {"now": now})]


def with_open_work(conn: Connection, persons: Sequence[str]) -> list[int]:
    """The leads of which these people have something open that we made."""
    rows = conn.execute(
        "SELECT DISTINCT lead_id FROM managed_record"
        " WHERE desired_state = 'open' AND step <> 'settled' AND desired ->> 'owner' = ANY(%s)",
        [list(persons)],
    )
    return [int(row["lead_id"]) for row in rows]


def owned(conn: Connection, persons: Sequence[str]) -> list[int]:
    """The leads that these people own."""
    rows = conn.execute("SELECT id FROM lead WHERE gone IS NULL AND owner = ANY(%s) ORDER BY id", [list(persons)])
    return [int(row["id"]) for row in rows]


def unrouted(conn: Connection) -> list[int]:
    """The leads that wait for somebody to be free."""
    rows = conn.execute("SELECT id FROM lead WHERE gone IS NULL AND state ? 'requests'")
    return [int(row["id"]) for row in rows]


def waiting(conn: Connection) -> dict[str, int]:
    """How many requests of each pool wait for somebody to be free."""
    rows = conn.execute(
        "SELECT asked ->> 'pool' AS pool, count(*) AS n FROM lead, jsonb_array_elements(state -> 'requests') AS asked"
        " WHERE gone IS NULL AND state ? 'requests' GROUP BY 1"
    )
    return {row["pool"]: int(row["n"]) for row in rows}


def grants_to(conn: Connection, lead_id: int) -> list[dict[str, Any]]:
    """What pools gave for a lead, the latest first: to whom, from which pool, why, and who was skipped."""
    return list(
        conn.execute(
            "SELECT granted_at, owner_of, person, asked_pool, pool, why, skipped FROM assignment_grant"
            " WHERE lead_id = %s ORDER BY granted_at DESC, request",
            [lead_id],
        )
    )


def company_grant(conn: Connection, connection_id: int, company_id: str, *, person_type: str) -> str | None:
    """To whom a pool gave this company last."""
    values = {
        "connection_id": connection_id,
        "company_id": company_id,
        "person_type": person_type,
    }
    row = conn.execute(_COMPANY_GRANT, values).fetchone()
    return str(row["person"]) if row is not None and row["person"] is not None else None


def company_owner(
    conn: Connection,
    connection_id: int,
    *,
    lead_id: int,
    company_id: str,
    owner_of: str,
    person_type: str,
    owner_property: str,
    people: Mapping[str, str],
) -> str | None:
    """Whom of these people the other leads of a company belong to: by the latest grant, else as the CRM shows.

    `people`: the CRM's user → the id by which a grant names the person.
    """
    values = {
        "connection_id": connection_id,
        "lead_id": lead_id,
        "company_id": company_id,
        "owner_of": owner_of,
        "person_type": person_type,
        "owner_property": owner_property,
        "people": list(people),
    }
    row = conn.execute(_SAME_COMPANY, values).fetchone()
    if row is not None and row["person"] in people.values():
        return str(row["person"])
    row = conn.execute(_COMPANY_OWNERS, values).fetchone() if owner_of == "lead" else None
    return people.get(row["person"]) if row is not None else None


def people(conn: Connection, now: datetime) -> list[PersonRow]:
    """Everybody who may own records, at this business time."""
    return [PersonRow(**row) for row in conn.execute(_PEOPLE, {"now": now})]


def loads(conn: Connection, persons: Sequence[str], *, stages: Sequence[str], now: datetime) -> dict[str, int]:
    """Leads in these stages by owner, and what pools gave at this moment; counted from indexes, whatever the base."""
    values = {"people": list(persons), "open": list(stages), "lately": now - _LATELY}
    return {row["person"]: int(row["n"]) for row in conn.execute(LOAD, values)}


def taken(conn: Connection, pool: str, since: datetime) -> dict[str, int]:
    """What a pool gave each person since then."""
    return {row["person"]: int(row["n"]) for row in conn.execute(_TAKEN, {"pool": pool, "since": since})}


def grants_of(conn: Connection, pool: str, since: datetime) -> list[dict[str, Any]]:
    """What a pool gave since then: what, to whom, why, and who was skipped for which reason."""
    return list(
        conn.execute(
            "SELECT owner_of, person, why, skipped FROM assignment_grant"
            " WHERE pool = %s AND granted_at >= %s ORDER BY granted_at",
            [pool, since],
        )
    )


def lock_pools(conn: Connection, installation_id: int, pools: Iterable[str]) -> dict[str, dict[str, float]]:
    """Hold these pools until the transaction ends, in one order for everybody; returns the credit of each."""
    names = sorted(set(pools))
    conn.execute(
        "INSERT INTO pool_state (installation_id, pool) SELECT %s, pool FROM unnest(%s::text[]) AS one (pool)"
        " ORDER BY pool ON CONFLICT DO NOTHING",
        [installation_id, names],
    )
    rows = conn.execute("SELECT pool, credit FROM pool_state WHERE pool = ANY(%s) ORDER BY pool FOR UPDATE", [names])
    return {row["pool"]: dict(row["credit"]) for row in rows}


def credit(conn: Connection, pool: str) -> dict[str, float]:
    """The turns that a pool owes, without holding it."""
    row = conn.execute("SELECT credit FROM pool_state WHERE pool = %s", [pool]).fetchone()
    return dict(row["credit"]) if row is not None else {}


def put_credit(conn: Connection, credit: Mapping[str, Mapping[str, float]]) -> None:
    """Remember the turns that these pools, which the caller holds, owe."""
    conn.execute(
        "UPDATE pool_state SET credit = new.credit FROM unnest(%s::text[], %s::jsonb[]) AS new (pool, credit)"
        " WHERE pool_state.pool = new.pool",
        [list(credit), [Jsonb(dict(one)) for one in credit.values()]],
    )


def granted(conn: Connection, lead_ids: Sequence[int]) -> dict[tuple[int, str], Grant]:
    """What was granted to these leads, by lead and request."""
    rows = conn.execute(
        "SELECT lead_id, request, pool, owner_of, person, granted_at FROM assignment_grant WHERE lead_id = ANY(%s)",
        [list(lead_ids)],
    )
    return {(int(row.pop("lead_id")), row["request"]): Grant(**row) for row in rows}


def keep_grants(conn: Connection, installation_id: int, given: Sequence[Given]) -> None:
    """Record who was given what, and why nobody else."""
    rows = [
        {
            "lead_id": one.lead_id,
            "request": one.grant.request,
            "asked_pool": one.asked_pool,
            "pool": one.grant.pool,
            "owner_of": one.grant.owner_of,
            "person": one.grant.person,
            "why": one.why,
            "skipped": dict(one.skipped),
            "granted_at": one.grant.granted_at,
        }
        for one in given
    ]
    if rows:
        conn.execute(_KEEP, {"installation_id": installation_id, "rows": pack(rows)})


def set_person(
    conn: Connection,
    installation_id: int,
    person: str,
    *,
    weight: float | None = None,
    capacity: int | None = None,
    calendar: str | None = None,
) -> None:
    """Set a person's share of the turns, an own capacity or own hours; None leaves it, an empty calendar takes it."""
    conn.execute(
        "INSERT INTO person (installation_id, person, weight, capacity, calendar)"
        " VALUES (%(i)s, %(p)s, coalesce(%(w)s, 1), %(c)s, nullif(%(h)s, ''))"
        " ON CONFLICT (installation_id, person) DO UPDATE"
        " SET weight = coalesce(%(w)s, person.weight), capacity = coalesce(%(c)s, person.capacity),"
        "     calendar = nullif(coalesce(%(h)s, person.calendar), '')",
        {"i": installation_id, "p": person, "w": weight, "c": capacity, "h": calendar},
    )


def add_absence(
    conn: Connection, installation_id: int, person: str, *, starts_at: datetime, ends_at: datetime | None
) -> None:
    """A person is away from then on, until they are back."""
    conn.execute(
        "INSERT INTO absence (installation_id, person, starts_at, ends_at) VALUES (%s, %s, %s, %s)",
        [installation_id, person, starts_at, ends_at],
    )


def end_absences(conn: Connection, ids: Sequence[str], now: datetime) -> int:
    """The person of these ids is back; returns how many absences that ended."""
    return conn.execute(
        "UPDATE absence SET ends_at = %(now)s WHERE person = ANY(%(ids)s) AND (ends_at IS NULL OR ends_at > %(now)s)",
        {"ids": list(ids), "now": now},
    ).rowcount


def turns(conn: Connection) -> list[tuple[str, str, str]]:
    """Every grant that went by turn: (pool, whose owner, person); not those that kept an owner or a company's."""
    rows = conn.execute("SELECT pool, owner_of, person FROM assignment_grant WHERE why = 'turn'")
    return [(row["pool"], row["owner_of"], row["person"]) for row in rows]

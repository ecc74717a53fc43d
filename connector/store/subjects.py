"""Everything that is held on a person, wherever it stands: found by the catalogue, so that a new table is covered.

A table that names leads (`lead_id`) or records of a CRM (`connection_id`, `object_type`, `vendor_id`) speaks of people.
What is exported and what is erased are the same rows; KEPT says what erasure leaves, and why nobody is known by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from psycopg import sql

from connector.store import links, mirrors
from connector.store.clock_runs import END_OF_LEAD
from connector.store.database import Connection
from connector.store.leads import lock as lock_leads
from connector.store.tombstones import RecordName

KEPT: Mapping[str, str] = MappingProxyType(
    {
        "lead": "A number, its last stage and that it was erased; emptied of all else.",
        "stage_entry": "When some lead entered which stage by which rule: what figures are counted from.",
        "clock_run": "How some promise was kept, and by whom of the company's people.",
        "assignment_grant": "Whom of the company's people a pool gave some lead.",
        "ledger": "Which rules fired and what score came of it; what people wrote beside it goes.",
    }
)
"""Table → what is left there of an erased person: rows of a lead that no name, address or record leads to any more."""

_CATALOGUE = """
SELECT c.relname AS name, array_agg(a.attname::text) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname ORDER BY c.relname
"""

_BY_LEAD = "lead_id = ANY(%(lead_ids)s)"
# "contact>deal" is a mark on a contact.
_RECORDS = "(SELECT * FROM unnest(%(connection_ids)s::int[], %(object_types)s::text[], %(vendor_ids)s::text[]))"
_BY_RECORD = f"(connection_id, split_part(object_type, '>', 1), vendor_id) IN {_RECORDS}"
_BY_ASSOCIATION = f"(connection_id, from_type, from_id) IN {_RECORDS}"

_FAMILY = """
SELECT id FROM lead WHERE id = ANY(%(ids)s) OR merged_into = ANY(%(ids)s)
UNION SELECT merged_into FROM lead WHERE id = ANY(%(ids)s) AND merged_into IS NOT NULL
"""

_PEOPLE = "SELECT connection_id, object_type, vendor_id FROM identity WHERE lead_id = ANY(%(ids)s)"

# Deals that belong to these people alone.
_ALONE = f"""
SELECT DISTINCT a.connection_id, a.to_type AS object_type, one.to_id AS vendor_id
FROM association AS a CROSS JOIN LATERAL unnest(a.to_ids) AS one (to_id)
WHERE {_BY_ASSOCIATION} AND NOT EXISTS (
    SELECT FROM association AS other
    WHERE other.connection_id = a.connection_id AND other.from_type = a.from_type AND other.to_type = a.to_type
      AND other.to_ids @> ARRAY[one.to_id]
      AND (other.connection_id, other.from_type, other.from_id) NOT IN {_RECORDS})
"""

_EMAILS = f"""
SELECT email FROM mirror WHERE email IS NOT NULL AND {_BY_RECORD}
UNION SELECT arrival ->> 'email' FROM link WHERE arrival ? 'email' AND {_BY_LEAD}
"""

_STRIP = (
    END_OF_LEAD,
    "DELETE FROM identity_review WHERE other_id = ANY(%(lead_ids)s)",
    "DELETE FROM ledger WHERE lead_id = ANY(%(lead_ids)s) AND kind <> 'decision'",
    # revision: an evaluation that is under way is not stored
    "UPDATE lead SET gone = 'erased', state = '{}', desired = '{}', scores = '{}', owner = NULL, data_key = NULL,"
    " merged_into = NULL, revision = revision + 1 WHERE id = ANY(%(lead_ids)s)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person under every name: leads (merged ones too), records, addresses. `things` are records of theirs alone."""

    lead_ids: tuple[int, ...]
    people: frozenset[RecordName]
    things: frozenset[RecordName]
    emails: frozenset[str]

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of every query that asks for this person's rows."""
        return {"lead_ids": list(self.lead_ids), **_arrays(self.people | self.things)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A table that speaks of people, and which of its rows are a person's."""

    table: str
    columns: frozenset[str]
    condition: str


def subject_of(
    conn: Connection, lead_ids: Collection[int], people: Collection[RecordName] = (), emails: Collection[str] = ()
) -> Subject:
    """The person behind these leads, records and addresses, with everything that hangs on them."""
    found = {int(row["id"]) for row in conn.execute(_FAMILY, {"ids": sorted(lead_ids)})}
    found |= {int(row["id"]) for row in conn.execute(_FAMILY, {"ids": sorted(found)})}  # the winner's other losers
    records = {*people, *(RecordName(**row) for row in conn.execute(_PEOPLE, {"ids": sorted(found)}))}
    values = {"lead_ids": sorted(found), **_arrays(records)}
    things = {RecordName(**row) for row in conn.execute(_ALONE, values)}
    addresses = {*emails, *(row["email"] for row in conn.execute(_EMAILS, values))}
    return Subject(
        lead_ids=tuple(sorted(found)),
        people=frozenset(records),
        things=frozenset(things - records),
        emails=frozenset(addresses),
    )


def places(conn: Connection) -> list[Place]:
    """Every table that speaks of people."""
    return list(_places(conn))


def _places(conn: Connection) -> Iterator[Place]:
    for row in conn.execute(_CATALOGUE).fetchall():
        columns = frozenset(row["columns"])
        conditions = [
            condition
            for condition, needed in (
                (_BY_LEAD, {"lead_id"}),
                (_BY_RECORD, {"connection_id", "object_type", "vendor_id"}),
                (_BY_ASSOCIATION, {"connection_id", "from_type", "from_id"}),
            )
            if columns >= needed
        ]
        if row["name"] == "lead":
            conditions = ["id = ANY(%(lead_ids)s)"]
        if conditions:
            yield Place(table=row["name"], columns=columns, condition=" OR ".join(conditions))


def rows_of(conn: Connection, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """What is held, by table, as JSON has it; tables without a row of theirs are absent."""
    found: dict[str, list[dict[str, Any]]] = {}
    for place in places(conn):
        # As JSON: a moment may be infinite, which no datetime is.
        rows = conn.execute(_query("SELECT to_jsonb(held) AS row FROM {} AS held WHERE ", place), subject.values)
        if shown := [row["row"] for row in rows]:
            found[place.table] = shown
    return found


def lock(conn: Connection, subject: Subject) -> None:
    """Hold what this person is until the transaction ends, in everybody's order of locks."""
    for connection_id, object_type in sorted({(one.connection_id, one.object_type) for one in subject.people}):
        names = [one for one in subject.people if one.object_type == object_type and one.connection_id == connection_id]
        mirrors.lock(conn, connection_id, object_type, [one.vendor_id for one in names])
    links.lock(conn, subject.lead_ids)
    lock_leads(conn, subject.lead_ids)


def remove(conn: Connection, subject: Subject) -> dict[str, int]:
    """Delete every row of theirs but what is KEPT, which is emptied; returns how many, by table."""
    done = clear(conn, subject)
    for statement in _STRIP:
        conn.execute(statement, subject.values)
    return done


def clear(conn: Connection, subject: Subject) -> dict[str, int]:
    """Delete every row of theirs but what is KEPT; returns how many, by table."""
    done: dict[str, int] = {}
    for place in places(conn):
        if place.table not in KEPT:
            count = conn.execute(_query("DELETE FROM {} WHERE ", place), subject.values).rowcount
            if count:
                done[place.table] = count
    return done


def erased_leads(conn: Connection) -> list[int]:
    """The leads of everybody who was erased."""
    return [int(row["id"]) for row in conn.execute("SELECT id FROM lead WHERE gone = 'erased' ORDER BY id")]


def _query(head: str, place: Place) -> sql.Composed:
    return sql.SQL(head).format(sql.Identifier(place.table)) + sql.SQL(place.condition)


def _arrays(records: Collection[RecordName]) -> dict[str, Sequence[Any]]:
    found = sorted(records)
    return {
        "connection_ids": [one.connection_id for one in found],
        "object_types": [one.object_type for one in found],
        "vendor_ids": [one.vendor_id for one in found],
    }

"""By what people whose records name no company find it, and the company that each was found to belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from connector.store.database import Connection
from connector.store.rows import pack

_PEOPLE = """
SELECT link.lead_id, mirror.vendor_id, mirror.belongs_to, ARRAY[{values}]::text[] AS values
FROM link JOIN mirror ON mirror.connection_id = link.connection_id AND mirror.vendor_id = link.vendor_id
WHERE link.connection_id = %(connection_id)s AND link.lead_id = ANY(%(lead_ids)s)
  AND mirror.object_type = %(object_type)s AND mirror.gone IS NULL {some}
"""

_PUT = """
INSERT INTO company_key (installation_id, connection_id, object_type, vendor_id, rank, key)
SELECT %(installation_id)s, %(connection_id)s, %(object_type)s, vendor_id, rank, decode(key, 'hex')
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (vendor_id text, rank smallint, key text)
ORDER BY vendor_id, rank
ON CONFLICT (installation_id, connection_id, object_type, vendor_id, rank) DO UPDATE SET key = excluded.key
"""

_HOLD = """
SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
FROM (SELECT name FROM unnest(%(names)s::text[]) AS n (name) ORDER BY name) AS one
"""

_GROUPS = 64

# Step by step, each by its index, as in `companies`.
_LEADS = """
WITH found AS MATERIALIZED (
    SELECT DISTINCT vendor_id FROM company_key
    WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND key = ANY(%(keys)s)
)
SELECT lead_id FROM link
WHERE connection_id = %(connection_id)s AND vendor_id = ANY(ARRAY(SELECT vendor_id FROM found))
"""

_BELONG = """
UPDATE mirror SET belongs_to = new.company_id
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (vendor_id text, company_id text)
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND mirror.vendor_id = new.vendor_id
"""

_COLLEAGUES = """
WITH person AS MATERIALIZED (
    SELECT vendor_id FROM mirror
    WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND gone IS NULL
      AND company_id = ANY(%(companies)s)
)
SELECT lead_id FROM link
WHERE connection_id = %(connection_id)s AND vendor_id = ANY(ARRAY(SELECT vendor_id FROM person))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person's record: the company that it was found to belong to, and the values that were asked for, in order."""

    lead_id: int
    vendor_id: str
    belongs_to: str | None
    values: Sequence[str | None]


def people(
    conn: Connection,
    connection_id: int,
    object_type: str,
    lead_ids: Sequence[int],
    properties: Sequence[str],
    *,
    found_only: bool = False,
) -> list[Person]:
    """The standing records of these leads, with these properties; `found_only`: of those that belong somewhere."""
    columns = [sql.SQL("mirror.properties ->> {}").format(sql.Literal(name)) for name in properties]
    query = sql.SQL(_PEOPLE).format(
        values=sql.SQL(", ").join(columns), some=sql.SQL("AND mirror.belongs_to IS NOT NULL" if found_only else "")
    )
    values = {"connection_id": connection_id, "object_type": object_type, "lead_ids": list(lead_ids)}
    return [Person(**row) for row in conn.execute(query, values)]


def keys_of(conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
    """Vendor id → the keys that are stored for it, in order; absent are those without any."""
    found: dict[str, tuple[bytes, ...]] = {}
    rows = conn.execute(
        "SELECT vendor_id, key FROM company_key WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)"
        " ORDER BY vendor_id, rank",
        [connection_id, object_type, list(ids)],
    )
    for row in rows:
        found[row["vendor_id"]] = (*found.get(row["vendor_id"], ()), bytes(row["key"]))
    return found


def put_keys(
    conn: Connection, installation_id: int, connection_id: int, object_type: str, found: Mapping[str, Sequence[bytes]]
) -> None:
    """These records have these keys from now on, and no others."""
    forget(conn, connection_id, object_type, sorted(found))
    rows = [
        {"vendor_id": vendor_id, "rank": rank, "key": key.hex()}
        for vendor_id, keys in found.items()
        for rank, key in enumerate(keys)
    ]
    values = {"installation_id": installation_id, "connection_id": connection_id, "object_type": object_type}
    conn.execute(_PUT, {**values, "rows": pack(rows)})


def forget(conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]) -> None:
    """These records have no keys."""
    conn.execute(
        "DELETE FROM company_key WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)",
        [connection_id, object_type, list(ids)],
    )


def hold(conn: Connection, installation_id: int, connection_id: int, keys: Collection[bytes]) -> None:
    """Hold these keys until the transaction ends: who comes to have one of them sees whoever came before, or is seen.

    They are held in groups: the server has room for a few thousand locks in all, and a slice may have as many keys.
    Comes after the locks on mirrors and links, or without any.
    """
    groups = {key[0] % _GROUPS for key in keys}
    names = [f"company_key:{installation_id}:{connection_id}:{group}" for group in groups]
    conn.execute(_HOLD, {"names": names})


def holders(
    conn: Connection, connection_id: int, object_type: str, keys: Collection[bytes]
) -> dict[bytes, frozenset[str]]:
    """Key → the records of this type that have it."""
    found: dict[bytes, frozenset[str]] = {}
    rows = conn.execute(
        "SELECT key, vendor_id FROM company_key WHERE connection_id = %s AND object_type = %s AND key = ANY(%s)",
        [connection_id, object_type, sorted(set(keys))],
    )
    for row in rows:
        key = bytes(row["key"])
        found[key] = found.get(key, frozenset()) | {row["vendor_id"]}
    return found


def leads_with(conn: Connection, connection_id: int, object_type: str, keys: Collection[bytes]) -> set[int]:
    """The leads whose record has one of these keys."""
    values = {"connection_id": connection_id, "object_type": object_type, "keys": sorted(set(keys))}
    return {int(row["lead_id"]) for row in conn.execute(_LEADS, values)} if keys else set()


def belong(conn: Connection, connection_id: int, object_type: str, found: Mapping[str, str | None]) -> None:
    """These people (held by the caller) belong to these companies; None: to none."""
    rows = [{"vendor_id": vendor_id, "company_id": company} for vendor_id, company in sorted(found.items())]
    values = {"connection_id": connection_id, "object_type": object_type, "rows": pack(rows)}
    conn.execute(_BELONG, values)


def leads_of(conn: Connection, connection_id: int, object_type: str, companies: Collection[str]) -> set[int]:
    """The leads who belong to these companies, in whatever way."""
    values = {"connection_id": connection_id, "object_type": object_type, "companies": sorted(companies)}
    return {int(row["lead_id"]) for row in conn.execute(_COLLEAGUES, values)} if companies else set()


def companies_of(conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]) -> set[str]:
    """The companies that these people were found to belong to."""
    rows = conn.execute(
        "SELECT DISTINCT belongs_to FROM mirror"
        " WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s) AND belongs_to IS NOT NULL",
        [connection_id, object_type, list(ids)],
    )
    return {row["belongs_to"] for row in rows}

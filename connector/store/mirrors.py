"""The mirror: each record as the vendor last showed it, and what we know of each property's last change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import tuple_row

from connector.domain.fingerprint import SIZE, fingerprints
from connector.store.database import Connection
from connector.store.rows import pack


@dataclass(slots=True, kw_only=True)
class MirrorRow:
    """One record. A property that is absent from `properties` is unread; None is blank.

    Unlike most of the house this is mutable: `sync.mirror` brings it up to date and hands it back to be stored.
    """

    object_type: str
    vendor_id: str
    properties: dict[str, str | None] = field(default_factory=dict)
    meta: dict[str, dict[str, Any]] = field(default_factory=dict)
    modified_at: datetime | None = None
    read_at: datetime | None = None
    gone: str | None = None
    belongs_to: str | None = None  #: The company it was found to belong to; stored by `company_keys`, never by `put`.


_STORED = ("object_type", "vendor_id", "properties", "meta", "modified_at", "read_at", "gone")
_COLUMNS = ", ".join((*_STORED, "belongs_to"))

_LOAD = f"""
SELECT {_COLUMNS} FROM mirror
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND vendor_id = ANY(%(ids)s)
"""

_PUT = """
INSERT INTO mirror (installation_id, connection_id, object_type, vendor_id, properties, meta, modified_at, read_at,
                    gone, fingerprint)
SELECT %(installation_id)s, %(connection_id)s, object_type, vendor_id, properties, meta, modified_at, read_at, gone,
       decode(fingerprint, 'hex')
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (object_type text, vendor_id text, properties jsonb, meta jsonb,
                                                 modified_at timestamptz, read_at timestamptz, gone text,
                                                 fingerprint text)
ORDER BY object_type, vendor_id
ON CONFLICT (installation_id, connection_id, object_type, vendor_id) DO UPDATE
SET properties = excluded.properties, meta = excluded.meta, modified_at = excluded.modified_at,
    read_at = excluded.read_at, gone = excluded.gone, fingerprint = excluded.fingerprint
"""

# People go by one type in each CRM: HubSpot's contacts; Salesforce's leads, and the contacts that they become.
_BY_EMAIL = """
SELECT identity.lead_id, mirror.vendor_id, mirror.email
FROM mirror JOIN identity USING (installation_id, connection_id, object_type, vendor_id)
WHERE mirror.connection_id = %(connection_id)s AND mirror.object_type IN ('contact', 'Lead') AND mirror.gone IS NULL
  AND identity.gone IS NULL AND mirror.email = ANY(%(emails)s)
"""

_OF_COMPANY = """
SELECT vendor_id FROM mirror
WHERE connection_id = %(connection_id)s AND object_type IN ('contact', 'Lead') AND gone IS NULL
  AND company_id = ANY(%(ids)s)
"""

# In order and few at once: the planner has no idea of how little such a row comparison leaves.
_BETWEEN = """
SELECT vendor_id FROM mirror
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND gone IS NULL
  AND (id_length, vendor_id COLLATE "C") > (length(%(above)s::text), %(above)s::text COLLATE "C") {upto}
ORDER BY id_length, vendor_id COLLATE "C" LIMIT %(limit)s
"""
_UPTO = 'AND (id_length, vendor_id COLLATE "C") <= (length(%(upto)s::text), %(upto)s::text COLLATE "C")'
_RUN = 500

# Length by length: an index is searched up to a row comparison's end only where its first column ends it, and else to
# the end of everything.
# One row a page: a row a record would cost the reader more than all else that is compared. Zeros: not known.
_BESIDE = """
SELECT (page.n - 1)::int, held.ids, held.fingerprints
FROM unnest(%(aboves)s::text[], %(uptos)s::text[]) WITH ORDINALITY AS page (above, upto, n),
     generate_series(length(page.above), length(page.upto)) AS digits,
     LATERAL (
         SELECT array_agg(vendor_id) AS ids,
                string_agg(coalesce(fingerprint, decode(repeat('00', 16), 'hex')), '') AS fingerprints
         FROM (
             SELECT vendor_id, fingerprint FROM mirror
             WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND gone IS NULL
               AND id_length = digits
               AND vendor_id COLLATE "C" > CASE WHEN digits = length(page.above) THEN page.above ELSE '' END COLLATE "C"
               AND vendor_id COLLATE "C" <= CASE WHEN digits = length(page.upto) THEN page.upto ELSE '~' END COLLATE "C"
             ORDER BY vendor_id COLLATE "C" LIMIT %(limit)s
         ) AS one
     ) AS held
WHERE held.ids IS NOT NULL
ORDER BY page.n, digits
"""
_BEYOND_ALL = "9" * 32
MOST_BESIDE = 500
"""So many records are given of one page's range; a range that holds more was emptied at the vendor."""

_BOUNDARY = """
SELECT vendor_id FROM mirror
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND gone IS NULL
ORDER BY id_length, vendor_id COLLATE "C" OFFSET %(offset)s LIMIT 1
"""

UNKNOWN = bytes(SIZE)


@dataclass(frozen=True, slots=True)
class Held:
    """What we hold in a range of ids and take for standing: ids in order, their fingerprints one behind the other."""

    ids: tuple[str, ...] = ()
    fingerprints: bytes = b""

    def by_id(self) -> dict[str, bytes | None]:
        """Vendor id → fingerprint; None: not known."""
        found = (self.fingerprints[at : at + SIZE] for at in range(0, len(self.fingerprints), SIZE))
        return {one: None if print_ == UNKNOWN else print_ for one, print_ in zip(self.ids, found, strict=True)}

    def among(self, ids: Sequence[str]) -> Held:
        """The same of more ids, of which nothing else is known."""
        known = self.by_id()
        return Held(tuple(ids), b"".join(known.get(one) or UNKNOWN for one in ids))


def load(
    conn: Connection, connection_id: int, object_type: str, ids: Sequence[str], *, lock: bool = False
) -> dict[str, MirrorRow]:
    """Records by vendor id; what we never read is absent. `lock` holds the rows until the transaction ends."""
    if not ids:
        return {}
    values = {"connection_id": connection_id, "object_type": object_type, "ids": list(ids)}
    query = _LOAD + (" ORDER BY vendor_id FOR UPDATE" if lock else "")
    return {row["vendor_id"]: MirrorRow(**row) for row in conn.execute(query, values)}


def standing(
    conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]
) -> dict[str, tuple[datetime | None, str | None]]:
    """Vendor id → (when it was modified, as we know; how it has gone or None), of the records that we hold."""
    rows = conn.execute(
        "SELECT vendor_id, modified_at, gone FROM mirror"
        " WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)",
        [connection_id, object_type, list(ids)],
    )
    return {row["vendor_id"]: (row["modified_at"], row["gone"]) for row in rows}


def between(conn: Connection, connection_id: int, object_type: str, above: str | None, upto: str | None) -> list[str]:
    """The ids that we hold above one and up to another, as numbers that are written without leading zeros sort."""
    found: list[str] = []
    low = above or ""
    query = _BETWEEN.format(upto=_UPTO if upto is not None else "")
    while True:
        values = {"connection_id": connection_id, "object_type": object_type, "above": low, "upto": upto, "limit": _RUN}
        rows = conn.execute(query, values).fetchall()
        found += [row["vendor_id"] for row in rows]
        if len(rows) < _RUN:
            return found
        low = found[-1]


def beside(
    conn: Connection, connection_id: int, object_type: str, ranges: Sequence[tuple[str | None, str | None]]
) -> list[Held]:
    """What we hold in each of these ranges of ids (above one, up to another; None: no end), up to `MOST_BESIDE`."""
    found = [Held()] * len(ranges)
    values = {
        "connection_id": connection_id,
        "object_type": object_type,
        "aboves": [above or "" for above, _ in ranges],
        "uptos": [upto or _BEYOND_ALL for _, upto in ranges],
        "limit": MOST_BESIDE,
    }
    with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        for place, ids, prints in cursor.execute(_BESIDE, values):
            found[place] = Held((*found[place].ids, *ids), found[place].fingerprints + prints)
    return found


def properties_of(
    conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]
) -> dict[str, Mapping[str, str | None]]:
    """Vendor id → properties of those of these records that we hold and take for standing."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "SELECT vendor_id, properties FROM mirror"
            " WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s) AND gone IS NULL",
            [connection_id, object_type, list(ids)],
        )
        return dict(rows)


def boundaries(conn: Connection, connection_id: int, object_type: str, *, most: int, least: int) -> list[str]:
    """Ids that part what we hold into even stretches of `least` records or more, at most `most` of them."""
    values: dict[str, object] = {"connection_id": connection_id, "object_type": object_type}
    row = conn.execute(
        "SELECT count(*) AS n FROM mirror"
        " WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND gone IS NULL",
        values,
    ).fetchone()
    held = int(row["n"]) if row else 0
    stretches = max(1, min(most, held // least))
    found: list[str] = []
    for number in range(1, stretches):
        row = conn.execute(_BOUNDARY, {**values, "offset": held * number // stretches}).fetchone()
        found += [row["vendor_id"]] if row else []
    return found


def lock(conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]) -> None:
    """Hold these records until the transaction ends; see `links.lock` for the order of locks."""
    if ids:
        conn.execute(
            "SELECT 1 FROM mirror WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)"
            " ORDER BY vendor_id FOR UPDATE",
            [connection_id, object_type, list(ids)],
        )


def put(conn: Connection, installation_id: int, connection_id: int, rows: Sequence[MirrorRow]) -> None:
    """Store these records."""
    if not rows:
        return
    last = {(row.object_type, row.vendor_id): row for row in rows}  # two leads of a slice may be one record
    prints = fingerprints(row.properties for row in last.values())
    packed = pack(
        [
            {**{name: getattr(row, name) for name in _STORED}, "fingerprint": print_.hex()}
            for row, print_ in zip(last.values(), prints, strict=True)
        ]
    )
    conn.execute(_PUT, {"installation_id": installation_id, "connection_id": connection_id, "rows": packed})


def leads_by_email(conn: Connection, connection_id: int, emails: Sequence[str]) -> dict[str, tuple[int, str]]:
    """E-mail address → (lead id, contact id), for addresses that the mirror knows."""
    rows = conn.execute(_BY_EMAIL, {"connection_id": connection_id, "emails": list(emails)})
    return {row["email"]: (int(row["lead_id"]), row["vendor_id"]) for row in rows}


def contacts_of(conn: Connection, connection_id: int, company_ids: Sequence[str]) -> list[str]:
    """The contacts whose primary company is one of these."""
    rows = conn.execute(_OF_COMPANY, {"connection_id": connection_id, "ids": list(company_ids)})
    return [row["vendor_id"] for row in rows]

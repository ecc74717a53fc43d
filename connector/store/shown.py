"""What records show where no more is asked of them: some of their properties, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from psycopg import sql
from psycopg.rows import tuple_row

from connector.store.database import Connection

Raws: TypeAlias = tuple[Any, ...]
"""A record: its id, something that is known of it beside, and stored strings in order."""

# Whoever only was found to belong to a company has fields of its own beside the company's: it is left out.
# Added to nothing, the properties are unpacked once, for all that is asked of them: that is half of what they cost.
_SHOWN = """
SELECT mirror.vendor_id, {beside}, {columns}
FROM mirror, LATERAL (SELECT properties || '{{}}' AS properties OFFSET 0) AS its_own,
     jsonb_to_record(its_own.properties) AS its ({unpacked})
WHERE mirror.connection_id = %(connection_id)s AND mirror.object_type = %(object_type)s AND mirror.vendor_id = {which}
  AND mirror.gone IS NULL AND mirror.belongs_to IS NULL AND its_own.properties ?& %(complete)s::text[]
"""

# Person by person, each by its index (which OFFSET sees to): to name a thousand of them costs as much again.
_PEOPLE = """
SELECT person.*{deals}
FROM link, LATERAL ({shown} OFFSET 0) AS person
WHERE link.lead_id BETWEEN %(first)s AND %(last)s AND link.connection_id = %(connection_id)s
  AND link.desired_revision <= link.confirmed_revision AND link.journal IS NULL AND link.parked_reason IS NULL
"""
_DEALS = """,
       (SELECT cardinality(to_ids) FROM association
        WHERE connection_id = %(connection_id)s AND from_type = %(object_type)s AND to_type = %(deal_type)s
          AND from_id = link.vendor_id)
"""
_LONGEST_NAME = 63
"""Of a column, in bytes."""


class Stretch(NamedTuple):
    """All the leads from one id to another."""

    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What of the records of a type is read: these properties, side by side; and what is known of the changes of one of
    them (`changes_of`). A record of which not all of `complete` has been read is left out.

    To unpack a record and to write it out costs several times what a few of its values do.
    """

    object_type: str
    properties: tuple[str, ...]
    complete: tuple[str, ...]
    changes_of: str | None = None
    deal_type: str | None = None  #: Of people: how many of these belong to each is asked too, as the last column.

    @cached_property
    def query(self) -> sql.Composed:
        """Of those records that stand: ids, what is known of changes, values."""
        changes = sql.SQL("mirror.meta -> {}").format(self.changes_of) if self.changes_of is not None else sql.NULL
        return self._shown(changes, sql.SQL("ANY(%(ids)s)"))

    @cached_property
    def people_query(self) -> sql.Composed:
        """The same of people, whose lead each is in place of changes."""
        people = self._shown(sql.Identifier("link", "lead_id"), sql.Identifier("link", "vendor_id"))
        return sql.SQL(_PEOPLE).format(shown=people, deals=sql.SQL(_DEALS if self.deal_type is not None else ""))

    def _shown(self, beside: sql.Composable, which: sql.Composable) -> sql.Composed:
        """A name that is too long for a column is looked up by itself."""
        short = [name for name in self.properties if len(name.encode()) <= _LONGEST_NAME]
        columns = [
            sql.Identifier("its", name) if name in short else sql.SQL("its_own.properties ->> {}").format(name)
            for name in self.properties
        ]
        unpacked = [sql.SQL("{} text").format(sql.Identifier(name)) for name in short or ("id",)]
        return sql.SQL(_SHOWN).format(
            beside=beside, columns=sql.SQL(", ").join(columns), unpacked=sql.SQL(", ").join(unpacked), which=which
        )


def records(conn: Connection, connection_id: int, columns: Columns, ids: Sequence[str]) -> list[Raws]:
    """Of those of these records that stand: the id, the changes that are asked for, and the values in order."""
    values = {
        "connection_id": connection_id,
        "object_type": columns.object_type,
        "ids": list(ids),
        "complete": list(columns.complete),
    }
    with conn.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(columns.query, values, prepare=True, binary=True).fetchall()


def people(conn: Connection, connection_id: int, columns: Columns, leads: Stretch) -> list[Raws]:
    """Of the records of these leads that stand, and that show all of what is wanted of them: the record's id, the
    lead's, and the values in order; last the number of deals, None where nobody has read which there are.
    """
    values = {
        "connection_id": connection_id,
        "object_type": columns.object_type,
        "complete": list(columns.complete),
        "deal_type": columns.deal_type,
        "first": leads.first,
        "last": leads.last,
    }
    with conn.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(columns.people_query, values, prepare=True, binary=True).fetchall()

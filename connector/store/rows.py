"""Many rows in one parameter: a batch travels as one JSON document, which the database takes apart again.

    conn.execute("INSERT … SELECT … FROM jsonb_to_recordset(%s::jsonb) AS new (id bigint, …)", [pack(rows)])

One statement and one dump for a whole slice: an `executemany`, or an array for each column, costs the worker's
interpreter ten times as much, and the database a round of planning for each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
from psycopg.rows import RowFactory


def pack(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a JSON array; times become ISO 8601, what is JSON already stays as it is."""
    return orjson.dumps(rows).decode()


_Row = TypeVar("_Row", bound=tuple[Any, ...])


def as_named(kind: type[_Row]) -> RowFactory[_Row]:
    """Rows as these named tuples, whose fields stand in the order of the columns: made without a call of Python's,
    which for a row of a few columns costs as much as to read it.
    """
    make = partial(tuple.__new__, kind)
    return lambda cursor: make

"""The inbox: deliveries as they came, one row each. Parsing is the worker's.

The receiver only inserts. Workers claim rows by state with SKIP LOCKED (never by an id cursor: ids commit out of
order) under a lease token, which `settle` checks inside the transaction that stores what was read.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
from isal import isal_zlib
from psycopg.pq import Format
from psycopg.types.json import Jsonb

from connector.errors import RetryableError
from connector.failpoints import Place, reach
from connector.store.database import Connection, Database, Statement
from connector.store.rows import pack
from connector.texts import say

_ADD_SUBJECTS = """
INSERT INTO inbox_subject (installation_id, connection_id, object_type, vendor_id, inbox_id)
SELECT %(installation_id)s, %(connection_id)s, object_type, vendor_id, inbox_id
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (object_type text, vendor_id text, inbox_id bigint)
ON CONFLICT DO NOTHING
"""

MAX_CLAIMS = 10
"""A delivery whose reader died this often is parked: it is the delivery that kills."""


class InboxState(Enum):
    """Where a delivery stands."""

    NEW = "new"  #: Stored and acknowledged; nobody has read it yet.
    DONE = "done"  #: Its events are facts.
    PARKED = "parked"  #: Nobody can read it; it is kept for a person.
    UNKNOWN = "unknown"  #: It holds events that we do not understand; the others are facts.


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One verified request. `headers` holds only harmless ones.

    `source` is hubspot, hubspot_workflow, salesforce:<name>, salesforce_callout:<name>, salesforce_changes:<name> or
    form:<source>.
    """

    source: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    connection_hint: str | None = None
    lane: str = "hot"  #: `background` for what comes by the thousand and nobody waits for.


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """A stored delivery. `body` is empty in listings."""

    id: int
    received_at: datetime
    source: str
    connection_hint: str | None
    headers: Mapping[str, str]
    body: bytes
    state: InboxState
    reason: str | None
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a claimed row. `reason` is a machine word for PARKED and UNKNOWN."""

    id: int
    state: InboxState
    reason: str | None = None


_ADD = Statement(
    name="inbox_add",
    text="INSERT INTO inbox (source, connection_hint, lane, headers, packed, body) VALUES ($1, $2, $3, $4, $5, $6)",
    formats=(Format.TEXT, Format.TEXT, Format.TEXT, Format.TEXT, Format.TEXT, Format.BINARY),
)

PACKED_FROM_BYTES = 2_000
"""Smaller bodies stay readable in the table. A batch of events shrinks to a tenth or less: what the database then need
not receive, compress, log and sync costs it several times what packing costs us."""
_QUICK = 1

_PUT = """
INSERT INTO inbox (source, connection_hint, lane, headers, packed, body)
VALUES (%(source)s, %(hint)s, %(lane)s, %(headers)s, %(packed)s, %(body)s)
"""

_TRY_OUT = """
BEGIN;
INSERT INTO inbox (source, lane, headers, packed, body) VALUES ('readiness', 'hot', '{}', false, '');
ROLLBACK
"""

_COLUMNS = "id, received_at, source, connection_hint, headers, state, reason, attempts"

# What people wait for comes first, and nothing else in its slice; then what comes by the thousand. Within a lane oldest
# first, though the order has no meaning: facts carry their own times. A row that another worker holds is passed over.
_FREE = "state = 'new' AND (claimed_until IS NULL OR claimed_until < now()) AND attempts < %(max_claims)s"
_CLAIM = f"""
WITH killers AS (
    UPDATE inbox SET state = 'parked', reason = 'reader_died', claim = NULL, claimed_until = NULL, settled_at = now()
    WHERE state = 'new' AND attempts >= %(max_claims)s AND claimed_until < now()
), free AS (
    SELECT id FROM inbox
    WHERE {_FREE} AND lane = CASE WHEN EXISTS (SELECT 1 FROM inbox WHERE {_FREE} AND lane = 'hot')
                                  THEN 'hot' ELSE 'background' END
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE inbox
SET claim = %(token)s, claimed_until = now() + make_interval(secs => %(lease_seconds)s), attempts = attempts + 1
FROM free WHERE inbox.id = free.id
RETURNING {", ".join("inbox." + name for name in _COLUMNS.split(", "))}, packed, body
"""

_SETTLE = """
UPDATE inbox
SET state = new.state, reason = new.reason, settled_at = now(), claim = NULL, claimed_until = NULL
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[]) AS new (id, state, reason)
WHERE inbox.id = new.id AND inbox.claim = %(token)s
"""

_RELEASE = """
UPDATE inbox SET claim = NULL, claimed_until = NULL, attempts = greatest(attempts - 1, 0)
WHERE claim = %(token)s AND state = 'new'
"""

_LIST = f"""
SELECT {_COLUMNS}, false AS packed, ''::bytea AS body FROM inbox
WHERE state = ANY(%(states)s) AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""

_RETRY = """
UPDATE inbox SET state = 'new', reason = NULL, attempts = 0, settled_at = NULL, claim = NULL, claimed_until = NULL
WHERE state IN ('parked', 'unknown') AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
"""

# Counted up to a limit, so that a scrape costs the same however long the queue is.
_DEPTH = "SELECT count(*) AS depth FROM (SELECT 1 FROM inbox WHERE state = 'new' LIMIT %(limit)s) AS waiting"


def add(database: Database, delivery: Delivery) -> None:
    """Store one delivery; it is committed when this returns. Raises `RetryableError` when the database cannot."""
    hint, (packed, body) = delivery.connection_hint, _packed(delivery.body)
    values = (
        delivery.source.encode(),
        None if hint is None else hint.encode(),
        delivery.lane.encode(),
        orjson.dumps(dict(delivery.headers)),
        b"true" if packed else b"false",
        body,
    )
    with database.autocommit() as connection:
        reach(Place.PRE_COMMIT)
        _ADD.run(connection, values)


def try_out(database: Database) -> None:
    """Return if a delivery could be stored now: one is, and taken back. Raises what `add` would."""
    with database.autocommit() as connection:
        connection.execute(_TRY_OUT)


def put(connection: Connection, delivery: Delivery) -> None:
    """Store one delivery in the caller's transaction, with whatever must stand or fall with it."""
    packed, body = _packed(delivery.body)
    values = {
        "source": delivery.source,
        "hint": delivery.connection_hint,
        "lane": delivery.lane,
        "headers": Jsonb(dict(delivery.headers)),
        "packed": packed,
        "body": body,
    }
    connection.execute(_PUT, values)


def claim(
    database: Database, *, limit: int, lease_seconds: float, max_claims: int = MAX_CLAIMS
) -> tuple[uuid.UUID, list[InboxRow]]:
    """Take up to `limit` new deliveries under a fresh lease token: of the hot lane, else of the background."""
    token = uuid.uuid4()
    wanted = {"limit": limit, "lease_seconds": lease_seconds, "token": token, "max_claims": max_claims}
    with database.autocommit() as connection:
        rows = connection.execute(_CLAIM, wanted).fetchall()
    reach(Place.CLAIMED)
    return token, sorted((_row(found) for found in rows), key=lambda row: row.id)


def is_waiting(connection: Connection) -> bool:
    """True while some delivery is new."""
    return connection.execute("SELECT 1 FROM inbox WHERE state = 'new' LIMIT 1").fetchone() is not None


def add_subjects(
    connection: Connection, installation_id: int, connection_id: int, found: Sequence[tuple[str, str, int]]
) -> None:
    """Say whom these deliveries speak of: (object type, vendor id, inbox id)."""
    if found:
        rows = [{"object_type": kind, "vendor_id": vendor_id, "inbox_id": row} for kind, vendor_id, row in found]
        values = {"installation_id": installation_id, "connection_id": connection_id, "rows": pack(rows)}
        connection.execute(_ADD_SUBJECTS, values)


def settle(connection: Connection, token: uuid.UUID, results: Sequence[Settled]) -> None:
    """Mark claimed rows inside the caller's transaction, which must not commit when this raises.

    Raises `RetryableError(reason="lease_lost")` when another worker has taken a row over meanwhile.
    """
    cursor = connection.execute(
        _SETTLE,
        {
            "ids": [result.id for result in results],
            "states": [result.state.value for result in results],
            "reasons": [result.reason for result in results],
            "token": token,
        },
    )
    if cursor.rowcount != len(results):
        raise RetryableError(
            say("The lease on these deliveries ran out; another worker reads them."), reason="lease_lost"
        )


def release(database: Database, token: uuid.UUID) -> int:
    """Give unread rows back at once (on shutdown); returns how many."""
    with database.autocommit() as connection:
        return connection.execute(_RELEASE, {"token": token}).rowcount


def listing(database: Database, *, states: Sequence[InboxState], after: int = 0, limit: int = 100) -> list[InboxRow]:
    """Rows in these states by id, without their bodies."""
    with database.autocommit() as connection:
        wanted = {"states": [state.value for state in states], "after": after, "limit": limit}
        return [_row(found) for found in connection.execute(_LIST, wanted).fetchall()]


def body_of(database: Database, row_id: int) -> bytes | None:
    """The raw body of one delivery; None when there is no such row."""
    with database.autocommit() as connection:
        found = connection.execute("SELECT packed, body FROM inbox WHERE id = %s", [row_id]).fetchone()
    return None if found is None else _body(found)


def retry(database: Database, ids: Sequence[int] | None) -> int:
    """Have parked and unknown deliveries read again (None: all of them); returns how many."""
    with database.autocommit() as connection:
        return connection.execute(_RETRY, {"ids": None if ids is None else list(ids)}).rowcount


def depth(database: Database, *, limit: int = 100_000) -> int:
    """How many deliveries wait, counted up to `limit`."""
    with database.autocommit() as connection:
        found = connection.execute(_DEPTH, {"limit": limit}).fetchone()
    return 0 if found is None else int(found["depth"])


def _row(found: Mapping[str, Any]) -> InboxRow:
    return InboxRow(
        id=found["id"],
        received_at=found["received_at"],
        source=found["source"],
        connection_hint=found["connection_hint"],
        headers=found["headers"],
        body=_body(found),
        state=InboxState(found["state"]),
        reason=found["reason"],
        attempts=found["attempts"],
    )


def _packed(body: bytes) -> tuple[bool, bytes]:
    """(compressed, the body as it is stored)."""
    packed = len(body) >= PACKED_FROM_BYTES
    return packed, isal_zlib.compress(body, _QUICK) if packed else body


def _body(found: Mapping[str, Any]) -> bytes:
    """The body as it came."""
    stored = bytes(found["body"])
    return isal_zlib.decompress(stored) if found["packed"] else stored

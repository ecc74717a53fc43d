"""Links: one row for each lead and connection. Reads that are wanted and writes that are outstanding are indexes on it.

A claim is a lease token with an end in database time; every statement that commits a result checks the token, so that
a worker that lost its lease changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from connector.store.database import Connection
from connector.store.outstanding import ALWAYS_FAILS, READABLE, WRITABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClaim:
    """A record to read. `arrival` is set for a person whom the CRM may not know yet."""

    lead_id: int
    vendor_id: str
    wanted_at: datetime
    arrival: Mapping[str, Any] | None
    attempts: int
    stumbles: int = 0  #: How often it failed alone while others passed.
    failing_since: datetime | None = None
    deep: bool = False  #: Activities are looked for too.
    unanswered: Mapping[str, Any] = field(default_factory=dict)  #: See `sync.unanswered`.


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteClaim:
    """A lead whose desired state may not stand in the CRM yet."""

    lead_id: int
    vendor_id: str
    desired_revision: int
    dropped: Mapping[str, Any]
    left_alone: Mapping[str, Any]
    journal: Mapping[str, Any] | None
    attempts: int
    stumbles: int = 0  #: How often it failed alone while others passed.
    failing_since: datetime | None = None
    lane: str
    unanswered: Mapping[str, Any] = field(default_factory=dict)  #: See `sync.unanswered`.
    failing: Mapping[str, Any] = field(default_factory=dict)  #: See `sync.aside`.

    @property
    def not_to_write(self) -> Mapping[str, Any]:
        """What the vendor refused, and what a drift leaves alone."""
        return {**self.dropped, **self.left_alone} if self.left_alone else self.dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """What became of a write claim: confirmed, or to be tried again after `retry_seconds`, or parked."""

    lead_id: int
    confirmed: bool
    retry_seconds: float = 0.0
    attempts: int = 0
    stumbles: int = 0
    failed: bool = False
    journal: Mapping[str, Any] | None = None
    dropped: Mapping[str, Any] | None = None
    parked_reason: str | None = None
    parked_property: str | None = None
    parked_message: str | None = None
    unanswered: Mapping[str, Any] = field(default_factory=dict)
    failing: Mapping[str, Any] = field(default_factory=dict)
    aside: bool = False  #: All that is tried again is what hangs on the record.


_WANT_READ = """
INSERT INTO link (installation_id, lead_id, connection_id, vendor_id, read_wanted_at, read_lane, event_at)
SELECT %(installation_id)s, wanted.lead_id, %(connection_id)s, wanted.vendor_id, clock_timestamp(), %(lane)s,
       wanted.event_at
FROM unnest(%(lead_ids)s::bigint[], %(vendor_ids)s::text[], %(event_ats)s::timestamptz[])
     AS wanted (lead_id, vendor_id, event_at)
WHERE NOT EXISTS (SELECT FROM lead WHERE lead.id = wanted.lead_id AND gone IN ('erased', 'merged'))
ORDER BY wanted.lead_id
ON CONFLICT (installation_id, lead_id, connection_id) DO UPDATE
SET read_wanted_at = excluded.read_wanted_at, read_parked_at = NULL,
    read_stumbles = CASE WHEN link.read_parked_at IS NULL THEN link.read_stumbles ELSE 0 END,
    read_lane = CASE WHEN excluded.read_lane = 'hot' OR link.read_lane = 'hot' AND link.read_wanted_at IS NOT NULL
                     THEN 'hot' ELSE 'background' END,
    event_at = least(link.event_at, excluded.event_at)
"""

_WANT_DEEP = """
UPDATE link
SET read_lane = CASE WHEN wanted.lane = 'hot' OR link.read_lane = 'hot' AND link.read_wanted_at IS NOT NULL
                     THEN 'hot' ELSE 'background' END,
    read_wanted_at = clock_timestamp(), read_deep = true
FROM unnest(%(lead_ids)s::bigint[], %(lanes)s::text[]) AS wanted (lead_id, lane)
WHERE link.lead_id = wanted.lead_id AND vendor_id <> '' AND NOT (read_deep AND read_wanted_at IS NOT NULL)
"""

_CLAIM_READS = f"""
WITH free AS (
    SELECT lead_id FROM link
    WHERE connection_id = %(connection_id)s AND read_lane = %(lane)s AND {READABLE}
    ORDER BY read_wanted_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE link SET read_claim = %(token)s, read_claimed_until = now() + make_interval(secs => %(lease_seconds)s)
FROM free WHERE link.lead_id = free.lead_id AND link.connection_id = %(connection_id)s
RETURNING link.lead_id, vendor_id, read_wanted_at AS wanted_at, arrival, read_attempts AS attempts,
          read_stumbles AS stumbles, read_failing_since AS failing_since, read_deep AS deep
"""

# What was asked for again while we read is read again.
_SETTLE_READS = """
UPDATE link
SET read_wanted_at = CASE WHEN link.read_wanted_at > done.wanted_at THEN link.read_wanted_at END,
    read_claim = NULL, read_claimed_until = '-infinity', read_attempts = 0, read_stumbles = 0, arrival = NULL,
    read_failing_since = NULL,
    read_deep = link.read_deep AND link.read_wanted_at > done.wanted_at,
    known_until = CASE WHEN done.deep THEN greatest(link.known_until, %(begun)s) ELSE link.known_until END
FROM unnest(%(lead_ids)s::bigint[], %(wanted_ats)s::timestamptz[], %(deep)s::boolean[])
     AS done (lead_id, wanted_at, deep)
WHERE link.lead_id = done.lead_id AND link.connection_id = %(connection_id)s AND link.read_claim = %(token)s
RETURNING link.lead_id, coalesce(link.unanswered, '{}') AS unanswered
"""

_WRITABLE = f"connection_id = %(connection_id)s AND lane = %(lane)s AND {WRITABLE}"

_COUNT_WRITABLE = f"SELECT count(*) AS n FROM (SELECT 1 FROM link WHERE {_WRITABLE} LIMIT %(most)s) AS waiting"

_CLAIM_WRITES = f"""
WITH free AS (
    SELECT lead_id FROM link
    WHERE {_WRITABLE}
    ORDER BY not_before LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE link SET claim = %(token)s, claimed_until = now() + make_interval(secs => %(lease_seconds)s)
FROM free WHERE link.lead_id = free.lead_id AND link.connection_id = %(connection_id)s
RETURNING link.lead_id, vendor_id, desired_revision, dropped, left_alone, journal, attempts, stumbles,
          failing_since, link.lane, coalesce(unanswered, '{{}}') AS unanswered, failing
"""

_SETTLE_WRITES = """
UPDATE link
SET confirmed_revision = CASE WHEN done.confirmed THEN greatest(link.confirmed_revision, done.desired_revision)
                              ELSE link.confirmed_revision END,
    not_before = now() + make_interval(secs => CASE WHEN done.aside AND link.desired_revision > done.desired_revision
                                                    THEN 0 ELSE done.retry_seconds END),
    attempts = done.attempts, failing = done.failing, aside = done.aside,
    stumbles = done.stumbles, failing_since = CASE WHEN done.failed THEN coalesce(link.failing_since, now()) END,
    journal = done.journal, unanswered = done.unanswered,
    dropped = coalesce(done.dropped, link.dropped), claim = NULL, claimed_until = '-infinity',
    parked_reason = done.parked_reason, parked_property = done.parked_property, parked_message = done.parked_message,
    parked_at = CASE WHEN done.parked_reason IS NULL THEN NULL ELSE now() END,
    event_at = CASE WHEN done.confirmed AND link.desired_revision <= done.desired_revision
                         AND link.read_wanted_at IS NULL
                    THEN NULL ELSE link.event_at END
FROM unnest(%(lead_ids)s::bigint[], %(desired_revisions)s::bigint[], %(confirmed)s::boolean[],
            %(retry_seconds)s::float8[], %(attempts)s::int[], %(stumbles)s::int[], %(failed)s::boolean[],
            %(journals)s::jsonb[], %(dropped)s::jsonb[], %(parked_reasons)s::text[], %(parked_properties)s::text[],
            %(parked_messages)s::text[], %(unanswered)s::jsonb[], %(failing)s::jsonb[], %(aside)s::boolean[])
     AS done (lead_id, desired_revision, confirmed, retry_seconds, attempts, stumbles, failed, journal, dropped,
              parked_reason, parked_property, parked_message, unanswered, failing, aside)
WHERE link.lead_id = done.lead_id AND link.connection_id = %(connection_id)s AND link.claim = %(token)s
"""

# A link that waits (the vendor said for how long) goes on waiting: news of the lead is no reason to call sooner. One
# over which the vendor stumbled may pass with other values. What hangs on the record waits by itself.
_DESIRE = f"""
UPDATE link
SET desired_revision = desired_revision + 1, lane = wanted.lane,
    parked_reason = CASE WHEN parked_reason = '{ALWAYS_FAILS}' THEN NULL ELSE parked_reason END,
    not_before = CASE WHEN aside THEN now() ELSE not_before END,
    failing = CASE WHEN failing = '{{}}' THEN failing ELSE
              (SELECT jsonb_object_agg(key, value - '{{parked,given_up}}'::text[]) FROM jsonb_each(failing)) END
FROM unnest(%(lead_ids)s::bigint[], %(lanes)s::text[]) AS wanted (lead_id, lane)
WHERE link.lead_id = wanted.lead_id
"""


def want_read(
    conn: Connection,
    installation_id: int,
    connection_id: int,
    wanted: Mapping[int, str],
    *,
    lane: str,
    since: Mapping[int, datetime | None] | None = None,
) -> None:
    """Mark records to be read: lead id → vendor id; nobody who was erased or merged away. `since` when somebody waits
    for a lead (machine time): it starts the end-to-end clock."""
    if not wanted:
        return
    values = {
        "installation_id": installation_id,
        "connection_id": connection_id,
        "lead_ids": list(wanted),
        "vendor_ids": list(wanted.values()),
        "lane": lane,
        "event_ats": [since.get(one) if since is not None else None for one in wanted],
    }
    conn.execute(_WANT_READ, values)


def want_deep(conn: Connection, lanes: Mapping[int, str]) -> None:
    """Mark these leads' records (lead id → lane) to be read with everything that may have happened; who is marked so
    already waits."""
    conn.execute(_WANT_DEEP, {"lead_ids": list(lanes), "lanes": list(lanes.values())})


def ensure(conn: Connection, installation_id: int, connection_id: int, wanted: Mapping[int, str]) -> None:
    """Make sure that these leads have a link (lead id → vendor id); one that is there stays as it is."""
    conn.cursor().executemany(
        "INSERT INTO link (installation_id, lead_id, connection_id, vendor_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [(installation_id, lead_id, connection_id, vendor_id) for lead_id, vendor_id in wanted.items()],
    )


def want_arrival(conn: Connection, connection_id: int, lead_id: int, arrival: Mapping[str, Any]) -> None:
    """Say that the person behind this link may have to be found or created by e-mail."""
    conn.execute(
        "UPDATE link SET arrival = %s WHERE lead_id = %s AND connection_id = %s",
        [Jsonb(arrival), lead_id, connection_id],
    )


def park_arrival(conn: Connection, connection_id: int, claim: ReadClaim, *, reason: str, property_name: str) -> None:
    """No record can be made for this person: its arrival is kept for the day somebody mends the cause."""
    conn.execute(
        "UPDATE link SET arrival = %s, parked_reason = %s, parked_property = %s, parked_at = now()"
        " WHERE lead_id = %s AND connection_id = %s",
        [Jsonb(claim.arrival), reason, property_name, claim.lead_id, connection_id],
    )


def name(conn: Connection, connection_id: int, lead_id: int, vendor_id: str) -> None:
    """The record behind this link has an id now."""
    conn.execute(
        "UPDATE link SET vendor_id = %s WHERE lead_id = %s AND connection_id = %s", [vendor_id, lead_id, connection_id]
    )


def forget(conn: Connection, connection_id: int, lead_id: int) -> None:
    """This lead waits for no record there any more."""
    conn.execute(
        "DELETE FROM link WHERE lead_id = %s AND connection_id = %s AND vendor_id = ''", [lead_id, connection_id]
    )


def arriving(conn: Connection, connection_id: int, email: str) -> int | None:
    """The lead that waits to be found or created by this address; until the transaction ends nobody else makes one."""
    conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [connection_id, email])
    row = conn.execute(
        "SELECT lead_id FROM link WHERE connection_id = %s AND arrival IS NOT NULL AND arrival ->> 'email' = %s"
        " ORDER BY lead_id LIMIT 1",
        [connection_id, email],
    ).fetchone()
    return int(row["lead_id"]) if row else None


def _claim(connection_id: int, lane: str, limit: int, lease_seconds: float) -> dict[str, Any]:
    place = {"connection_id": connection_id, "lane": lane}
    return {**place, "limit": limit, "lease_seconds": lease_seconds, "token": uuid.uuid4()}


def claim_reads(
    conn: Connection, connection_id: int, *, lane: str, limit: int, lease_seconds: float
) -> tuple[uuid.UUID, list[ReadClaim]]:
    """Take up to `limit` records to read, oldest first."""
    values = _claim(connection_id, lane, limit, lease_seconds)
    return values["token"], [ReadClaim(**row) for row in conn.execute(_CLAIM_READS, values)]


def lock(conn: Connection, lead_ids: Sequence[int]) -> None:
    """Hold these leads' links until the transaction ends. Everybody locks in this order: mirror, link, lead, lead_due,
    managed_record, and by id within each, so that no two slices wait for each other."""
    conn.execute(
        "SELECT 1 FROM link WHERE lead_id = ANY(%s) ORDER BY lead_id, connection_id FOR UPDATE", [list(lead_ids)]
    )


def hold(conn: Connection, connection_id: int, token: uuid.UUID) -> None:
    """Hold what is claimed under this token, reads and writes, until the transaction ends."""
    query = "SELECT 1 FROM link WHERE connection_id = %s AND %s IN (claim, read_claim) ORDER BY lead_id FOR UPDATE"
    conn.execute(query, [connection_id, token])


def release(conn: Connection, connection_id: int, token: uuid.UUID) -> None:
    """Give back what is still claimed under this token, reads and writes, for anybody to take at once."""
    hold(conn, connection_id, token)
    for read in ("read_", ""):
        conn.execute(
            f"UPDATE link SET {read}claim = NULL, {read}claimed_until = '-infinity'"
            f" WHERE connection_id = %s AND {read}claim = %s",
            [connection_id, token],
        )


def awaiting_read(conn: Connection, lead_ids: Sequence[int]) -> set[int]:
    """Those of these leads whose read is outstanding; it stays so until the transaction ends."""
    lock(conn, lead_ids)
    rows = conn.execute(
        "SELECT DISTINCT lead_id FROM link WHERE lead_id = ANY(%s) AND read_wanted_at IS NOT NULL", [list(lead_ids)]
    )
    return {int(row["lead_id"]) for row in rows}


def to_be_read(conn: Connection, connection_id: int, vendor_ids: Sequence[str]) -> set[str]:
    """Those of these records whose read is outstanding."""
    query = "SELECT vendor_id FROM link WHERE connection_id = %s AND vendor_id = ANY(%s) AND read_wanted_at IS NOT NULL"
    return {row["vendor_id"] for row in conn.execute(query, [connection_id, list(vendor_ids)])}


def settle_reads(
    conn: Connection, connection_id: int, token: uuid.UUID, claims: Sequence[ReadClaim], *, begun: datetime
) -> list[ReadClaim]:
    """Mark these as read, in the transaction that stores what was read; returns those that we still held, each with
    what has no answer by then.

    `begun` (business time): what had happened by then is known of those that were read deeply.
    """
    values = {
        "connection_id": connection_id,
        "token": token,
        "lead_ids": [claim.lead_id for claim in claims],
        "wanted_ats": [claim.wanted_at for claim in claims],
        "deep": [claim.deep for claim in claims],
        "begun": begun,
    }
    held = {int(row["lead_id"]): row["unanswered"] for row in conn.execute(_SETTLE_READS, values)}
    return [replace(claim, unanswered=held[claim.lead_id]) for claim in claims if claim.lead_id in held]


def desire(conn: Connection, lanes: Mapping[int, str]) -> None:
    """What these leads should look like has changed (lead id → lane): their links are outstanding again."""
    conn.execute(_DESIRE, {"lead_ids": list(lanes), "lanes": list(lanes.values())})


def claim_writes(
    conn: Connection, connection_id: int, *, lane: str, limit: int, lease_seconds: float
) -> tuple[uuid.UUID, list[WriteClaim]]:
    """Take up to `limit` outstanding links, longest waiting first."""
    values = _claim(connection_id, lane, limit, lease_seconds)
    return values["token"], [WriteClaim(**row) for row in conn.execute(_CLAIM_WRITES, values)]


def count_writable(conn: Connection, connection_id: int, *, lane: str, most: int) -> int:
    """How many outstanding links could be claimed now, counted up to `most`."""
    row = conn.execute(_COUNT_WRITABLE, {"connection_id": connection_id, "lane": lane, "most": most}).fetchone()
    return int(row["n"]) if row else 0


def held_writes(conn: Connection, connection_id: int, token: uuid.UUID) -> set[int]:
    """The leads that this claim still holds, kept from everybody else until the transaction ends."""
    rows = conn.execute(
        "SELECT lead_id FROM link WHERE connection_id = %s AND claim = %s ORDER BY lead_id FOR UPDATE",
        [connection_id, token],
    )
    return {int(row["lead_id"]) for row in rows}


def settle_writes(
    conn: Connection, connection_id: int, token: uuid.UUID, outcomes: Sequence[tuple[WriteClaim, WriteOutcome]]
) -> None:
    """Store what became of each claimed link; one whose lease was lost is left alone."""
    found = [outcome for _, outcome in outcomes]
    values = {
        "connection_id": connection_id,
        "token": token,
        "lead_ids": [one.lead_id for one in found],
        "desired_revisions": [claim.desired_revision for claim, _ in outcomes],
        "confirmed": [one.confirmed for one in found],
        "retry_seconds": [one.retry_seconds for one in found],
        "attempts": [one.attempts for one in found],
        "stumbles": [one.stumbles for one in found],
        "failed": [one.failed for one in found],
        "journals": [Jsonb(one.journal) if one.journal else None for one in found],
        "dropped": [Jsonb(one.dropped) if one.dropped is not None else None for one in found],
        "parked_reasons": [one.parked_reason for one in found],
        "parked_properties": [one.parked_property for one in found],
        "parked_messages": [one.parked_message for one in found],
        "unanswered": [Jsonb(one.unanswered) if one.unanswered else None for one in found],
        "failing": [Jsonb(one.failing) for one in found],
        "aside": [one.aside for one in found],
    }
    conn.execute(_SETTLE_WRITES, values)


def write_journal(
    conn: Connection, connection_id: int, token: uuid.UUID, journals: Mapping[int, Mapping[str, Any]]
) -> None:
    """Commit the next step of a backward stage move before it is made (lead id → journal)."""
    conn.cursor().executemany(
        "UPDATE link SET journal = %s WHERE lead_id = %s AND connection_id = %s AND claim = %s",
        [(Jsonb(journal), lead_id, connection_id, token) for lead_id, journal in journals.items()],
    )

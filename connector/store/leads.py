"""Leads: the rows that evaluations read and write, who they are in the CRMs, and when they are looked at next."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.store import company_keys, tombstones
from connector.store.database import Connection
from connector.store.rows import pack


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    """A lead as stored. `state`, `desired` and `scores` are JSON, see `domain.codec`."""

    id: int
    created_at: datetime
    revision: int
    stage: str | None
    state: Mapping[str, Any]
    desired: Mapping[str, Any]
    desired_stage: str | None
    scores: Mapping[str, float]
    policy: str | None
    policy_hash: str | None
    evaluated_at: datetime | None
    gone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueClaim:
    """A lead that is due: since when (business time) and why (`wake` classes, or `dirty`)."""

    lead_id: int
    due_at: datetime
    why: str
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The result of one evaluation, to be stored if the lead's revision is still the one that was read."""

    lead_id: int
    revision: int
    stage: str | None
    owner: str | None
    state: Mapping[str, Any]
    desired: Mapping[str, Any]
    desired_stage: str | None
    scores: Mapping[str, float]
    policy: str
    policy_hash: str
    generation: int
    wake_at: datetime | None
    wake_why: str | None


NOBODY = 0
"""The lead of a record whose person was erased."""

_COLUMNS = (
    "id, created_at, revision, stage, state, desired, desired_stage, scores, policy, policy_hash, evaluated_at, gone"
)
_RESULT = (
    "lead_id",
    "revision",
    "stage",
    "owner",
    "state",
    "desired",
    "desired_stage",
    "scores",
    "policy",
    "policy_hash",
    "generation",
)

_NEW_LEADS = """
WITH fresh AS (
    INSERT INTO lead (installation_id, created_at)
    SELECT %(installation_id)s, created_at FROM unnest(%(created_ats)s::timestamptz[]) AS new (created_at)
    RETURNING id
)
SELECT id FROM fresh ORDER BY id
"""

_IDENTIFY = """
INSERT INTO identity (installation_id, connection_id, object_type, vendor_id, lead_id)
SELECT %(installation_id)s, %(connection_id)s, %(object_type)s, vendor_id, lead_id
FROM unnest(%(vendor_ids)s::text[], %(lead_ids)s::bigint[]) AS new (vendor_id, lead_id)
WHERE NOT EXISTS (SELECT FROM tombstone
                  WHERE hash = tasuki_record_tombstone(%(connection_id)s, %(object_type)s, new.vendor_id))
ORDER BY vendor_id
ON CONFLICT DO NOTHING
"""

_IDENTITIES = """
SELECT vendor_id, lead_id, gone FROM identity
WHERE connection_id = %(connection_id)s AND object_type = %(object_type)s AND vendor_id = ANY(%(ids)s)
"""

# A lead that somebody is evaluating right now stays due: dropping its claim makes that evaluation's finish a no-op.
_MARK_DUE = """
INSERT INTO lead_due (installation_id, lead_id, due_at, why, lane)
SELECT %(installation_id)s, lead_id, %(at)s, %(why)s, %(lane)s FROM unnest(%(lead_ids)s::bigint[]) AS l (lead_id)
ORDER BY lead_id
ON CONFLICT (installation_id, lead_id) DO UPDATE
SET due_at = least(lead_due.due_at, excluded.due_at),
    why = CASE WHEN lead_due.due_at < excluded.due_at THEN lead_due.why ELSE excluded.why END,
    claim = NULL, claimed_until = '-infinity',
    lane = CASE WHEN excluded.lane = 'hot' THEN 'hot' ELSE lead_due.lane END, parked_reason = NULL, failures = 0
"""

_CLAIM_DUE = """
WITH free AS (
    SELECT lead_id FROM lead_due
    WHERE due_at <= %(now)s AND claimed_until < now() AND parked_reason IS NULL
      AND (%(lane)s::text IS NULL OR lane = %(lane)s)
    ORDER BY lane DESC, due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE lead_due SET claim = %(token)s, claimed_until = now() + make_interval(secs => %(lease_seconds)s)
FROM free WHERE lead_due.lead_id = free.lead_id
RETURNING lead_due.lead_id, due_at, why, lane
"""

# Those that somebody holds, or that wait after a failure, are nobody's to take: they do not count. The lanes
# are decided apart: hot leads wait for each other alone; what waits in the background has the hot ones before it.
_COUNT_DUE = """
SELECT count(*) AS n FROM (
    SELECT 1 FROM lead_due
    WHERE due_at <= %(now)s AND claimed_until < now() AND parked_reason IS NULL AND (lane = 'hot' OR %(lane)s <> 'hot')
    LIMIT %(most)s
) AS waiting
"""

_FINISH_DUE = """
UPDATE lead_due
SET due_at = coalesce(done.wake_at, 'infinity'), why = coalesce(done.why, 'none'), lane = 'background',
    claim = NULL, claimed_until = '-infinity', failures = 0
FROM unnest(%(lead_ids)s::bigint[], %(wake_ats)s::timestamptz[], %(whys)s::text[]) AS done (lead_id, wake_at, why)
WHERE lead_due.lead_id = done.lead_id AND lead_due.claim = %(token)s
"""

_FAIL_DUE = """
UPDATE lead_due
SET failures = failures + 1, claim = NULL,
    claimed_until = now() + make_interval(secs => least(300, power(2, failures))),
    parked_reason = CASE WHEN failures + 1 >= %(most)s THEN %(reason)s END
WHERE lead_id = %(lead_id)s AND claim = %(token)s
"""

_STORE = """
UPDATE lead
SET revision = lead.revision + 1, stage = done.stage, owner = done.owner, state = done.state, desired = done.desired,
    desired_stage = done.desired_stage, scores = done.scores, policy = done.policy, policy_hash = done.policy_hash,
    generation = done.generation, evaluated_at = %(now)s
FROM jsonb_to_recordset(%(rows)s::jsonb)
     AS done (lead_id bigint, revision bigint, stage text, owner text, state jsonb, desired jsonb, desired_stage text,
              scores jsonb, policy text, policy_hash text, generation bigint)
WHERE lead.id = done.lead_id AND lead.revision = done.revision
RETURNING lead.id
"""


def new_leads(conn: Connection, installation_id: int, created_ats: Sequence[datetime]) -> list[int]:
    """Create leads; returns their ids."""
    values = {"installation_id": installation_id, "created_ats": list(created_ats)}
    return [int(row["id"]) for row in conn.execute(_NEW_LEADS, values)]


def identify(
    conn: Connection, installation_id: int, connection_id: int, object_type: str, pairs: Sequence[tuple[str, int]]
) -> None:
    """Say which lead each vendor id is; one that is known already, or was erased, stays as it is."""
    if not pairs:
        return
    tombstones.share(conn)
    values = {
        "installation_id": installation_id,
        "connection_id": connection_id,
        "object_type": object_type,
        "vendor_ids": [vendor_id for vendor_id, _ in pairs],
        "lead_ids": [lead_id for _, lead_id in pairs],
    }
    conn.execute(_IDENTIFY, values)


def identities(
    conn: Connection, connection_id: int, object_type: str, ids: Sequence[str]
) -> dict[str, tuple[int, str | None]]:
    """Vendor id → (lead id, how it has gone or None); who was erased is NOBODY."""
    if not ids:
        return {}
    values = {"connection_id": connection_id, "object_type": object_type, "ids": list(ids)}
    found: dict[str, tuple[int, str | None]] = {
        row["vendor_id"]: (int(row["lead_id"]), row["gone"]) for row in conn.execute(_IDENTITIES, values)
    }
    unknown = [one for one in ids if one not in found]
    return found | dict.fromkeys(tombstones.among(conn, connection_id, object_type, unknown), (NOBODY, "erased"))


def set_gone(
    conn: Connection, connection_id: int, vendor_ids: Sequence[str], gone: str | None, *, object_type: str
) -> list[int]:
    """Mark records as archived, erased or merged (None: restored), and their leads with them; returns the leads."""
    conn.execute(
        "SELECT 1 FROM lead WHERE id IN (SELECT lead_id FROM identity WHERE connection_id = %s AND object_type = %s"
        " AND vendor_id = ANY(%s)) ORDER BY id FOR UPDATE",
        [connection_id, object_type, list(vendor_ids)],
    )
    rows = conn.execute(
        "UPDATE identity SET gone = %s WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s)"
        " RETURNING lead_id",
        [gone, connection_id, object_type, list(vendor_ids)],
    ).fetchall()
    lead_ids = [int(row["lead_id"]) for row in rows]
    # who stands in another CRM yet has not gone
    conn.execute(
        "UPDATE lead SET gone = %(gone)s WHERE id = ANY(%(ids)s) AND (%(gone)s::text IS NULL OR NOT EXISTS"
        " (SELECT FROM identity WHERE identity.lead_id = lead.id AND identity.gone IS NULL))",
        {"gone": gone, "ids": lead_ids},
    )
    return lead_ids


def become(
    conn: Connection,
    installation_id: int,
    connection_id: int,
    object_type: str,
    lead_id: int,
    winner: str,
    losers: Sequence[str],
) -> None:
    """After a merge at the vendor this lead is the record `winner`; the ids of `losers` are names of the past."""
    set_gone(conn, connection_id, losers, "merged", object_type=object_type)
    identify(conn, installation_id, connection_id, object_type, [(winner, lead_id)])
    set_gone(conn, connection_id, [winner], None, object_type=object_type)
    conn.execute("UPDATE lead SET gone = NULL WHERE id = %s", [lead_id])
    company_keys.forget(conn, connection_id, object_type, losers)
    conn.execute(
        "UPDATE link SET vendor_id = %s WHERE lead_id = %s AND connection_id = %s", [winner, lead_id, connection_id]
    )


def load(conn: Connection, ids: Sequence[int], *, results: bool = True) -> dict[int, LeadRow]:
    """Leads by id. Without `results`, what was desired and scored is left out: who decides anew does not ask for it."""
    columns = _COLUMNS if results else _COLUMNS.replace("desired, ", "'{}'::jsonb AS desired, ", 1)
    rows = conn.execute(f"SELECT {columns} FROM lead WHERE id = ANY(%s)", [list(ids)])
    return {row["id"]: LeadRow(**row) for row in rows}


def lock(conn: Connection, ids: Sequence[int], *, due: bool = True) -> None:
    """Hold these leads, and when they are due, until the transaction ends: after their mirrors and links, by id.

    Without `due`, whoever calls holds that by `lock_due`, of more leads at once.
    """
    conn.execute("SELECT 1 FROM lead WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [list(ids)])
    if due:
        lock_due(conn, ids)


def mark_due(
    conn: Connection, installation_id: int, lead_ids: Sequence[int], *, at: datetime, why: str, lane: str
) -> None:
    """These leads are to be looked at from `at` (business time)."""
    if lead_ids:
        values = {
            "installation_id": installation_id,
            "lead_ids": sorted(set(lead_ids)),
            "at": at,
            "why": why,
            "lane": lane,
        }
        conn.execute(_MARK_DUE, values)


def claim_due(
    conn: Connection, *, now: datetime, limit: int, lease_seconds: float, lane: str | None = None
) -> tuple[uuid.UUID, list[DueClaim]]:
    """Take up to `limit` due leads of this lane; of both without one, hot ones first."""
    token = uuid.uuid4()
    values = {"now": now, "limit": limit, "lease_seconds": lease_seconds, "token": token, "lane": lane}
    return token, [DueClaim(**row) for row in conn.execute(_CLAIM_DUE, values)]


def store(conn: Connection, results: Sequence[Evaluated], *, now: datetime) -> set[int]:
    """Store evaluations; returns the leads whose revision was still the one read (the others stay due)."""
    packed = pack([{name: getattr(one, name) for name in _RESULT} for one in results])
    return {int(row["id"]) for row in conn.execute(_STORE, {"now": now, "rows": packed})}


def lock_due(conn: Connection, lead_ids: Collection[int]) -> None:
    """Hold when these leads are looked at next until the transaction ends: all at once, after the leads themselves."""
    conn.execute("SELECT 1 FROM lead_due WHERE lead_id = ANY(%s) ORDER BY lead_id FOR UPDATE", [sorted(set(lead_ids))])


def finish_due(conn: Connection, token: uuid.UUID, results: Sequence[Evaluated]) -> None:
    """These are done until they wake; a lead that became dirty meanwhile stays due."""
    values = {
        "token": token,
        "lead_ids": [one.lead_id for one in results],
        "wake_ats": [one.wake_at for one in results],
        "whys": [one.wake_why for one in results],
    }
    conn.execute(_FINISH_DUE, values)


def release_due(conn: Connection, token: uuid.UUID) -> None:
    """Give back what is still claimed under this token, for anybody to take at once."""
    conn.execute("SELECT 1 FROM lead_due WHERE claim = %s ORDER BY lead_id FOR UPDATE", [token])
    conn.execute("UPDATE lead_due SET claim = NULL, claimed_until = '-infinity' WHERE claim = %s", [token])


def wait_due(conn: Connection, token: uuid.UUID, lead_ids: Sequence[int]) -> None:
    """These are not decided before they are made due again: by the read that was asked for, or by what happens."""
    conn.execute(
        "UPDATE lead_due SET claim = NULL, claimed_until = 'infinity' WHERE claim = %s AND lead_id = ANY(%s)",
        [token, list(lead_ids)],
    )


def fail_due(conn: Connection, token: uuid.UUID, lead_id: int, *, reason: str, most: int) -> None:
    """An evaluation failed: try again later, and after `most` times park this lead alone."""
    conn.execute(_FAIL_DUE, {"token": token, "lead_id": lead_id, "reason": reason, "most": most})


def count_due(conn: Connection, *, now: datetime, lane: str, most: int) -> int:
    """How many leads will be decided before one that becomes due in this lane now; counted up to `most`."""
    row = conn.execute(_COUNT_DUE, {"now": now, "lane": lane, "most": most}).fetchone()
    return int(row["n"]) if row else 0


def due_lanes(conn: Connection, now: datetime) -> list[str]:
    """The lanes in which some lead is due and free."""
    rows = conn.execute(
        "SELECT lane FROM (VALUES ('hot'), ('background')) AS one (lane) WHERE EXISTS (SELECT FROM lead_due"
        " WHERE lane = one.lane AND due_at <= %s AND claimed_until < now() AND parked_reason IS NULL)",
        [now],
    )
    return [row["lane"] for row in rows]

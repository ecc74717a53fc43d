"""Managed records: what we create in the CRMs (tasks, deals, notes), each once for its cause."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from connector.store.database import Connection
from connector.store.outstanding import ALWAYS_FAILS, Setback
from connector.store.rows import pack


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedRow:
    """A managed record: what it should be (`desired`, `desired_state`) and what the CRM shows (`mirror`).

    `step` is explained in the schema; `reported` is what the CRM last said: open, done or deleted.
    """

    key: str
    lead_id: int
    connection_id: int
    kind: str
    desired: Mapping[str, Any]
    desired_state: str
    mirror: Mapping[str, Any]
    vendor_id: str | None
    step: str
    reported: str | None
    dirty: bool
    wait_seconds: float  #: So long nothing is done with it: a call for it failed, or may still be applied.
    attempts: int  #: How often a call for it has failed.
    stumbles: int  #: How often one failed alone while others passed.
    failing_since: datetime | None


_COLUMNS = """key, lead_id, connection_id, kind, desired, desired_state, mirror, vendor_id, step, reported, dirty,
    coalesce(greatest(0, extract(epoch FROM greatest(settle_until, not_before) - now())), 0)::float8 AS wait_seconds,
    attempts, stumbles, failing_since"""

# Several at once are taken by key, after everything else that is locked (see `links.lock`).
_HELD = """
WITH held AS MATERIALIZED (
    SELECT key FROM managed_record WHERE connection_id = %(connection_id)s AND {which} ORDER BY key FOR UPDATE
)
"""
_HELD_BY_KEY = _HELD.format(which="key = ANY(%(keys)s)")
_HELD_BY_ID = _HELD.format(which="kind = %(kind)s AND vendor_id = ANY(%(ids)s)")

_WANT = f"""
INSERT INTO managed_record (installation_id, key, lead_id, connection_id, kind, desired, desired_state, step)
SELECT %(installation_id)s, key, lead_id, %(connection_id)s, kind, desired, state,
       CASE WHEN state = 'open' THEN 'wanted' ELSE 'settled' END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (key text, lead_id bigint, kind text, desired jsonb, state text)
ORDER BY key
ON CONFLICT (installation_id, key, connection_id) DO UPDATE
SET desired = excluded.desired, desired_state = excluded.desired_state, dirty = true,
    step = CASE WHEN managed_record.step = 'wanted' AND excluded.desired_state <> 'open' THEN 'settled'
                WHEN managed_record.step <> 'parked' OR managed_record.parked_reason IS DISTINCT FROM '{ALWAYS_FAILS}'
                THEN managed_record.step
                WHEN managed_record.vendor_id IS NOT NULL THEN 'exists'
                WHEN excluded.desired_state = 'open' THEN 'wanted' ELSE 'settled' END
WHERE managed_record.step NOT IN ('settled')
"""

_OF_RECORDS = """
SELECT managed_record.vendor_id AS record, link.vendor_id AS person, mirror
FROM managed_record JOIN link USING (installation_id, lead_id, connection_id)
WHERE connection_id = %(connection_id)s AND kind = %(kind)s AND managed_record.vendor_id = ANY(%(ids)s)
ORDER BY managed_record.created_at, key
"""

_INTEND = f"""{_HELD_BY_KEY}
UPDATE managed_record
SET step = 'creating', intent_at = now(), settle_until = now() + make_interval(secs => %(seconds)s)
FROM held WHERE connection_id = %(connection_id)s AND managed_record.key = held.key AND step = 'wanted'
RETURNING managed_record.key
"""

_SETTLE = f"""{_HELD_BY_KEY}
UPDATE managed_record
SET step = new.step, vendor_id = coalesce(new.vendor_id, managed_record.vendor_id),
    mirror = coalesce(new.mirror, managed_record.mirror), dirty = new.dirty, parked_reason = new.parked_reason,
    settle_until = NULL, reported = coalesce(new.reported, managed_record.reported),
    attempts = CASE WHEN new.step = 'wanted' THEN attempts ELSE 0 END,
    stumbles = CASE WHEN new.step = 'wanted' THEN stumbles ELSE 0 END,
    failing_since = CASE WHEN new.step = 'wanted' THEN failing_since END,
    not_before = CASE WHEN new.step = 'wanted' THEN not_before END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (key text, desired jsonb, step text, vendor_id text, mirror jsonb,
                                                 dirty boolean, parked_reason text, reported text)
JOIN held USING (key)
WHERE connection_id = %(connection_id)s AND managed_record.key = new.key AND managed_record.desired = new.desired
  AND managed_record.step <> 'settled' AND (new.step <> 'wanted' OR managed_record.vendor_id IS NULL)
RETURNING managed_record.key
"""

# It was desired otherwise while we created it: keep the id, and let the change follow. `_SETTLE` holds it.
_NAME = """
UPDATE managed_record SET step = 'exists', vendor_id = new.vendor_id, dirty = true, settle_until = NULL
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (key text, vendor_id text)
WHERE connection_id = %(connection_id)s AND managed_record.key = new.key AND step <> 'settled'
"""

# What may have been created is looked for first: see `records._look_up`.
_FAIL = f"""{_HELD_BY_KEY}
UPDATE managed_record
SET attempts = attempts + 1, stumbles = stumbles + failed.stumbled::int,
    failing_since = coalesce(failing_since, now()), not_before = now() + make_interval(secs => failed.seconds),
    step = CASE WHEN failed.parked AND step <> 'creating' THEN 'parked' ELSE step END,
    parked_reason = CASE WHEN failed.parked AND step <> 'creating' THEN '{ALWAYS_FAILS}' ELSE parked_reason END
FROM held JOIN jsonb_to_recordset(%(rows)s::jsonb)
     AS failed (key text, seconds float8, stumbled boolean, parked boolean) USING (key)
WHERE connection_id = %(connection_id)s AND managed_record.key = held.key AND step IN ('wanted', 'creating', 'exists')
"""

_GONE = f"""{_HELD_BY_ID}
UPDATE managed_record SET step = 'settled', reported = 'deleted', dirty = false
FROM held WHERE connection_id = %(connection_id)s AND managed_record.key = held.key AND step <> 'settled'
"""

_FOLLOW = f"""{_HELD_BY_ID}
UPDATE managed_record
SET vendor_id = told.winner, reported = CASE WHEN reported = 'deleted' THEN 'open' ELSE reported END,
    step = CASE WHEN step = 'settled' AND reported = 'deleted' THEN 'exists' ELSE step END
FROM held, unnest(%(ids)s::text[], %(winners)s::text[]) AS told (vendor_id, winner)
WHERE connection_id = %(connection_id)s AND managed_record.key = held.key AND managed_record.vendor_id = told.vendor_id
"""

_REPORT = f"""{_HELD_BY_ID}
UPDATE managed_record
SET mirror = shown.mirror, reported = shown.reported,
    step = CASE WHEN shown.reported = 'deleted' THEN 'settled' ELSE step END,
    dirty = dirty AND shown.reported <> 'deleted'
FROM held, jsonb_to_recordset(%(rows)s::jsonb) AS shown (vendor_id text, reported text, mirror jsonb)
WHERE connection_id = %(connection_id)s AND managed_record.key = held.key AND managed_record.vendor_id = shown.vendor_id
RETURNING managed_record.vendor_id, lead_id, managed_record.key, desired, desired_state
"""


def want(conn: Connection, installation_id: int, connection_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say what these records should be: key, lead_id, kind, desired (JSON), state."""
    last = {row["key"]: row for row in rows}
    values = {"installation_id": installation_id, "connection_id": connection_id, "rows": pack(list(last.values()))}
    conn.execute(_WANT, values)


def of_records(
    conn: Connection, connection_id: int, kind: str, ids: Sequence[str]
) -> list[tuple[str, str, Mapping[str, Any]]]:
    """What stands for these vendor records: (record, the person whose it is, its mirror), the oldest first."""
    values = {"connection_id": connection_id, "kind": kind, "ids": list(ids)}
    return [(row["record"], row["person"], row["mirror"]) for row in conn.execute(_OF_RECORDS, values)]


def of_leads(conn: Connection, connection_id: int, lead_ids: Sequence[int], *, dirty_only: bool) -> list[ManagedRow]:
    """The managed records of these leads, oldest first."""
    query = f"SELECT {_COLUMNS} FROM managed_record WHERE connection_id = %s AND lead_id = ANY(%s)"
    if dirty_only:
        query += " AND dirty AND step NOT IN ('settled', 'parked')"
    return [
        ManagedRow(**row) for row in conn.execute(query + " ORDER BY created_at, key", [connection_id, list(lead_ids)])
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a managed record stands: its id at the vendor, once it has one, and its step."""

    vendor_id: str | None
    step: str


def standing(conn: Connection, connection_id: int, keys: Sequence[str]) -> dict[str, Standing]:
    """Where these records stand, by key; one that was never wanted is absent."""
    rows = conn.execute(
        "SELECT key, vendor_id, step FROM managed_record WHERE connection_id = %s AND key = ANY(%s)",
        [connection_id, list(keys)],
    )
    return {row["key"]: Standing(vendor_id=row["vendor_id"], step=row["step"]) for row in rows}


def queued(conn: Connection, kind: str) -> list[ManagedRow]:
    """The records that stand in a queue and are still to be done, oldest first."""
    query = (
        f"SELECT {_COLUMNS} FROM managed_record WHERE kind = %s AND desired_state = 'open' AND step <> 'settled'"
        " AND coalesce(reported, 'open') = 'open' AND desired ->> 'queue' IS NOT NULL ORDER BY created_at, key"
    )
    return [ManagedRow(**row) for row in conn.execute(query, [kind])]


def gone(conn: Connection, connection_id: int, kind: str, vendor_ids: Sequence[str]) -> None:
    """People deleted these records of ours: they are settled, and never made again."""
    if vendor_ids:
        conn.execute(_GONE, {"connection_id": connection_id, "kind": kind, "ids": list(vendor_ids)})


def follow(conn: Connection, connection_id: int, kind: str, merged: Mapping[str, str]) -> None:
    """Records of ours that people merged into others (loser → winner) are those now. One that was found gone meanwhile
    was not deleted."""
    values = {"connection_id": connection_id, "kind": kind, "ids": list(merged), "winners": list(merged.values())}
    if merged:
        conn.execute(_FOLLOW, values)


def intend(conn: Connection, connection_id: int, keys: Sequence[str], *, settle_seconds: float) -> set[str]:
    """Commit the intent to create these; only what is returned may be created by the caller."""
    values = {"connection_id": connection_id, "keys": list(keys), "seconds": settle_seconds}
    return {row["key"] for row in conn.execute(_INTEND, values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a create or update of `record`. None leaves what is stored."""

    record: ManagedRow
    step: str
    vendor_id: str | None = None
    mirror: Mapping[str, Any] | None = None
    dirty: bool = False
    parked_reason: str | None = None
    reported: str | None = None


def settle(conn: Connection, connection_id: int, outcomes: Sequence[Settlement]) -> None:
    """Store what became of creates and updates; a record that is desired otherwise by now stays dirty as it is.

    What somebody else found out meanwhile stands: what exists is never wanted again, what is settled never lives.
    """
    if not outcomes:
        return
    rows = {
        one.record.key: {
            "key": one.record.key,
            "desired": one.record.desired,
            "step": one.step,
            "vendor_id": one.vendor_id,
            "mirror": one.mirror,
            "dirty": one.dirty,
            "parked_reason": one.parked_reason,
            "reported": one.reported,
        }
        for one in outcomes
    }
    values = {"connection_id": connection_id, "keys": sorted(rows), "rows": pack(list(rows.values()))}
    stored = {row["key"] for row in conn.execute(_SETTLE, values)}
    named = [row for key, row in rows.items() if key not in stored and row["vendor_id"] is not None]
    if named:
        conn.execute(_NAME, {"connection_id": connection_id, "rows": pack(named)})


def mirrors_of(conn: Connection, connection_id: int, kind: str, ids: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """What those of these vendor records that are ours showed when they were last read, or made: (record, mirror)."""
    rows = conn.execute(
        "SELECT vendor_id, mirror FROM managed_record WHERE connection_id = %s AND kind = %s AND vendor_id = ANY(%s)",
        [connection_id, kind, list(ids)],
    )
    return [(row["vendor_id"], row["mirror"]) for row in rows]


def failed(conn: Connection, connection_id: int, setbacks: Mapping[str, Setback]) -> None:
    """The calls for these (by key) came to nothing: not again before so long, or not before a person says so. One that
    may have been created is looked for first."""
    if setbacks:
        rows = [{"key": key, **asdict(one)} for key, one in setbacks.items()]
        conn.execute(_FAIL, {"connection_id": connection_id, "keys": sorted(setbacks), "rows": pack(rows)})


def not_gone(conn: Connection, connection_id: int, kind: str, ids: Sequence[str]) -> list[str]:
    """Those of these records that are ours, and of which we do not know that they are gone."""
    rows = conn.execute(
        "SELECT DISTINCT vendor_id FROM managed_record WHERE connection_id = %s AND kind = %s AND vendor_id = ANY(%s)"
        " AND reported IS DISTINCT FROM 'deleted'",
        [connection_id, kind, list(ids)],
    )
    return [row["vendor_id"] for row in rows]


def leads_of(conn: Connection, connection_id: int, kind: str, ids: Collection[str]) -> list[int]:
    """The leads that these records of ours are for, in order."""
    rows = conn.execute(
        "SELECT DISTINCT lead_id FROM managed_record WHERE connection_id = %s AND kind = %s AND vendor_id = ANY(%s)"
        " ORDER BY lead_id",
        [connection_id, kind, list(ids)],
    )
    return [row["lead_id"] for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the CRM shows of a record of ours."""

    vendor_id: str
    reported: str
    mirror: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A record of ours that was read in the CRM, with what it should be."""

    vendor_id: str
    lead_id: int
    key: str
    desired: Mapping[str, Any]
    desired_state: str


def report(conn: Connection, connection_id: int, kind: str, shown: Sequence[Shown]) -> list[Reported]:
    """Store what the CRM shows of records of ours; returns the records, by vendor id."""
    values = {
        "connection_id": connection_id,
        "kind": kind,
        "ids": [one.vendor_id for one in shown],
        "rows": pack([asdict(one) for one in shown]),
    }
    found = [Reported(**row) for row in conn.execute(_REPORT, values)]
    return sorted(found, key=lambda one: (one.vendor_id, one.key))

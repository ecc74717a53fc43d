"""History: the ledger of decisions, values that a rule did not let stand (encrypted), event keys, tallies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.domain.decision import Ground
from connector.domain.state import StageEntry
from connector.store.database import Connection
from connector.store.rows import pack

_LEDGER = """
INSERT INTO ledger (installation_id, at, lead_id, kind, policy_hash, data)
SELECT %(installation_id)s, at, lead_id, kind, policy_hash, data
FROM jsonb_to_recordset(%(rows)s::jsonb)
     AS new (at timestamptz, lead_id bigint, kind text, policy_hash text, data jsonb)
"""

_ENTRY = """
INSERT INTO stage_entry (installation_id, lead_id, seq, stage, entered_at, mover, transition, reason, passed, initial,
                         policy_hash, grounds)
SELECT %(installation_id)s, lead_id, seq, stage, entered_at, mover, transition, reason, passed, initial,
       %(policy_hash)s, grounds
FROM jsonb_to_recordset(%(rows)s::jsonb)
     AS new (lead_id bigint, seq int, stage text, entered_at timestamptz, mover text, transition text, reason text,
             passed boolean, initial boolean, grounds jsonb)
ON CONFLICT DO NOTHING
"""

_TAKE_EVENTS = """
INSERT INTO event (installation_id, key)
SELECT %(installation_id)s, key FROM unnest(%(keys)s::bytea[]) AS new (key) ORDER BY key
ON CONFLICT DO NOTHING RETURNING key
"""

_VALUES = """
SELECT value.at, value.lead_id, value.field, value.rule, value.actor, value.sealed, lead.data_key
FROM ledger_value AS value JOIN lead ON lead.installation_id = value.installation_id AND lead.id = value.lead_id
WHERE (lead.id = %(lead_id)s OR lead.merged_into = %(lead_id)s) AND lead.data_key IS NOT NULL
ORDER BY value.at DESC, value.id DESC LIMIT %(limit)s
"""

_TALLY = """
INSERT INTO tally (installation_id, name, label, count)
SELECT %(installation_id)s, name, label, count
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (name text, label text, count bigint) ORDER BY name, label
ON CONFLICT (installation_id, name, label) DO UPDATE SET count = tally.count + excluded.count
"""


def add_ledger(conn: Connection, installation_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append decisions: at, lead_id, kind, policy_hash, data (≤ 300 bytes, no person's values)."""
    if rows:
        conn.execute(_LEDGER, {"installation_id": installation_id, "rows": pack(rows)})


def add_entries(
    conn: Connection,
    installation_id: int,
    policy_hash: str,
    entries: Sequence[tuple[int, StageEntry, Sequence[Ground]]],
) -> None:
    """Append stage entries (lead id, entry, what it rests on)."""
    rows = [
        {
            "lead_id": lead_id,
            "seq": entry.seq,
            "stage": entry.stage,
            "entered_at": entry.entered_at,
            "mover": entry.mover.value,
            "transition": entry.transition,
            "reason": entry.reason,
            "passed": entry.passed,
            "initial": entry.initial,
            "grounds": [[one.name, one.at.isoformat() if one.at else None, one.value] for one in grounds],
        }
        for lead_id, entry, grounds in entries
    ]
    if rows:
        conn.execute(_ENTRY, {"installation_id": installation_id, "policy_hash": policy_hash, "rows": pack(rows)})


def add_value(
    conn: Connection,
    installation_id: int,
    *,
    lead_id: int,
    at: datetime,
    field: str,
    rule: str,
    actor: str,
    sealed: bytes,
) -> None:
    """Keep a value that a rule did not let stand, and the one that stood, encrypted with the lead's key."""
    conn.execute(
        "INSERT INTO ledger_value (installation_id, at, lead_id, field, rule, actor, sealed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [installation_id, at, lead_id, field, rule, actor, sealed],
    )


def values_of(conn: Connection, lead_id: int, *, limit: int) -> list[Mapping[str, Any]]:
    """The latest values that a rule did not let stand, of the lead and of those that it has taken in, newest first:
    `at`, `lead_id`, `field`, `rule`, `actor`, `sealed`, and `data_key`, of the lead for whom they were sealed."""
    return list(conn.execute(_VALUES, {"lead_id": lead_id, "limit": limit}))


def lead_key(conn: Connection, lead_id: int) -> bytes | None:
    """The lead's own data key, wrapped; None: it has none yet (or it was destroyed)."""
    row = conn.execute("SELECT data_key FROM lead WHERE id = %s FOR UPDATE", [lead_id]).fetchone()
    return row["data_key"] if row else None


def set_lead_key(conn: Connection, lead_id: int, wrapped: bytes) -> bool:
    """Give the lead its data key; False: it has one, or it was erased and never gets another."""
    given = conn.execute(
        "UPDATE lead SET data_key = %s WHERE id = %s AND data_key IS NULL AND gone IS DISTINCT FROM 'erased'",
        [wrapped, lead_id],
    )
    return given.rowcount == 1


def take_events(conn: Connection, installation_id: int, keys: Sequence[bytes]) -> set[bytes]:
    """Which of these event keys are new; from now on they are known."""
    values = {"installation_id": installation_id, "keys": list(set(keys))}
    return {bytes(row["key"]) for row in conn.execute(_TAKE_EVENTS, values)}


def add_tallies(conn: Connection, installation_id: int, counts: Mapping[tuple[str, str], int]) -> None:
    """Count (name, label) pairs, such as event types that we do not know."""
    cut: Counter[tuple[str, str]] = Counter()
    for (name, label), count in counts.items():
        cut[name, label[:200]] += count
    rows = [{"name": name, "label": label, "count": count} for (name, label), count in cut.items()]
    if rows:
        conn.execute(_TALLY, {"installation_id": installation_id, "rows": pack(rows)})


def tallies(conn: Connection) -> dict[tuple[str, str], int]:
    """All counts."""
    return {(row["name"], row["label"]): int(row["count"]) for row in conn.execute("SELECT * FROM tally")}


def forget_old(conn: Connection, *, event_days: int) -> None:
    """Drop event keys older than any vendor's retries."""
    conn.execute("DELETE FROM event WHERE seen_at < now() - make_interval(days => %s)", [event_days])

"""By what leads of two CRMs are found to be one, and the pairs that a person has to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.store.database import Connection

_SAME = """
SELECT mine.lead_id AS mine, other.lead_id AS other, mine.rank AS rank,
       array(SELECT connection_id FROM link WHERE link.lead_id = other.lead_id AND vendor_id <> '') AS crms,
       EXISTS (SELECT FROM identity_review
               WHERE state = 'refused' AND lead_id = least(mine.lead_id, other.lead_id)
                 AND other_id = greatest(mine.lead_id, other.lead_id)) AS refused
FROM identity_key AS mine
JOIN identity_key AS other ON other.key = mine.key AND other.lead_id <> mine.lead_id
JOIN lead ON lead.id = other.lead_id AND lead.gone IS NULL
WHERE mine.lead_id = ANY(%s)
ORDER BY mine.lead_id, mine.rank, other.lead_id
"""

_PUT_REVIEW = """
INSERT INTO identity_review (installation_id, lead_id, other_id, rule, reason, found_at)
VALUES (%(installation_id)s, %(lead_id)s, %(other_id)s, %(rule)s, %(reason)s, %(found_at)s)
ON CONFLICT (installation_id, lead_id, other_id) DO UPDATE
SET reason = excluded.reason, rule = excluded.rule, state = 'open'
WHERE identity_review.state IN ('open', 'settled')
"""

# What each side is called where people look it up: its records, `connection:id`.
_LISTED = """
SELECT format('%%s:%%s', lead_id, other_id) AS pair, lead_id, other_id, rule, reason, found_at,
       array(SELECT format('%%s:%%s', vendor, vendor_id) FROM link JOIN connection ON connection.id = connection_id
             WHERE link.lead_id = identity_review.lead_id AND vendor_id <> '' ORDER BY 1) AS records,
       array(SELECT format('%%s:%%s', vendor, vendor_id) FROM link JOIN connection ON connection.id = connection_id
             WHERE link.lead_id = identity_review.other_id AND vendor_id <> '' ORDER BY 1) AS other_records
FROM identity_review
WHERE state = 'open' AND NOT EXISTS (SELECT FROM lead WHERE id IN (lead_id, other_id) AND gone IS NOT NULL)
ORDER BY found_at, lead_id, other_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """A lead with the same values as one of ours, in the group of this rank."""

    mine: int
    other: int
    rank: int
    crms: Sequence[int]
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two leads that may be one person. `records` name them as `vendor:id`."""

    pair: str
    lead_id: int
    other_id: int
    rule: str
    reason: str
    found_at: datetime
    records: Sequence[str]
    other_records: Sequence[str]


def keys_of(conn: Connection, lead_ids: Sequence[int]) -> dict[int, dict[int, bytes]]:
    """Lead id → rank of the group → digest, as stored."""
    found: dict[int, dict[int, bytes]] = {}
    rows = conn.execute("SELECT lead_id, rank, key FROM identity_key WHERE lead_id = ANY(%s)", [list(lead_ids)])
    for row in rows:
        found.setdefault(int(row["lead_id"]), {})[int(row["rank"])] = bytes(row["key"])
    return found


def put_keys(conn: Connection, installation_id: int, found: Mapping[int, Mapping[int, bytes]]) -> None:
    """These leads are found by these from now on, and by no others."""
    conn.execute("DELETE FROM identity_key WHERE lead_id = ANY(%s)", [sorted(found)])
    conn.cursor().executemany(
        "INSERT INTO identity_key (installation_id, lead_id, rank, key) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (installation_id, lead_id, rank) DO UPDATE SET key = excluded.key",
        [
            (installation_id, lead_id, rank, key)
            for lead_id, keys in sorted(found.items())
            for rank, key in keys.items()
        ],
    )


def forget_keys(conn: Connection, lead_ids: Sequence[int]) -> None:
    """These leads are looked at anew when they are decided next."""
    conn.execute("DELETE FROM identity_key WHERE lead_id = ANY(%s)", [list(lead_ids)])


def same_as(conn: Connection, lead_ids: Sequence[int]) -> list[Same]:
    """The leads with the same values as these."""
    return [Same(**row) for row in conn.execute(_SAME, [list(lead_ids)])]


def put_review(
    conn: Connection, installation_id: int, found: Iterable[tuple[int, int, str, str]], *, now: datetime
) -> None:
    """Pairs (lead, other, rule, reason) for a person to look at; one that was answered stays so."""
    rows = [
        {
            "installation_id": installation_id,
            "lead_id": min(one, other),
            "other_id": max(one, other),
            "rule": rule,
            "reason": reason,
            "found_at": now,
        }
        for one, other, rule, reason in found
    ]
    conn.cursor().executemany(_PUT_REVIEW, rows)


def withdraw(conn: Connection, lead_ids: Sequence[int]) -> set[int]:
    """What was asked of these leads is asked no more: they are not as they were. Returns whom else it was about."""
    rows = conn.execute(
        "UPDATE identity_review SET state = 'settled'"
        " WHERE state = 'open' AND (lead_id = ANY(%(ids)s) OR other_id = ANY(%(ids)s)) RETURNING lead_id, other_id",
        {"ids": list(lead_ids)},
    )
    return {int(one) for row in rows for one in (row["lead_id"], row["other_id"])} - set(lead_ids)


def listed(conn: Connection, *, limit: int) -> list[Pair]:
    """What waits for an answer, longest waiting first."""
    return [Pair(**row) for row in conn.execute(_LISTED, {"limit": limit})]


def in_review(conn: Connection, lead_ids: Sequence[int]) -> set[int]:
    """Those of these leads who may be somebody else, or have somebody else's values: no address tells who they are."""
    rows = conn.execute(
        "SELECT lead_id, other_id FROM identity_review WHERE state IN ('open', 'refused')"
        " AND (lead_id = ANY(%(ids)s) OR other_id = ANY(%(ids)s))",
        {"ids": list(lead_ids)},
    ).fetchall()
    return {int(one) for row in rows for one in (row["lead_id"], row["other_id"])}


def share_a_crm(conn: Connection, ids: Sequence[int]) -> bool:
    """True when some CRM has a record of each of several of these leads: they cannot be one."""
    row = conn.execute(
        "SELECT 1 FROM link WHERE lead_id = ANY(%s) AND vendor_id <> ''"
        " GROUP BY connection_id HAVING count(*) > 1 LIMIT 1",
        [list(ids)],
    ).fetchone()
    return row is not None


def answer(conn: Connection, lead_id: int, other_id: int, state: str) -> str | None:
    """Store a person's answer; returns the pair's reason, or None: it does not wait (any more)."""
    row = conn.execute(
        "UPDATE identity_review SET state = %s WHERE lead_id = %s AND other_id = %s AND state = 'open'"
        " RETURNING reason",
        [state, lead_id, other_id],
    ).fetchone()
    return str(row["reason"]) if row else None

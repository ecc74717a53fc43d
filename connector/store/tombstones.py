"""Whom we have erased, known by hashes alone: what comes late, or from a backup, does not bring them back.

A record of the CRM that was erased stays so for ever. An address says only who was erased until then: whoever gives it
to us later begins anew. Hashes are salted with a key of the installation's own, which every backup of its database has.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """One name under which an erased person was known, hashed; `erased_at` is business time."""

    hash: bytes
    erased_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class RecordName:
    """A record of a CRM."""

    connection_id: int
    object_type: str
    vendor_id: str


_AMONG = """
SELECT asked.vendor_id FROM unnest(%(ids)s::text[]) AS asked (vendor_id)
JOIN tombstone ON tombstone.hash = tasuki_record_tombstone(%(connection_id)s, %(object_type)s, asked.vendor_id)
"""

_ADDRESSES = """
SELECT asked.email, erased_at FROM unnest(%(emails)s::text[]) AS asked (email)
JOIN tombstone ON tombstone.hash = tasuki_email_tombstone(asked.email)
"""

_BURY = """
INSERT INTO tombstone (installation_id, hash, erased_at)
SELECT %(installation_id)s, hash, %(erased_at)s FROM (
    SELECT tasuki_record_tombstone(connection_id, object_type, vendor_id) AS hash
    FROM unnest(%(connection_ids)s::int[], %(object_types)s::text[], %(vendor_ids)s::text[])
         AS record (connection_id, object_type, vendor_id)
    UNION SELECT tasuki_email_tombstone(email) FROM unnest(%(emails)s::text[]) AS given (email)
) AS name
WHERE hash IS NOT NULL ORDER BY hash
ON CONFLICT (installation_id, hash) DO UPDATE SET erased_at = greatest(tombstone.erased_at, excluded.erased_at)
WHERE NOT %(again)s
"""

# Records are theirs for ever. An address is, where a lead has no record, of whoever had it when it was erased: several
# people may share one.
_RISEN = """
SELECT lead_id FROM identity
JOIN tombstone ON tombstone.hash = tasuki_record_tombstone(connection_id, object_type, vendor_id)
UNION
SELECT lead.id FROM link JOIN lead ON lead.id = link.lead_id
JOIN tombstone ON tombstone.hash = tasuki_email_tombstone(arrival ->> 'email') AND lead.created_at <= erased_at
WHERE arrival ? 'email'
"""

_HASHED = "SELECT hash, erased_at FROM tombstone ORDER BY erased_at, hash"

_TAKE_IN = """
INSERT INTO tombstone (installation_id, hash, erased_at)
SELECT %(installation_id)s, hash, erased_at
FROM unnest(%(hashes)s::bytea[], %(moments)s::timestamptz[]) AS given (hash, erased_at)
ON CONFLICT (installation_id, hash) DO NOTHING
"""

_TURN = "hashtextextended('tombstones:' || current_setting('tasuki.installation_id'), 0)"


def among(conn: Connection, connection_id: int, object_type: str, ids: Collection[str]) -> set[str]:
    """Those of these records that were erased."""
    if not ids:
        return set()
    values = {"connection_id": connection_id, "object_type": object_type, "ids": list(ids)}
    return {row["vendor_id"] for row in conn.execute(_AMONG, values)}


def addresses(conn: Connection, emails: Collection[str]) -> dict[str, datetime]:
    """Those of these addresses whose people were erased, and when."""
    if not emails:
        return {}
    return {row["email"]: row["erased_at"] for row in conn.execute(_ADDRESSES, {"emails": list(emails)})}


def bury(
    conn: Connection,
    installation_id: int,
    records: Collection[RecordName],
    emails: Collection[str],
    *,
    erased_at: datetime,
    again: bool = False,
) -> None:
    """Set a tombstone for each of these names. `again`: one that stands keeps its moment."""
    found = sorted(records)
    values = {
        "installation_id": installation_id,
        "erased_at": erased_at,
        "again": again,
        "connection_ids": [one.connection_id for one in found],
        "object_types": [one.object_type for one in found],
        "vendor_ids": [one.vendor_id for one in found],
        "emails": sorted(emails),
    }
    conn.execute(_BURY, values)


def hold(conn: Connection) -> None:
    """Until the transaction ends nobody is met for the first time: what is erased now is seen by whoever comes later.

    Taken before any other lock.
    """
    conn.execute(f"SELECT pg_advisory_xact_lock({_TURN})")


def share(conn: Connection) -> None:
    """Until the transaction ends nobody is erased: no tombstone is set that it does not see."""
    conn.execute(f"SELECT pg_advisory_xact_lock_shared({_TURN})")


def risen(conn: Connection) -> list[int]:
    """The leads of people who were erased and are here all the same: a backup was restored. Looks through everybody."""
    return sorted(int(row["lead_id"]) for row in conn.execute(_RISEN))


def listed(conn: Connection) -> list[Tombstone]:
    """Every tombstone, oldest first."""
    return [Tombstone(hash=bytes(row["hash"]), erased_at=row["erased_at"]) for row in conn.execute(_HASHED)]


def take_in(conn: Connection, installation_id: int, given: Sequence[Tombstone]) -> int:
    """Set tombstones that another database had; returns how many are new."""
    values = {
        "installation_id": installation_id,
        "hashes": [one.hash for one in given],
        "moments": [one.erased_at for one in given],
    }
    return conn.execute(_TAKE_IN, values).rowcount


def key_name(conn: Connection) -> str:
    """What tells one installation's tombstones from another's, and says nothing of the key itself."""
    row = conn.execute("SELECT encode(substring(tasuki_tombstone('name of the key') FOR 8), 'hex') AS name").fetchone()
    assert row is not None
    return str(row["name"])

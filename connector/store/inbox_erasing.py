"""Raw deliveries that speak of an erased person: what is settled goes, of what waits the person's part is taken out."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from connector.store.database import Connection
from connector.store.inbox import PACKED_FROM_BYTES
from connector.store.subjects import Subject

ADDRESS = "address"
"""The type under which `inbox_subject` names whoever is known by an address alone; the id is the address's hash."""

_BY_SUBJECT = """
SELECT inbox_id FROM inbox_subject
WHERE (connection_id, object_type, vendor_id) IN (
          SELECT * FROM unnest(%(connection_ids)s::int[], %(object_types)s::text[], %(vendor_ids)s::text[]))
   OR object_type = 'address' AND vendor_id IN (
          SELECT encode(tasuki_email_tombstone(email), 'hex') FROM unnest(%(emails)s::text[]) AS given (email))
"""
_SETTLED = f"DELETE FROM inbox WHERE state = 'done' AND id IN ({_BY_SUBJECT})"

# What nobody has read, or could read, names no subject yet: it is looked through.
_WAITING = "SELECT id, received_at, source, state, packed, body FROM inbox WHERE state <> 'done' ORDER BY id"
_OF_SUBJECT = f"""
SELECT id, received_at, source, state, packed, body FROM inbox
WHERE id IN ({_BY_SUBJECT}) OR state <> 'done' ORDER BY id
"""

_NAME_ADDRESSES = """
INSERT INTO inbox_subject (installation_id, connection_id, object_type, vendor_id, inbox_id)
SELECT %(installation_id)s, %(connection_id)s, 'address', encode(tasuki_email_tombstone(email), 'hex'), inbox_id
FROM unnest(%(emails)s::text[], %(inbox_ids)s::bigint[]) AS given (email, inbox_id) ORDER BY 4, 5
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Names:
    """What a body may call a person: the ids of records, and addresses in small letters."""

    ids: frozenset[str]
    emails: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, ids: Collection[str], emails: Collection[str]) -> Names:
        """The names as a body is searched for them."""
        return cls(frozenset(ids), frozenset(_plain(one) for one in emails))

    @cached_property
    def anywhere(self) -> re.Pattern[str]:
        """Finds one of them in a text that is not understood."""
        ids = "|".join(re.escape(one) for one in sorted(self.ids)) or r"(?!)"
        emails = "|".join(re.escape(one) for one in sorted(self.emails)) or r"(?!)"
        return re.compile(rf"(?<![0-9A-Za-z])(?:{ids})(?![0-9A-Za-z])|{emails}")


def forget(conn: Connection, subject: Subject) -> int:
    """Take a person out of every stored delivery; returns how many were touched."""
    values = {**subject.values, "emails": sorted(subject.emails)}
    count = conn.execute(_SETTLED, values).rowcount
    names = Names.of({one.vendor_id for one in subject.people}, subject.emails)
    for row in conn.execute(_WAITING + " FOR UPDATE").fetchall():
        body = _body(row)
        left = without(body, names)
        if left is not body:
            count += 1
            rewrite(conn, row["id"], left)
    conn.execute("DELETE FROM inbox WHERE state IN ('parked', 'unknown') AND body IN ('', '[]')")
    return count


def held(conn: Connection, subject: Subject) -> list[dict[str, Any]]:
    """What stored deliveries say of this person: each with its events that name them, whole where it has none."""
    names = Names.of({one.vendor_id for one in subject.people}, subject.emails)
    found: list[dict[str, Any]] = []
    for row in conn.execute(_OF_SUBJECT, {**subject.values, "emails": sorted(subject.emails)}).fetchall():
        facts = {name: row[name] for name in ("id", "received_at", "source", "state")}
        told = of_them(_body(row), names)
        if told:
            found.append({**facts, "events": told})
    return found


def of_them(body: bytes, names: Names) -> list[Any]:
    """The events of a body that name this person; a body that has no events is one text."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
        return [text] if names.anywhere.search(_plain(text)) else []
    return [event for event in (parsed if isinstance(parsed, list) else [parsed]) if _speaks(event, names)]


def _body(row: Mapping[str, Any]) -> bytes:
    return zlib.decompress(row["body"]) if row["packed"] else bytes(row["body"])


def without(body: bytes, names: Names) -> bytes:
    """The body without the events that name this person: `[]` when none is left, nothing of what cannot be divided."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return b"" if names.anywhere.search(_plain(body.decode("utf-8", "replace"))) else body
    events = parsed if isinstance(parsed, list) else [parsed]
    left = [event for event in events if not _speaks(event, names)]
    return body if len(left) == len(events) else orjson.dumps(left)


def rewrite(conn: Connection, inbox_id: int, body: bytes) -> None:
    """Keep this of a delivery, in whatever state it is."""
    packed = len(body) >= PACKED_FROM_BYTES
    stored = zlib.compress(body) if packed else body
    conn.execute("UPDATE inbox SET body = %s, packed = %s WHERE id = %s", [stored, packed, inbox_id])


def name_addresses(
    conn: Connection, installation_id: int, connection_id: int, found: Sequence[tuple[str, int]]
) -> None:
    """Remember whom, known by an address alone, a delivery speaks of: (address, inbox id)."""
    if found:
        values = {
            "installation_id": installation_id,
            "connection_id": connection_id,
            "emails": [email for email, _ in found],
            "inbox_ids": [inbox_id for _, inbox_id in found],
        }
        conn.execute(_NAME_ADDRESSES, values)


def _speaks(value: object, names: Names) -> bool:
    if isinstance(value, dict):
        return any(_speaks(one, names) for one in value.values())
    if isinstance(value, list):
        return any(_speaks(one, names) for one in value)
    if isinstance(value, str):
        return value in names.ids or any(one in _plain(value) for one in names.emails)
    return isinstance(value, int) and str(value) in names.ids


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()

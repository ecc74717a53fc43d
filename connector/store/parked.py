"""What waits for a person, of every kind under one name: listed, tried again, or given up with a reason.

delivery:12                 an inbox row that nobody can read
link:7:1                    a lead's whole record at connection 1
read:1:deal:4711            a deal, an activity or a task at connection 1 that cannot be read
property:7:1:tasuki_band    one property of it; the rest of the record goes on
write:7:1:deal              the deal (or company) of a lead at connection 1 that cannot be written; the lead goes on
task:1:<key>                a task, note, deal or enrolment that we make (managed record) at connection 1
lead:7                      a lead whose evaluation keeps failing
drift:3                     a property that differs from what should be, and that the policy holds for a person
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.errors import UsageError
from connector.store import history
from connector.store.database import Connection
from connector.store.outstanding import ALWAYS_FAILS
from connector.texts import say

LONGEST_REASON = 120  #: A ledger row stays below 300 bytes.


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedItem:
    """One thing that waits. `item` names it in `retry` and `drop`; `reason` is a machine word."""

    item: str
    kind: str  #: delivery | link | read | property | write | task | lead | drift
    lead_id: int | None
    vendor_id: str | None
    what: str
    reason: str
    message: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ItemName:
    """A parsed item name."""

    kind: str
    id: int  #: the delivery's or lead's
    connection_id: int = 0
    rest: str = ""


_NAMES = {
    "delivery": re.compile(r"(?P<id>[0-9]{1,18})"),
    "lead": re.compile(r"(?P<id>[0-9]{1,18})"),
    "drift": re.compile(r"(?P<id>[0-9]{1,18})"),
    "link": re.compile(r"(?P<id>[0-9]{1,18}):(?P<connection_id>[0-9]{1,9})"),
    "read": re.compile(r"(?P<connection_id>[0-9]{1,9}):(?P<rest>[^:]+:.+)"),
    "property": re.compile(r"(?P<id>[0-9]{1,18}):(?P<connection_id>[0-9]{1,9}):(?P<rest>.+)"),
    "write": re.compile(r"(?P<id>[0-9]{1,18}):(?P<connection_id>[0-9]{1,9}):(?P<rest>.+)"),
    "task": re.compile(r"(?P<connection_id>[0-9]{1,9}):(?P<rest>.+)"),
}

# `given_up` says that a person has seen it: it stays unwritten, and is no longer listed.
_LIST = f"""
SELECT 'delivery:' || id AS item, 'delivery' AS kind, NULL::bigint AS lead_id, NULL::text AS vendor_id,
       source AS what, coalesce(reason, state) AS reason, NULL::text AS message, settled_at AS at
FROM inbox WHERE state IN ('parked', 'unknown')
UNION ALL
SELECT format('link:%%s:%%s', lead_id, connection_id), 'link', lead_id, vendor_id,
       coalesce(parked_property, 'the whole record'), parked_reason, parked_message, parked_at
FROM link WHERE parked_reason IS NOT NULL
UNION ALL
SELECT format('link:%%s:%%s', lead_id, connection_id), 'link', lead_id, vendor_id, 'the whole record', '{ALWAYS_FAILS}',
       NULL, read_parked_at
FROM link WHERE read_parked_at IS NOT NULL AND parked_reason IS NULL
UNION ALL
SELECT format('read:%%s:%%s:%%s', connection_id, object_type, vendor_id), 'read', NULL, vendor_id, object_type,
       '{ALWAYS_FAILS}', NULL, parked_at
FROM wanted_read WHERE parked_at IS NOT NULL
UNION ALL
SELECT format('property:%%s:%%s:%%s', lead_id, connection_id, name), 'property', lead_id, vendor_id, name,
       coalesce(dropped -> name ->> 'reason', 'rejected'), NULL, NULL
FROM link, jsonb_object_keys(dropped) AS name WHERE dropped <> '{{}}' AND NOT dropped -> name ? 'given_up'
UNION ALL
SELECT format('write:%%s:%%s:%%s', lead_id, connection_id, type), 'write', lead_id, failing -> type ->> 'id', type,
       '{ALWAYS_FAILS}', NULL, (failing -> type ->> 'parked')::timestamptz
FROM link, jsonb_object_keys(failing) AS type
WHERE failing <> '{{}}' AND failing -> type ? 'parked' AND NOT failing -> type ? 'given_up'
UNION ALL
SELECT format('task:%%s:%%s', connection_id, key), 'task', lead_id, vendor_id, coalesce(desired ->> 'title', kind),
       coalesce(parked_reason, 'rejected'), NULL, created_at
FROM managed_record WHERE step = 'parked'
UNION ALL
SELECT 'lead:' || lead_id, 'lead', lead_id, NULL, 'its evaluation', parked_reason, NULL, NULL
FROM lead_due WHERE parked_reason IS NOT NULL
UNION ALL
SELECT 'drift:' || id, 'drift', lead_id, vendor_id, field, 'drift_' || class, cause, found_at
FROM drift WHERE handling = 'hold' AND ended_at IS NULL
ORDER BY kind, at NULLS LAST, item LIMIT %(limit)s
"""

_RETRY = {
    "delivery": """
UPDATE inbox SET state = 'new', reason = NULL, attempts = 0, settled_at = NULL, claim = NULL, claimed_until = NULL
WHERE id = %(id)s AND state IN ('parked', 'unknown')
""",
    "link": """
UPDATE link SET parked_reason = NULL, parked_property = NULL, parked_message = NULL, parked_at = NULL,
                desired_revision = desired_revision + 1, not_before = now(), attempts = 0,
                stumbles = 0, failing_since = NULL,
                read_wanted_at = CASE WHEN arrival IS NULL THEN read_wanted_at ELSE clock_timestamp() END,
                read_parked_at = NULL, read_stumbles = 0, read_failing_since = NULL, read_not_before = now()
WHERE lead_id = %(id)s AND connection_id = %(connection_id)s
  AND (parked_reason IS NOT NULL OR read_parked_at IS NOT NULL)
""",
    "read": """
UPDATE wanted_read SET parked_at = NULL, stumbles = 0, failing_since = NULL, not_before = now()
WHERE connection_id = %(connection_id)s AND object_type || ':' || vendor_id = %(rest)s AND parked_at IS NOT NULL
""",
    "property": """
UPDATE link SET dropped = dropped - %(rest)s, desired_revision = desired_revision + 1, not_before = now(), attempts = 0
WHERE lead_id = %(id)s AND connection_id = %(connection_id)s AND dropped ? %(rest)s
""",
    "write": """
UPDATE link SET failing = failing - %(rest)s, desired_revision = desired_revision + 1, not_before = now(), attempts = 0
WHERE lead_id = %(id)s AND connection_id = %(connection_id)s AND failing -> %(rest)s ? 'parked'
""",
    "task": """
WITH again AS (
    UPDATE managed_record SET step = CASE WHEN vendor_id IS NULL THEN 'wanted' ELSE 'exists' END, dirty = true,
                              parked_reason = NULL, attempts = 0, stumbles = 0, failing_since = NULL, not_before = NULL
    WHERE key = %(rest)s AND connection_id = %(connection_id)s AND step = 'parked' RETURNING lead_id
)
UPDATE link SET desired_revision = desired_revision + 1, not_before = now(), attempts = 0
FROM again WHERE link.lead_id = again.lead_id AND link.connection_id = %(connection_id)s
""",
    "lead": """
UPDATE lead_due SET parked_reason = NULL, failures = 0, due_at = least(due_at, %(now)s), claim = NULL,
                    claimed_until = '-infinity'
WHERE lead_id = %(id)s AND parked_reason IS NOT NULL
""",
    # What was accepted and not stored counts as written: it is forgotten, so that it is written again.
    "drift": """
WITH released AS (
    UPDATE drift SET ended_at = %(now)s WHERE id = %(id)s AND handling = 'hold' AND ended_at IS NULL
    RETURNING installation_id, connection_id, object_type, vendor_id, lead_id, property
), forgotten AS (
    UPDATE mirror SET meta = jsonb_set(mirror.meta, ARRAY[property],
                                       coalesce(mirror.meta -> property, '{}') - '{sent,got,kept,drift}'::text[])
    FROM released
    WHERE (mirror.installation_id, mirror.connection_id, mirror.object_type, mirror.vendor_id)
        = (released.installation_id, released.connection_id, released.object_type, released.vendor_id)
)
UPDATE link SET left_alone = left_alone - property, desired_revision = desired_revision + 1, not_before = now(),
                attempts = 0
FROM released WHERE link.lead_id = released.lead_id AND link.connection_id = released.connection_id
""",
}

# A link that is given up rests until its lead is wanted otherwise; a task counts as deleted by a person; a lead rests
# until something happens to it; a property that drifted stays as the CRM has it until another value should stand.
_DROP = {
    "delivery": """
UPDATE inbox SET state = 'done', reason = 'dropped', settled_at = now()
WHERE id = %(id)s AND state IN ('parked', 'unknown')
""",
    "link": """
UPDATE link SET parked_reason = NULL, parked_property = NULL, parked_message = NULL, parked_at = NULL, attempts = 0,
                confirmed_revision = desired_revision, event_at = NULL, journal = NULL,
                read_wanted_at = CASE WHEN read_parked_at IS NULL THEN read_wanted_at END, read_parked_at = NULL
WHERE lead_id = %(id)s AND connection_id = %(connection_id)s
  AND (parked_reason IS NOT NULL OR read_parked_at IS NOT NULL)
""",
    "read": """
DELETE FROM wanted_read
WHERE connection_id = %(connection_id)s AND object_type || ':' || vendor_id = %(rest)s AND parked_at IS NOT NULL
""",
    "property": """
UPDATE link SET dropped = jsonb_set(dropped, ARRAY[%(rest)s::text, 'given_up'], to_jsonb(%(reason)s::text))
WHERE lead_id = %(id)s AND connection_id = %(connection_id)s AND dropped ? %(rest)s
""",
    "write": """
UPDATE link SET failing = jsonb_set(failing, ARRAY[%(rest)s::text, 'given_up'], to_jsonb(%(reason)s::text))
WHERE lead_id = %(id)s AND connection_id = %(connection_id)s AND failing -> %(rest)s ? 'parked'
""",
    "task": """
UPDATE managed_record SET step = 'settled', reported = 'deleted', dirty = false, parked_reason = NULL
WHERE key = %(rest)s AND connection_id = %(connection_id)s AND step = 'parked'
""",
    "lead": """
UPDATE lead_due SET parked_reason = NULL, failures = 0, due_at = 'infinity', why = 'none', claim = NULL,
                    claimed_until = '-infinity'
WHERE lead_id = %(id)s AND parked_reason IS NOT NULL
""",
    "drift": """
WITH settled AS (
    UPDATE drift SET ended_at = %(now)s, data = data || jsonb_build_object('because', %(reason)s::text)
    WHERE id = %(id)s AND handling = 'hold' AND ended_at IS NULL RETURNING lead_id, connection_id, property
)
UPDATE link SET left_alone = jsonb_set(left_alone, ARRAY[property, 'held'], 'false')
FROM settled WHERE link.lead_id = settled.lead_id AND link.connection_id = settled.connection_id
""",
}


def listed(conn: Connection, *, limit: int) -> list[ParkedItem]:
    """Everything that waits, by kind, longest waiting first."""
    return [ParkedItem(**row) for row in conn.execute(_LIST, {"limit": limit})]


def parse_item(text: str) -> ItemName:
    """The parts of an item's name; `UsageError` for what is none."""
    kind, _, rest = text.partition(":")
    found = _NAMES[kind].fullmatch(rest) if kind in _NAMES else None
    if found is None:
        raise UsageError(
            say("{text!r} names nothing that is parked: copy the item from `tasuki parked list`.", text=text),
            reason="item_malformed",
        )
    parts = found.groupdict()
    return ItemName(
        kind=kind,
        id=int(parts.get("id") or 0),
        connection_id=int(parts.get("connection_id") or 0),
        rest=parts.get("rest") or "",
    )


def retry(conn: Connection, item: ItemName, *, now: datetime) -> bool:
    """Have it tried again; False when it is not parked (any more)."""
    return conn.execute(_RETRY[item.kind], _values(item) | {"now": now}).rowcount > 0


def drop(
    conn: Connection,
    installation_id: int,
    item: ItemName,
    *,
    reason: str,
    now: datetime,
    make_due: Callable[[int], None],
) -> bool:
    """Give it up for good, with a ledger row that says why; False when it is not parked (any more).

    `make_due` is called with the lead that must be decided again (a task that is given up is one less).
    """
    lead_id = _lead_of(conn, item)
    if conn.execute(_DROP[item.kind], _values(item) | {"reason": reason[:LONGEST_REASON], "now": now}).rowcount == 0:
        return False
    if lead_id is not None:
        data = {"what": item.kind, "name": item.rest[:60], "because": reason[:LONGEST_REASON]}
        row: Mapping[str, Any] = {
            "at": now, "lead_id": lead_id, "kind": "dropped", "policy_hash": None, "data": data
        }  # fmt: skip
        history.add_ledger(conn, installation_id, [row])
    if lead_id is not None and item.kind == "task":
        make_due(lead_id)
    return True


def _lead_of(conn: Connection, item: ItemName) -> int | None:
    if item.kind in ("delivery", "read"):
        return None
    if item.kind not in ("task", "drift"):
        return item.id
    query = "SELECT lead_id FROM managed_record WHERE key = %(rest)s AND connection_id = %(connection_id)s"
    if item.kind == "drift":
        query = "SELECT lead_id FROM drift WHERE id = %(id)s AND lead_id IS NOT NULL"
    row = conn.execute(query, _values(item)).fetchone()
    return int(row["lead_id"]) if row else None


def _values(item: ItemName) -> dict[str, Any]:
    return {"id": item.id, "connection_id": item.connection_id, "rest": item.rest}

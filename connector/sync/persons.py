"""A person by any name, for whoever asks what is held on them, or that they be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.errors import UsageError
from connector.store import inbox_erasing, subjects
from connector.store.database import Connection
from connector.store.subjects import Subject
from connector.store.tombstones import RecordName
from connector.sync.context import Tenant
from connector.sync.explaining import leads_named
from connector.texts import say

SEALED_ABOUT: Mapping[str, str] = {"ledger_value": "{lead_id}:{field}", "notice": "notice:{key}"}
"""Table → what its sealed values are about (see `vault.DataKey`)."""

_ARRIVING = "SELECT DISTINCT lead_id FROM link WHERE arrival ->> 'email' = ANY(%s)"
_SECRET = frozenset({"data_key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whoever is meant: the leads, and the names by which they may yet come."""

    lead_ids: tuple[int, ...]
    people: frozenset[RecordName]
    emails: frozenset[str]


def named(tenant: Tenant, conn: Connection, text: str) -> Named:
    """The person behind a lead id, a contact id (`lead:7`, `contact:7` say which) or an e-mail address, known or not.

    Raises `UsageError` when it may be several people, or names nobody and says nothing of who may yet come.
    """
    kind, _, rest = text.strip().rpartition(":")
    found = leads_named(tenant, conn, text)
    emails = frozenset({rest} if "@" in rest else ())
    if emails:
        arriving = conn.execute(_ARRIVING, [[rest, rest.lower()]])
        found = sorted({*found, *(int(row["lead_id"]) for row in arriving)})
    if len(found) > 1:
        listed = ", ".join(f"lead:{one}" for one in found)
        raise UsageError(
            say("{text!r} may be any of {listed}: say which.", text=text, listed=listed), reason="ambiguous_lead"
        )
    people = frozenset(
        RecordName(connection_id, binding.dialect.person_type, rest)
        for connection_id, binding in tenant.bindings.items()
        if kind == "contact" and rest
    )
    if not found and not people and not emails:
        raise UsageError(
            say("Nobody is known as {text!r}: give a lead id, contact:ID or an e-mail address.", text=text),
            reason="no_such_lead",
        )
    return Named(lead_ids=tuple(found), people=people, emails=emails)


def subject_named(tenant: Tenant, conn: Connection, text: str) -> Subject:
    """Everything by which this person is known."""
    one = named(tenant, conn, text)
    return subjects.subject_of(conn, one.lead_ids, one.people, one.emails)


def everything(tenant: Tenant, conn: Connection, subject: Subject, *, now: datetime) -> dict[str, Any]:
    """What is held on a person, for JSON: the rows of every table, sealed values opened, and what deliveries say."""
    keys = {one: row["data_key"] for one, row in _leads(conn, subject).items()}
    tables = {
        table: [_shown(tenant, table, row, keys) for row in rows]
        for table, rows in subjects.rows_of(conn, subject).items()
    }
    return {
        "exported_at": now,
        "leads": list(subject.lead_ids),
        "records": [
            {"connection_id": one.connection_id, "object_type": one.object_type, "vendor_id": one.vendor_id}
            for one in sorted(subject.people)
        ],
        "addresses": sorted(subject.emails),
        "tables": tables,
        "deliveries": inbox_erasing.held(conn, subject),
    }


def _leads(conn: Connection, subject: Subject) -> dict[int, dict[str, Any]]:
    rows = conn.execute("SELECT id, data_key FROM lead WHERE id = ANY(%s)", [list(subject.lead_ids)])
    return {int(row["id"]): row for row in rows}


def _shown(tenant: Tenant, table: str, row: Mapping[str, Any], keys: Mapping[int, bytes | None]) -> dict[str, Any]:
    """A row without keys and machinery; a sealed value is opened."""
    shown = {name: value for name, value in row.items() if name not in _SECRET}
    key = keys.get(row["lead_id"]) if table in SEALED_ABOUT else None
    sealed = bytes.fromhex(shown.pop("sealed", "").removeprefix("\\x"))
    if key is not None and sealed:
        about = SEALED_ABOUT[table].format_map(dict(row))
        shown["opened"] = tenant.vault.data_key(bytes(key)).open(sealed, about=about)
    return shown

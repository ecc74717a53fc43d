"""Signals: each thing that a lead did, once, for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from connector.domain.signal import Signal
from connector.store.database import Connection

SAME_SUBMISSION = timedelta(seconds=10)
"""The ways of learning a form submission stamp it within this of each other; a person does not submit twice in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignal:
    """A signal to be stored. `source_key` names the occurrence at its source, for ever."""

    lead_id: int
    kind: str
    source: str
    source_key: str
    occurred_at: datetime
    form: str | None = None  #: Form submissions: the form's name, by which other ways of learning know it.
    submission_id: str | None = None
    record: str | None = None  #: Activities: the record that it was learnt from, see `activity_signals`.
    detail: Mapping[str, Any] = field(default_factory=dict)


_ADD = """
INSERT INTO signal (installation_id, lead_id, kind, source, source_key, occurred_at, learnt_at, detail)
VALUES (%(installation_id)s, %(lead_id)s, %(kind)s, %(source)s, %(source_key)s, %(occurred_at)s, %(learnt_at)s,
        %(detail)s)
ON CONFLICT (installation_id, source_key) DO NOTHING
RETURNING lead_id
"""

# The same submission learnt another way: same form, nearly the same moment, and not known to be another one.
_TWIN = """
SELECT id FROM signal
WHERE lead_id = %(lead_id)s AND kind = %(kind)s AND detail ->> 'form' = %(form)s
  AND occurred_at BETWEEN %(occurred_at)s - %(near)s AND %(occurred_at)s + %(near)s
  AND (detail ->> 'submission_id' IS NULL OR %(submission_id)s::text IS NULL
       OR detail ->> 'submission_id' = %(submission_id)s)
ORDER BY abs(extract(epoch FROM occurred_at - %(occurred_at)s)), id
LIMIT 1
"""

_NAME_TWIN = "UPDATE signal SET detail = detail || %s WHERE id = %s AND detail ->> 'submission_id' IS NULL"

_OF = """
SELECT lead_id, id, kind, occurred_at, learnt_at, seen, detail ->> 'owner' AS "by",
    (detail ->> 'starts_at')::timestamptz AS starts_at
FROM signal WHERE lead_id = ANY(%s) ORDER BY occurred_at, id
"""


def add(conn: Connection, installation_id: int, new: Sequence[NewSignal], *, learnt_at: datetime) -> set[int]:
    """Store signals that are not known yet; returns the leads that got one. The leads must be locked by the caller."""
    touched: set[int] = set()
    for one in new:
        if one.form is not None and _is_known(conn, one):
            continue
        detail = dict(one.detail)
        if one.form is not None:
            detail |= {"form": one.form, "submission_id": one.submission_id}
        values = {
            "installation_id": installation_id,
            "lead_id": one.lead_id,
            "kind": one.kind,
            "source": one.source,
            "source_key": one.source_key,
            "occurred_at": one.occurred_at,
            "learnt_at": learnt_at,
            "detail": Jsonb(detail),
        }
        if conn.execute(_ADD, values).fetchone() is not None:
            touched.add(one.lead_id)
    return touched


def _is_known(conn: Connection, one: NewSignal) -> bool:
    values = {
        "lead_id": one.lead_id,
        "kind": one.kind,
        "form": one.form,
        "occurred_at": one.occurred_at,
        "near": SAME_SUBMISSION,
        "submission_id": one.submission_id,
    }
    twin = conn.execute(_TWIN, values).fetchone()
    if twin is None:
        return False
    if one.submission_id is not None:
        conn.execute(_NAME_TWIN, [Jsonb({"submission_id": one.submission_id}), twin["id"]])
    return True


def of_leads(conn: Connection, lead_ids: Sequence[int]) -> dict[int, list[Signal]]:
    """Each lead's signals, oldest first; a lead without any is absent."""
    found: dict[int, list[Signal]] = {}
    for row in conn.execute(_OF, [list(lead_ids)]):
        found.setdefault(int(row.pop("lead_id")), []).append(Signal(**row))
    return found


def mark_seen(conn: Connection, ids: Sequence[int]) -> None:
    """An evaluation has had its chance to act on these."""
    if ids:
        conn.execute("UPDATE signal SET seen = true WHERE id = ANY(%s) AND NOT seen", [list(ids)])

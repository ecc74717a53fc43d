"""Signals: each thing that a lead did, once, for ever."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from connector.domain.signal import Signal
from connector.policy.united import split_kind
from connector.store.database import Connection
from connector.store.rows import as_named, pack
from connector.store.shown import Stretch

SAME_SUBMISSION = timedelta(seconds=10)
"""The ways of learning a form submission stamp it within this of each other; a person does not submit twice in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignal:
    """A signal to be stored. `source_key` names the occurrence at its source, for ever.

    Where policies learn a kind from different things it is written `<policy>:<kind>`, and counts for that one alone.
    """

    lead_id: int
    kind: str
    source: str
    source_key: str
    occurred_at: datetime
    form: str | None = None  #: Form submissions: the form's name, by which other ways of learning know it.
    submission_id: str | None = None
    record: str | None = None  #: Activities: the record that it was learnt from, see `activity_signals`.
    detail: Mapping[str, Any] = field(default_factory=dict)


class Occurrence(NamedTuple):
    """A signal, as far as it counts: whose, what it was and when; `starts_at` is when the meeting begins that it tells
    of.
    """

    lead_id: int
    kind: str
    occurred_at: datetime
    starts_at: datetime | None


_BRIEF = """
SELECT lead_id, kind, occurred_at, (detail ->> 'starts_at')::timestamptz
FROM signal WHERE lead_id BETWEEN %s AND %s AND (policy IS NULL OR policy = %s)
"""

_ADD = """
INSERT INTO signal (installation_id, lead_id, policy, kind, source, source_key, occurred_at, learnt_at, detail)
SELECT %(installation_id)s, lead_id, policy, kind, source, source_key, occurred_at, %(learnt_at)s, detail
FROM jsonb_to_recordset(%(rows)s::jsonb)
     AS new (lead_id bigint, policy text, kind text, source text, source_key text, occurred_at timestamptz,
             detail jsonb)
WHERE NOT EXISTS (SELECT FROM lead WHERE lead.id = new.lead_id AND gone = 'erased')
ORDER BY source_key
ON CONFLICT (installation_id, source_key) DO NOTHING
RETURNING lead_id
"""

# The same submission learnt another way: same form, nearly the same moment, and not known to be another one.
_TWINS = """
SELECT new.source_key, twin.id
FROM jsonb_to_recordset(%(rows)s::jsonb)
     AS new (lead_id bigint, policy text, kind text, source_key text, occurred_at timestamptz, form text,
             submission_id text)
CROSS JOIN LATERAL (
    SELECT signal.id FROM signal
    WHERE signal.lead_id = new.lead_id AND signal.kind = new.kind AND signal.detail ->> 'form' = new.form
      AND (signal.policy IS NULL OR new.policy IS NULL OR signal.policy = new.policy)
      AND signal.occurred_at BETWEEN new.occurred_at - %(near)s AND new.occurred_at + %(near)s
      AND (signal.submission_id IS NULL OR new.submission_id IS NULL OR signal.submission_id = new.submission_id)
    ORDER BY abs(extract(epoch FROM signal.occurred_at - new.occurred_at)), signal.id
    LIMIT 1
) AS twin
"""

_NAME_TWINS = """
UPDATE signal SET detail = signal.detail || jsonb_build_object('submission_id', named.submission_id)
FROM unnest(%(ids)s::bigint[], %(names)s::text[]) AS named (id, submission_id)
WHERE signal.id = named.id AND signal.submission_id IS NULL
"""

_KNOWN = """
SELECT coalesce(policy || ':', '') || kind AS kind, submission_id FROM signal WHERE submission_id = ANY(%s)
"""

_OF = """
SELECT lead_id, id, kind, occurred_at, learnt_at, seen, detail ->> 'owner' AS "by",
    (detail ->> 'starts_at')::timestamptz AS starts_at, policy
FROM signal WHERE lead_id = ANY(%s) AND (policy IS NULL OR policy = ANY(%s)) ORDER BY occurred_at, id
"""


def add(conn: Connection, installation_id: int, new: Sequence[NewSignal], *, learnt_at: datetime) -> set[int]:
    """Store signals that are not known yet; returns the leads that got one. The leads must be locked by the caller."""
    touched: set[int] = set()
    for together in _in_turns(new):
        known = _known_already(conn, [one for one in together if one.form is not None])
        rows = [
            {
                "lead_id": one.lead_id,
                **_kind(one),
                "source": one.source,
                "source_key": one.source_key,
                "occurred_at": one.occurred_at,
                "detail": {
                    **one.detail,
                    **({"form": one.form, "submission_id": one.submission_id} if one.form else {}),
                },
            }
            for one in together
            if one.source_key not in known
        ]
        if rows:
            values = {"installation_id": installation_id, "learnt_at": learnt_at, "rows": pack(rows)}
            touched.update(int(row["lead_id"]) for row in conn.execute(_ADD, values))
    return touched


def known_submissions(conn: Connection, ids: Sequence[str]) -> set[tuple[str, str]]:
    """(signal, submission id) of those of these submissions that are stored under their own id."""
    return {(row["kind"], row["submission_id"]) for row in conn.execute(_KNOWN, [list(ids)])}


def _in_turns(new: Sequence[NewSignal]) -> list[list[NewSignal]]:
    """In order, and no two that may be the same submission in one turn: the second has to see the first."""
    turns: list[list[NewSignal]] = []
    met: Counter[tuple[int, str, str | None]] = Counter()
    for one in new:
        place = met[one.lead_id, one.kind, one.form] if one.form is not None else 0
        met[one.lead_id, one.kind, one.form] += 1
        while len(turns) <= place:
            turns.append([])
        turns[place].append(one)
    return turns


def _known_already(conn: Connection, new: Sequence[NewSignal]) -> set[str]:
    """The source keys of submissions that were learnt another way before, which get the ids that these bring."""
    if not new:
        return set()
    names = ("lead_id", "source_key", "occurred_at", "form", "submission_id")
    rows = pack([{name: getattr(one, name) for name in names} | _kind(one) for one in new])
    twins = {row["source_key"]: row["id"] for row in conn.execute(_TWINS, {"rows": rows, "near": SAME_SUBMISSION})}
    named = {twins[one.source_key]: one.submission_id for one in new if one.source_key in twins and one.submission_id}
    if named:
        conn.execute(_NAME_TWINS, {"ids": list(named), "names": list(named.values())})
    return set(twins)


def of_leads(conn: Connection, lead_ids: Sequence[int], policies: Sequence[str]) -> dict[int, list[Signal]]:
    """Each lead's signals that count for any of these policies, oldest first; a lead without any is absent."""
    found: dict[int, list[Signal]] = {}
    for row in conn.execute(_OF, [list(lead_ids), list(policies)]):
        found.setdefault(int(row.pop("lead_id")), []).append(Signal(**row))
    return found


def brief(conn: Connection, leads: Stretch, policy: str) -> dict[int, list[Occurrence]]:
    """Each lead's signals that count for a policy, as far as they count, in no order; a lead without any is absent."""
    found = defaultdict[int, list[Occurrence]](list)
    with conn.cursor(row_factory=as_named(Occurrence)) as cursor:
        for one in cursor.execute(_BRIEF, [*leads, policy], prepare=True, binary=True).fetchall():
            found[one.lead_id].append(one)
    return found


def belong_to(conn: Connection, policy: str, kinds: Sequence[str]) -> None:
    """From now on these kinds mean this for one policy and that for another: what is stored of them is this one's."""
    conn.execute("UPDATE signal SET policy = %s WHERE policy IS NULL AND kind = ANY(%s)", [policy, list(kinds)])


def _kind(one: NewSignal) -> dict[str, str | None]:
    policy, kind = split_kind(one.kind)
    return {"policy": policy, "kind": kind}


def mark_seen(conn: Connection, ids: Sequence[int]) -> None:
    """An evaluation has had its chance to act on these."""
    if ids:
        conn.execute("UPDATE signal SET seen = true WHERE id = ANY(%s) AND NOT seen", [list(ids)])

"""A record as read meets its mirror: what somebody else changed is noted, and what has to be told is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from connector.domain import codec
from connector.domain.drift import DriftClass
from connector.domain.lead import Actor
from connector.store import drifts, reconcile_passes
from connector.store.database import Connection
from connector.store.leads import LeadRow
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.context import Line
from connector.sync.drifting import Inquiry, new_drift, note
from connector.sync.facts import same_on
from connector.sync.unanswered import NOTHING_SENT, Unanswered
from connector.vendors.base import Record


def observe(
    line: Line,
    conn: Connection,
    lead: LeadRow | None,
    row: MirrorRow,
    record: Record,
    *,
    now: datetime,
    inquiry: Inquiry | None = None,
    unanswered: Unanswered = NOTHING_SENT,
    seen_until: datetime | None = None,
) -> set[str]:
    """Bring a person's mirror up to date; returns the properties that somebody else changed.

    What differs from what should be is told as drift, a property that the breaker freezes by this with both writers.
    `inquiry`: who reads to find drift brings its own, with what has no answer. See `mirror.absorb` for `seen_until`.
    What is taken for ours and is not wanted any more is kept in the ledger too: it is told by its value alone.
    """
    before = mirror.frozen(row)
    agreed = cache(lambda: wanted_of(line, lead))
    of_policy = line if lead is None else line.under(lead.policy)
    inquiry = inquiry or Inquiry(
        line=of_policy, lead=lead, row=row, record=record, wanted=agreed, unanswered=unanswered
    )
    taken: dict[str, str | None] = {}

    def ours(name: str, value: str | None, since: datetime | None) -> bool:
        found = inquiry.ours(name, value, since)
        taken.update({name: value} if found else {})
        return found

    changed = mirror.absorb(
        row,
        record,
        now=now,
        same=same_on(line.binding, row.object_type),
        agreed=agreed,
        judge=inquiry.judge,
        ours=ours,
        seen_until=seen_until,
    )
    inquiry.tell(conn, now=now)
    if lead is not None:
        _tell_taken(line, conn, lead.id, taken, agreed, now=now)
        _tell_frozen(of_policy, conn, row, before, lead.id, now=now)
    return changed


def observe_record(line: Line, conn: Connection, row: MirrorRow, record: Record, *, now: datetime) -> set[str]:
    """The same of a company or a deal: it is no one lead's, and only what the breaker freezes is told at once."""
    before = mirror.frozen(row)
    changed = mirror.absorb(row, record, now=now, same=same_on(line.binding, row.object_type))
    _tell_frozen(line, conn, row, before, None, now=now)
    return changed


def _tell_frozen(
    line: Line,
    conn: Connection,
    row: MirrorRow,
    before: Mapping[str, Mapping[str, Any]],
    lead_id: int | None,
    *,
    now: datetime,
) -> None:
    for name, why in mirror.frozen(row).items():
        if before.get(name) != why:
            note(row, name, DriftClass.FLIP_FLOP)
            told = new_drift(line, row, lead_id, name, DriftClass.FLIP_FLOP, found_at=now, data=dict(why))
            drifts.add(conn, line.tenant.installation_id, line.connection_id, [told])


def _tell_taken(
    line: Line,
    conn: Connection,
    lead_id: int,
    taken: Mapping[str, str | None],
    wanted: Callable[[], Mapping[str, str]],
    *,
    now: datetime,
) -> None:
    for name, value in taken.items():
        values = {"kept": wanted().get(name), "lost": value}
        line.tenant.keep_value(
            conn, lead_id=lead_id, at=now, field=name, rule="unanswered", actor=Actor.TASUKI.value, values=values
        )


def seen_until_of(line: Line, conn: Connection) -> datetime | None:
    """Of a CRM that is looked through for changes: those of people before this moment were seen by the look before the
    last. Asked where another CRM's changes are compared with them."""
    if line.poll_seconds is None or not line.binding.shared:
        return None
    last = reconcile_passes.last(conn, line.connection_id, line.dialect.person_type)
    if last is None:
        return None
    # its moments are cut: what was changed after the look may bear the moment at which the cut second began
    return last.since + reconcile_passes.OVERLAP - line.dialect.stamps


def wanted_of(line: Line, lead: LeadRow | None) -> Mapping[str, str]:
    """What should stand on this lead's record, as last decided."""
    if lead is None:
        return {}
    return line.under(lead.policy).binding.project(codec.decode_values(lead.desired), lead.desired_stage)

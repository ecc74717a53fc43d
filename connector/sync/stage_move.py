"""A stage property that only moves forward goes back in three steps: clear, set, verify. Journalled, so that a crash
between two of them is resumed and the blank in between is never taken for a person's move.

`link.journal` = {property, target, step}, step: `clear` (the clearing write goes out) or `set` (the property is
blank, the new value goes out). It is committed before each step and removed with the confirmed write. While it
stands, the record's stage says nothing (`facts.lead_of(moving=True)`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from connector.store import links
from connector.sync.apart import apart
from connector.sync.binding import Binding
from connector.sync.context import Line, backoff
from connector.sync.difference import must_clear
from connector.sync.parcel import Parcel, attempts, stumbled, vendor_id
from connector.vendors.base import Lane, Outcome, Update, WriteResult


def plan(binding: Binding, parcel: Parcel) -> None:
    """Find the property that must be cleared first: the move is backward, or an interrupted one is resumed."""
    parcel.clear = None
    for name in binding.dialect.forward_only & parcel.changes.keys():
        current, wanted = parcel.person.properties.get(name), parcel.changes[name]
        refused = must_clear(binding, parcel.person, name, wanted)
        if current and (refused or binding.is_backward(name, current, wanted)):
            parcel.clear = name


def prepare(line: Line, token: uuid.UUID, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Clear what must be cleared, journalled before and after; the set follows with the ordinary update."""
    moving = [parcel for parcel in parcels if parcel.clear is not None and not parcel.moved_on]
    if not moving:
        return
    _journal(line, token, {parcel.lead.id: _entry(parcel, "clear") for parcel in moving})

    def send(part: Sequence[Parcel]) -> Sequence[WriteResult]:
        updates = [Update(id=parcel.person.vendor_id, properties={str(parcel.clear): ""}) for parcel in part]
        for parcel in part:
            parcel.tried = parcel.in_doubt = True
        return line.vendor.update(line.dialect.person_type, updates, lane=lane)

    cleared: list[Parcel] = []
    for parcel, result in apart(moving, name=vendor_id, attempts=attempts, send=send, stumbled=stumbled):
        if result.outcome is Outcome.APPLIED:
            cleared.append(parcel)
        else:
            parcel.results.append(({str(parcel.clear): ""}, result))
            parcel.retry_seconds = result.retry_after_seconds or backoff(line.tenant.limits, parcel.claim.attempts)
    _journal(line, token, {parcel.lead.id: _entry(parcel, "set") for parcel in cleared})


def journal_after(parcel: Parcel) -> Mapping[str, Any] | None:
    """The journal to keep when this slice did not finish the move."""
    return parcel.claim.journal if parcel.clear is None else _entry(parcel, "set")


def refused_backward(line: Line, parcel: Parcel) -> bool:
    """True when the vendor accepted a stage and kept another: the next slice clears it first."""
    return any(
        must_clear(line.binding, parcel.person, name, sent[name])
        for sent, result in parcel.results
        if result.outcome is Outcome.APPLIED
        for name in line.dialect.forward_only & sent.keys()
    )


def _entry(parcel: Parcel, step: str) -> dict[str, Any]:
    assert parcel.clear is not None
    return {"property": parcel.clear, "target": parcel.changes.get(parcel.clear), "step": step}


def _journal(line: Line, token: uuid.UUID, entries: Mapping[int, Mapping[str, Any]]) -> None:
    if entries:
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            links.write_journal(conn, line.connection_id, token, entries)

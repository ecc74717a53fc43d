"""What comes late of somebody who was erased is kept nowhere: not even in the delivery that brought it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.store import inbox_erasing, tombstones
from connector.store.database import Connection
from connector.store.inbox import InboxRow
from connector.store.inbox_erasing import Names
from connector.vendors.base import InboundEvent

_FORGET_SUBJECTS = """
DELETE FROM inbox_subject WHERE connection_id = %s AND object_type = %s AND vendor_id = ANY(%s) AND inbox_id = ANY(%s)
"""


def take_out_the_erased(
    conn: Connection, connection_id: int, person_type: str, events: Sequence[tuple[InboundEvent, InboxRow]]
) -> None:
    """Take the events that name an erased person out of the deliveries that brought them."""
    erased = tombstones.among(conn, connection_id, person_type, {one for event, _ in events for one in _ids(event)})
    given = {email for event, _ in events if (email := _email(event)) is not None}
    addresses = tombstones.addresses(conn, given)
    late = {
        row.id: row
        for event, row in events
        if not erased.isdisjoint(_ids(event)) or _is_older(event, addresses.get(_email(event) or ""))
    }
    names = Names.of(erased, addresses)
    for inbox_id, row in late.items():
        inbox_erasing.rewrite(conn, inbox_id, inbox_erasing.without(row.body, names))
    if late:
        conn.execute(_FORGET_SUBJECTS, [connection_id, person_type, sorted(erased), sorted(late)])


def _ids(event: InboundEvent) -> tuple[str, ...]:
    """Every record that an event names."""
    return tuple(one for one in (event.object_id, event.other_id, event.new_id, *event.merged_ids) if one)


def _email(event: InboundEvent) -> str | None:
    return event.submission.email if event.submission is not None else None


def _is_older(event: InboundEvent, erased_at: datetime | None) -> bool:
    """True for what was sent before its address was erased."""
    return erased_at is not None and event.submission is not None and event.submission.submitted_at <= erased_at

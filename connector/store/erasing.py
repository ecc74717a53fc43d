"""Erasure: a person goes from every table and every stored delivery, and hashes keep them from coming back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.store import connections, inbox_erasing, subjects, tombstones
from connector.store.database import Connection
from connector.store.tombstones import RecordName, Tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was removed: leads, deliveries, and rows by table."""

    leads: int
    deliveries: int
    rows: Mapping[str, int]

    @property
    def anything(self) -> bool:
        """False when nothing was held."""
        return bool(self.leads or self.deliveries or self.rows)


def erase(
    conn: Connection,
    installation_id: int,
    *,
    now: datetime,
    lead_ids: Collection[int] = (),
    people: Collection[RecordName] = (),
    emails: Collection[str] = (),
    again: bool = False,
) -> Erased:
    """Forget whoever is known by any of these names, under every name that we know, for ever.

    Also where nobody is known by them yet: who was erased before we heard of them stays unheard of. Doing it twice
    changes nothing. It comes first in its transaction (see `tombstones.hold`). `again`: they were erased before and
    came back from a backup; an address stays one that was erased then.
    """
    tombstones.hold(conn)
    subject = subjects.subject_of(conn, lead_ids, people, emails)
    subjects.lock(conn, subject)
    tombstones.bury(conn, installation_id, subject.people, subject.emails, erased_at=now, again=again)
    deliveries = inbox_erasing.forget(conn, subject)
    rows = subjects.remove(conn, subject)
    connections.make_due(conn, connections.HOUSEKEEPING)  # it writes the file of tombstones
    return Erased(leads=len(subject.lead_ids), deliveries=deliveries, rows=rows)


def erase_again(
    conn: Connection, installation_id: int, given: Collection[Tombstone], *, now: datetime
) -> Erased | None:
    """Take in the tombstones that another state of this database had, and erase whoever is back all the same.

    None: nobody was.
    """
    tombstones.hold(conn)
    tombstones.take_in(conn, installation_id, sorted(given, key=lambda one: one.hash))
    back = tombstones.risen(conn)
    return erase(conn, installation_id, now=now, lead_ids=back, again=True) if back else None


def sweep(conn: Connection) -> int:
    """Remove what was stored for an erased person by whoever was at work on them just then; returns how many rows."""
    gone = subjects.erased_leads(conn)
    if not gone:
        return 0
    return sum(subjects.clear(conn, subjects.subject_of(conn, gone)).values())

"""Records of ours on their way to the CRM, each with the lead that it is for: what fails waits by itself.

How often and since when a record has failed, and how long it waits, stands with the record: its lead goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from connector.errors import QuotaError, RetryableError
from connector.store import managed
from connector.store.database import Connection
from connector.store.managed import ManagedRow
from connector.sync.apart import Written, read_apart
from connector.sync.context import Line
from connector.sync.parcel import Parcel
from connector.sync.stumbling import Patience, Tried, setbacks
from connector.vendors.base import Outcome, WriteResult

Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Work:
    """One record of ours with the lead that it is for."""

    parcel: Parcel
    record: ManagedRow


def key(one: Work) -> str:
    """How `apart` names it."""
    return one.record.key


def attempts(one: Work) -> int:
    """How often it has failed before."""
    return one.record.attempts


def due(works: Sequence[Work]) -> list[Work]:
    """What may be done now; the rest is taken up again in its time."""
    for one in works:
        if one.record.wait_seconds > 0:
            one.parcel.wait_aside(one.record.wait_seconds)
    return [one for one in works if one.record.wait_seconds <= 0]


def note_failures(line: Line, conn: Connection, written: Written[Work]) -> None:
    """What came to nothing waits, longer each time, and in the end for a person."""
    found = setbacks(line, Patience(line, conn), written, name=key, tried=_tried)
    managed.failed(conn, line.connection_id, found)
    for one, result in written.told:
        if one.record.key in found:
            settles = line.settle_seconds if result.outcome is Outcome.UNCERTAIN else 0.0
            one.parcel.wait_aside(max(found[one.record.key].seconds, settles))


def looked_up(line: Line, works: Sequence[Work], look: Callable[[Sequence[Work]], Got]) -> tuple[list[Got], list[Work]]:
    """What became of these, asked apart where asking has failed; and of whom it is known now. Raises what ended it at
    once (`Written.refused`)."""
    written = Written[Work]()
    try:
        read = read_apart(works, name=key, attempts=attempts, fetch=look)
    except QuotaError:
        raise
    except RetryableError as error:
        told = [(one, _failed(one, error)) for one in works]
        found, known = [], []
    else:
        known = [one for part, _ in read.parts for one in part]
        keys = set(map(key, known))
        told = [(one, _failed(one, read.failed)) for one in works if one.record.key not in keys]
        found = [got for _, got in read.parts]
        written.passed, written.stumbled = bool(known), set(map(key, read.stumbled))
    written.told = told
    if told:
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            note_failures(line, conn, written)
    return found, known


def is_hopeless(patience: Patience, one: Work) -> bool:
    """True for what was not made, and will not be: making it came to nothing so often, or for so long."""
    return patience.is_over(stumbles=one.record.stumbles, since=one.record.failing_since)


def _tried(one: Work) -> Tried:
    record = one.record
    return Tried(attempts=record.attempts, stumbles=record.stumbles, since=record.failing_since)


def _failed(one: Work, error: RetryableError | None) -> WriteResult:
    wait = error.retry_after_seconds if error is not None else None
    return WriteResult(id=one.record.key, outcome=Outcome.RETRY, reason="vendor_failed", retry_after_seconds=wait)

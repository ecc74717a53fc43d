"""When a record over which the CRM stumbles is left alone, and waits in `tasuki parked`.

A failure of the CRM's own says nothing of a record, until the record has failed alone, again and again, while others
beside it passed. In an account where nothing passes beside it, a day of failures says as much, if the CRM has answered
our looks through everything meanwhile: an outage, however long, parks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from connector.errors import QuotaError, RetryableError
from connector.store import reconcile_passes, wanted
from connector.store.clock import machine_now
from connector.store.database import Connection
from connector.store.outstanding import Setback
from connector.store.wanted import Wanted
from connector.sync.apart import CAME_TO_NOTHING, Written, read_apart
from connector.sync.context import Line, backoff, conclude

Got = TypeVar("Got")
Row = TypeVar("Row")

TENTH = 10
"""What fails waits at least for this part of the time for which it has failed: an outage is not called at for hours,
and what it held up goes on soon after it."""


class Patience:
    """How long it goes on with what fails, and how soon it tries again. `error`: how this slice failed, if it did."""

    def __init__(self, line: Line, conn: Connection, error: RetryableError | None = None) -> None:
        self._line = line
        self._conn = conn
        self._says_nothing = isinstance(error, QuotaError)

    def is_over(self, *, stumbles: int, since: datetime | None) -> bool:
        """True for what has stumbled so often, this time included, or fails since then."""
        limits = self._line.tenant.limits
        if stumbles >= limits.most_failures:
            return True
        return self._failing(since) >= limits.most_failing_seconds and not self._says_nothing and self._answers

    def pause(self, *, stumbles: int, since: datetime | None, asked: float) -> float:
        """Seconds until it is tried again: never sooner than was `asked`, longer each time that it stumbled."""
        limits = self._line.tenant.limits
        grown = min(self._failing(since) / TENTH, limits.retry_seconds_most)
        return max(asked, grown, backoff(limits, stumbles) if stumbles else 0.0)

    def _failing(self, since: datetime | None) -> float:
        return (self.now - since).total_seconds() if since is not None else 0.0

    @cached_property
    def now(self) -> datetime:
        """The database's own time."""
        return machine_now(self._conn)

    @cached_property
    def _answers(self) -> bool:
        return reconcile_passes.ended_lately(self._conn, self._line.connection_id)


# ── what hangs on a lead, and fails by itself ────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How often a record has failed, how often of these alone while others passed, and since when."""

    attempts: int = 0
    stumbles: int = 0
    since: datetime | None = None


def setbacks(
    line: Line,
    patience: Patience,
    written: Written[Row],
    *,
    name: Callable[[Row], str],
    tried: Callable[[Row], Tried],
) -> dict[str, Setback]:
    """What this write means for those of its rows that came to nothing, by name. Those that failed together, while
    others passed, have only to wait."""
    found: dict[str, Setback] = {}
    for row, result in written.told:
        if result.outcome not in CAME_TO_NOTHING:
            continue
        before, alone = tried(row), name(row) in written.stumbled
        stumbles = before.stumbles + alone
        asked = result.retry_after_seconds or backoff(line.tenant.limits, before.attempts)
        over = patience.is_over(stumbles=stumbles, since=before.since)
        found[name(row)] = Setback(
            seconds=patience.pause(stumbles=stumbles, since=before.since, asked=asked),
            stumbled=alone,
            parked=over and (alone or not written.passed),
        )
    return found


# ── marks ────────────────────────────────────────────────────────────────────────────────────────────────────
def read_marked(
    line: Line,
    rows: Sequence[Wanted],
    *,
    fetch: Callable[[Sequence[Wanted]], Got],
    store: Callable[[Connection, Sequence[Wanted], Got], Any],
) -> int:
    """Read what was marked, apart where it has failed before; returns how many were asked for.

    Each part is stored with the end of its marks; what was marked again meanwhile stays marked.
    """
    if not rows:
        return 0
    try:
        read = read_apart(rows, name=_name, attempts=_attempts, fetch=fetch)
    except RetryableError as error:
        _postpone(line, rows, error)
        raise
    for part, got in read.parts:
        conclude(
            line.tenant,
            lambda conn, part=part, got=got: _store(line, conn, part, got, store),  # type: ignore[misc]
            give_back=lambda conn: None,
        )
    if read.failed is not None:
        done = {(one.object_type, one.vendor_id) for part, _ in read.parts for one in part}
        left = [one for one in rows if (one.object_type, one.vendor_id) not in done]
        _postpone(line, left, read.failed, stumbled=read.stumbled)
    return len(rows)


def _name(one: Wanted) -> str:
    return f"{one.object_type} {one.vendor_id}"


def _attempts(one: Wanted) -> int:
    return one.attempts


def _store(
    line: Line,
    conn: Connection,
    part: Sequence[Wanted],
    got: Got,
    store: Callable[[Connection, Sequence[Wanted], Got], Any],
) -> None:
    store(conn, part, got)
    for object_type in sorted({one.object_type for one in part}):
        read = {one.vendor_id: one.wanted_at for one in part if one.object_type == object_type}
        wanted.done(conn, line.connection_id, object_type, read)


def _postpone(
    line: Line, rows: Sequence[Wanted], error: RetryableError, *, stumbled: Collection[Wanted] | None = None
) -> None:
    """Not before so long, and after a while not before somebody says so. `stumbled` None: nothing passed."""
    limits = line.tenant.limits
    seconds = limits.retry_seconds if error.retry_after_seconds is None else error.retry_after_seconds
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        patience = Patience(line, conn, error)
        for object_type in sorted({one.object_type for one in rows}):
            mine = [one for one in rows if one.object_type == object_type]
            alone = {one.vendor_id for one in mine if one in (stumbled or ())}
            counted = [one for one in mine if stumbled is None or one.vendor_id in alone]
            over = [
                one.vendor_id
                for one in counted
                if patience.is_over(stumbles=one.stumbles + (one.vendor_id in alone), since=one.failing_since)
            ]
            wanted.postpone(
                conn,
                line.connection_id,
                object_type,
                [one.vendor_id for one in mine],
                seconds=seconds,
                most=max(seconds, limits.retry_seconds_most),
                stumbled=alone,
                parked=over,
            )

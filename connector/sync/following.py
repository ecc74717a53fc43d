"""Follows a CRM's stream of changes: what it tells is stored as a delivery, in one transaction with its place.

So a process that dies goes on behind the last event that is stored: some are heard twice, which their keys tell, and
none is passed over. Reading a delivery and all that comes of it is the ordinary way (`ingest.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.errors import TasukiError
from connector.failpoints import Place, reach
from connector.store import connections, inbox, reconcile_passes, streams
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.inbox import Delivery
from connector.store.streams import BEGUN, BROKEN, GAPS, KIND
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.stream import PositionLostError, Stream, Told

log = structlog.get_logger()

OVERLAP: Final = timedelta(minutes=5)
"""Behind a lost place it is looked from a little earlier on: what was committed late was stamped before."""

WAKE: Final = "NOTIFY tasuki_wake, 'inbox'"


def hear_of_losses(conn: Connection, installation_id: int, connection_id: int, events: Sequence[InboundEvent]) -> None:
    """What no event will tell of any more is looked for, at once."""
    losses = [event for event in events if event.kind in (EventKind.MISSED, EventKind.OVERFLOWED)]
    for event in losses:
        everything = event.kind is EventKind.OVERFLOWED
        reconcile_passes.look_again(
            conn, connection_id, event.object_type, since=event.occurred_at, everything=everything
        )
    streams.counted(conn, installation_id, connection_id, {GAPS: len({event.occurred_at for event in losses})})


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A connection and its stream."""

    database: Database
    installation_id: int
    connection_id: int
    account_id: str
    stream: Stream

    def follow(self, goes_on: Callable[[], bool]) -> None:
        """Store what the stream tells for as long as `goes_on` says so; it is asked every moment.

        A place that the CRM no longer knows is given up: what was missed since is looked for, and the stream begins
        anew. Raises what `Stream.follow` raises besides.
        """
        place = self._place()
        self._count(BEGUN)
        try:
            self._hear(place, goes_on)
        except TasukiError as error:
            self._count(BROKEN)
            if not isinstance(error, PositionLostError) or place is None:  # there was none to lose
                raise
            self._give_up()
            log.warning("stream_place_lost", connection_id=self.connection_id, reason=error.reason)

    def _hear(self, place: bytes | None, goes_on: Callable[[], bool]) -> None:
        with closing(self.stream.follow(place)) as telling:
            for told in telling:
                if told is not None:
                    self._store(told)
                if not goes_on():
                    return

    # ── where it is ──────────────────────────────────────────────────────────────────────────────────────────
    def _place(self) -> bytes | None:
        """Behind what is stored; None: nothing of this topic ever was. Whoever changes the topic misses what was told
        between the two."""
        with self._transaction() as conn:
            held = self._held(conn)
            if held is None:
                return None
            if held["topic"] == self.stream.topic:
                return bytes.fromhex(held["position"])
        self._give_up()
        return None

    def _store(self, told: Told) -> None:
        with self._transaction() as conn:
            now = BusinessClock.now(conn).isoformat()
            position: dict[str, str | None] = {
                "topic": self.stream.topic,
                "position": told.position.hex(),
                "heard_at": now,
            }
            if told.body is not None:
                self._deliver(conn, told.body, is_bulk=told.is_bulk)
                position["told_at"] = now
            elif (held := self._held(conn)) is not None:
                position["told_at"] = held.get("told_at")
            self._keep(conn, position)
            reach(Place.PRE_STORE)

    def _give_up(self) -> None:
        """From now on; what came since the last place is to be looked for."""
        with self._transaction() as conn:
            held = self._held(conn)
            if held is None:
                return
            since = datetime.fromisoformat(held["heard_at"]) - OVERLAP
            self._deliver(conn, self.stream.missed(since.isoformat()), is_bulk=False)
            connections.drop_cursor(conn, self.connection_id, KIND)

    def _held(self, conn: Connection) -> Mapping[str, Any] | None:
        return connections.cursor(conn, self.connection_id, KIND)[0]

    def _keep(self, conn: Connection, position: Mapping[str, Any]) -> None:
        connections.put_cursor(
            conn, self.installation_id, self.connection_id, kind=KIND, position=position, again_seconds=0.0
        )

    def _deliver(self, conn: Connection, body: bytes, *, is_bulk: bool) -> None:
        lane = "background" if is_bulk else "hot"
        source, hint = self.stream.source, self.account_id
        inbox.put(conn, Delivery(source=source, body=body, connection_hint=hint, lane=lane))
        conn.execute(WAKE)

    def _count(self, what: str) -> None:
        with self._transaction() as conn:
            streams.counted(conn, self.installation_id, self.connection_id, {what: 1})

    def _transaction(self) -> Any:
        return self.database.transaction(self.installation_id)

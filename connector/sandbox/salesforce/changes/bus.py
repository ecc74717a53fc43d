"""The org's event bus: every change as an event with a replay id, kept for a while, told to whoever follows.

Replay ids are opaque and leave gaps. Gap events say that something changed and not what; an overflow event names no
record; after `kept_seconds` an event is gone, and whoever stopped at it cannot go on from there.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from connector.sandbox.dice import seeded
from connector.sandbox.salesforce.changes.avro import Schema, schema_of
from connector.sandbox.salesforce.org import Change, Org, Row

ENTITIES = ("Lead", "Contact", "Account", "Opportunity", "Task", "Event", "Campaign", "CampaignMember")
_TYPES = {"created": "CREATE", "updated": "UPDATE", "deleted": "DELETE", "undeleted": "UNDELETE"}
_ORIGINS = {"UI": "com/salesforce/api/soap/66.0;client=SfdcInternalAPI/", "API": "com/salesforce/api/rest/66.0"}
_MOST = 200_000
_START = 1_000


class ReplayError(Exception):
    """A replay id that is not kept, or never was given."""


@dataclass(kw_only=True)
class BusSettings:
    """How changes are told; changed over the control API."""

    #: sandbox seconds that an event is kept
    kept_seconds: float = 72 * 3600.0
    #: machine seconds after which a subscriber with nothing to hear is told where it stands
    keepalive_seconds: float = 270.0
    #: changes are told as gaps: that something changed, not what
    gaps: bool = False
    #: nothing is told at all; what happens meanwhile is never told
    silent: bool = False
    #: most events in one answer
    batch: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as it is kept."""

    number: int
    at: int
    id: str
    entity: str
    schema_id: str
    payload: bytes

    @property
    def replay_id(self) -> bytes:
        """What a subscriber may go on behind."""
        return self.number.to_bytes(10, "big")


class Bus:
    """Events of one org. `moved` is notified whenever there is something to look at."""

    def __init__(self, org: Org) -> None:
        self.settings = BusSettings()
        self.moved = threading.Condition()
        #: raised to end every subscription
        self.generation = 0
        self.subscribers = 0
        #: how many there were in all
        self.subscriptions = 0
        self._org = org
        self._rng = seeded(org.settings.seed + 3)
        self._kept: deque[Event] = deque(maxlen=_MOST)
        self._schemas: dict[str, Schema] = {}
        self._last = _START
        #: replay ids below this are outside the retention window
        self._floor = self._last
        self._counter = itertools.count(1)
        org.listeners.append(self.changed)

    # ------------------------------------------------------------------ what happens

    def changed(self, row: Row, what: str, change: Change) -> None:
        """A row was changed."""
        if row.info.name not in ENTITIES or self.settings.silent:
            return
        kind = _TYPES[what]
        if self.settings.gaps:
            self.tell(row.info.name, f"GAP_{kind}", [row.id])
            return
        names = change.names if kind in ("CREATE", "UPDATE", "UNDELETE") else ()
        origin = _ORIGINS.get(change.actor.source, "com/salesforce/core")
        if change.actor.client:
            origin += f";client={change.actor.client}"
        self.tell(row.info.name, kind, [row.id], row=row, names=names, origin=origin, user=change.actor.user_id)

    def tell(
        self,
        entity: str,
        kind: str,
        ids: Sequence[str],
        *,
        row: Row | None = None,
        names: Sequence[str] = (),
        origin: str = "",
        user: str = "",
    ) -> None:
        """Publish one event."""
        info = self._org.objects[entity]
        schema = schema_of(info)
        nulled = [name for name in names if row is not None and row.values.get(name) is None]
        header = {
            "entityName": entity,
            "recordIds": list(ids),
            "changeType": kind,
            "changeOrigin": origin,
            "transactionKey": f"{next(self._counter):08x}-sandbox",
            "sequenceNumber": 1,
            "commitTimestamp": self._org.now(),
            "commitNumber": 1_000_000 + self._last,
            "commitUser": user or self._org.me,
            "nulledFields": schema.bitmaps(nulled) if kind == "UPDATE" else [],
            "diffFields": [],
            "changedFields": schema.bitmaps(names) if kind == "UPDATE" else [],
        }
        values = {name: row.values.get(name) for name in names} if row is not None else {}
        self._publish(entity, schema, schema.event(header, values, info))

    def garble(self, entity: str) -> None:
        """Publish an event that nobody can decode."""
        self._publish(entity, schema_of(self._org.objects[entity]), b"\xff\x00\xff")

    def expire(self) -> int:
        """Forget every event, as if its time had come; gives how many."""
        with self.moved:
            gone = len(self._kept)
            self._kept.clear()
            self._floor = self._last + 1
            return gone

    def disconnect(self) -> None:
        """End every subscription, as maintenance does."""
        with self.moved:
            self.generation += 1
            self.moved.notify_all()

    def state(self) -> dict[str, Any]:
        """Settings, what is kept, who follows."""
        with self.moved:
            return {
                "settings": asdict(self.settings),
                "kept": len(self._kept),
                "last": self._last,
                "subscribers": self.subscribers,
                "subscriptions": self.subscriptions,
            }

    # ------------------------------------------------------------------ what is heard

    @property
    def last(self) -> int:
        """The number of the latest event."""
        return self._last

    @property
    def oldest(self) -> int:
        """Behind this number everything is kept."""
        self._drop_old()
        return self._kept[0].number - 1 if self._kept else self._last

    def place(self, replay_id: bytes) -> int:
        """The number behind which a replay id says to go on; `ReplayError`."""
        number = int.from_bytes(replay_id, "big") if len(replay_id) == 10 else -1
        self._drop_old()
        given = number in (_START, self._last) or any(one.number == number for one in self._kept)
        if not given or number < self._floor:
            raise ReplayError
        return number

    def behind(self, number: int, most: int) -> list[Event]:
        """The next events behind a place."""
        found = (one for one in self._kept if one.number > number)
        return list(itertools.islice(found, min(most, self.settings.batch)))

    def schema(self, schema_id: str) -> Schema | None:
        """A schema that an event was written by."""
        return self._schemas.get(schema_id)

    def _publish(self, entity: str, schema: Schema, payload: bytes) -> None:
        self._schemas[schema.id] = schema
        with self.moved:
            self._last += self._rng.randint(1, 9)
            one = Event(
                number=self._last,
                at=self._org.now(),
                id=f"event-{self._last}",
                entity=entity,
                schema_id=schema.id,
                payload=payload,
            )
            self._kept.append(one)
            self._drop_old()
            self.moved.notify_all()

    def _drop_old(self) -> None:
        oldest = self._org.now() - self.settings.kept_seconds * 1000
        while self._kept and self._kept[0].at < oldest:
            self._floor = self._kept.popleft().number + 1

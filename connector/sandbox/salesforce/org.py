"""The world of one Salesforce org: objects, rows, users, rules, the ledger; every change goes through here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.dice import seeded
from connector.sandbox.ledger import Ledger
from connector.sandbox.salesforce import derived
from connector.sandbox.salesforce.ids import made_id
from connector.sandbox.salesforce.rules import Rules
from connector.sandbox.salesforce.schema import ObjectInfo
from connector.sandbox.salesforce.settings import OrgSettings
from connector.sandbox.salesforce.tables import HISTORIES, standard_objects
from connector.sandbox.salesforce.wire import Actor

Values = dict[str, Any]
#: what is told after a change: the row, created | updated | deleted | undeleted, and who changed which fields
Listener = Callable[["Row", str, "Change"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed which fields of a row."""

    actor: Actor
    names: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def stamp(ms: int) -> str:
    """`2021-12-03T17:59:20.000+0000`: the form in which Salesforce prints a datetime; whole seconds."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


@dataclass(slots=True, eq=False)
class Row:
    """One record. A blank field is absent from `values`."""

    info: ObjectInfo
    id: str
    values: Values = field(default_factory=dict)

    @property
    def deleted(self) -> bool:
        """In the recycle bin."""
        return bool(self.values.get("IsDeleted"))

    def get(self, name: str) -> Any:
        """A field's value; None for blank, False for a box that is not ticked."""
        value = self.values.get(name)
        if value is None and (found := self.info.fields.get(name)) is not None and found.type == "boolean":
            return False
        return value


class Org:
    """A Salesforce org in memory."""

    def __init__(self, settings: OrgSettings | None = None) -> None:
        self.settings = settings or OrgSettings()
        self.lock = threading.RLock()
        self.clock = SandboxClock()
        self.rng = seeded(self.settings.seed)
        self.ledger = Ledger()
        self.objects: dict[str, ObjectInfo] = standard_objects()
        self._by_lower = {name.lower(): info for name, info in self.objects.items()}
        self._by_prefix: dict[str, ObjectInfo] = {}
        for info in self.objects.values():
            self._by_prefix.setdefault(info.prefix, info)
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in self.objects}
        self._counters = dict.fromkeys(self.objects, 0)
        self._unique: dict[tuple[str, str], dict[str, str]] = {}
        self.rules = Rules()
        #: object → custom fields made over the API that no permission set shows to our user yet
        self.ungranted: dict[str, set[str]] = {}
        #: ids that somebody holds locked
        self.locked: set[str] = set()
        self.listeners: list[Listener] = []
        self.id = made_id("00D", 4711)
        self.system = Actor(source="SYSTEM", user_id="", label="system")
        from connector.sandbox.salesforce import setup

        #: the user that our app runs as, and an admin whose hands do what people do
        self.me, self.admin = setup.furnish(self)

    # ------------------------------------------------------------------ look-ups

    def now(self) -> int:
        """The sandbox's present in milliseconds."""
        return self.clock.now_ms()

    def object(self, name: str) -> ObjectInfo | None:
        """An object by name in any case."""
        return self._by_lower.get(name.lower())

    def object_of(self, record_id: str) -> ObjectInfo | None:
        """The object that an id belongs to, by its key prefix."""
        return self._by_prefix.get(record_id[:3])

    def find(self, record_id: str) -> Row | None:
        """A row by its 18-character id, deleted or not."""
        info = self.object_of(record_id)
        return None if info is None else self.tables[info.name].get(record_id)

    def rows(self, name: str, *, deleted: bool = False) -> Iterable[Row]:
        """The rows of an object; with `deleted`, those in the recycle bin too."""
        return (row for row in self.tables[name].values() if deleted or not row.deleted)

    def holder(self, name: str, field_name: str, value: Any) -> Row | None:
        """The live row that has this unique value (case does not count)."""
        found = self._unique.get((name, field_name), {}).get(str(value).lower())
        return None if found is None else self.tables[name].get(found)

    def hidden(self, info: ObjectInfo, field_name: str) -> bool:
        """True for a field that the integration user's profile does not see."""
        if field_name in self.ungranted.get(info.name, ()):
            return True
        return field_name in self.settings.hidden_fields.get(info.name, ())

    def enforces(self, info: ObjectInfo, field_name: str) -> bool:
        """True for a field in which two rows cannot have one value."""
        found = info.fields[field_name]
        return found.unique and (info.name not in ("Task", "Event") or self.settings.activities_enforce_unique)

    # ------------------------------------------------------------------ changes

    def create(self, info: ObjectInfo, values: Values, actor: Actor) -> Row:
        """Make a row of checked values."""
        now = stamp(self.now())
        self._counters[info.name] += 1
        row = Row(info, made_id(info.prefix, self._counters[info.name]))
        who = actor.user_id or self.me_id
        row.values = {name: one.default for name, one in info.fields.items() if one.default is not None}
        if row.values.get("OwnerId") == "me":
            row.values["OwnerId"] = who
        row.values |= {name: value for name, value in values.items() if value is not None}
        row.values |= {"Id": row.id, "CreatedDate": now, "CreatedById": who, "SystemModstamp": now}
        row.values |= {"LastModifiedDate": now, "LastModifiedById": who}
        row.values |= derived.derived(self, row, row.values)
        self.tables[info.name][row.id] = row
        self._index(row)
        if info.name not in _SILENT:
            changes = {name: [None, _text(value)] for name, value in values.items() if value is not None}
            self.ledger.add(at=self.now(), method="create", actor=actor, type=info.name, id=row.id, changes=changes)
            derived.follow(self, row)
            self._tell(row, "created", Change(actor=actor, names=tuple(row.values)))
        return row

    @property
    def me_id(self) -> str:
        """The integration user; "" while the org is being furnished."""
        return getattr(self, "me", "")

    def write(self, row: Row, values: Values, actor: Actor, *, method: str = "update") -> None:
        """Apply checked values (None clears)."""
        now, who = stamp(self.now()), actor.user_id or self.me_id
        changes = {name: [row.get(name), value] for name, value in values.items() if row.get(name) != value}
        unchanged = [name for name in values if name not in changes]
        self.unindex(row)
        for name, (before, after) in changes.items():
            self._remember(row, name, before, after, actor)
            self._put(row, name, after)
        worked_out = derived.derived(self, row, {name: after for name, (_, after) in changes.items()})
        for name, value in worked_out.items():
            self._put(row, name, value)
        row.values |= {"LastModifiedDate": now, "LastModifiedById": who, "SystemModstamp": now}
        self._index(row)
        self.ledger.add(
            at=self.now(),
            method=method,
            actor=actor,
            type=row.info.name,
            id=row.id,
            changes={name: [_text(before), _text(after)] for name, (before, after) in changes.items()},
            unchanged=unchanged,
        )
        derived.follow(self, row)
        names = (*changes, *(name for name in worked_out if name not in changes), "LastModifiedDate")
        self._tell(row, "updated", Change(actor=actor, names=names))

    def delete(self, row: Row, actor: Actor, *, master: str | None = None) -> None:
        """Into the recycle bin; `master` is the winner of a merge."""
        self.unindex(row)
        row.values["IsDeleted"] = True
        if master is not None:
            row.values["MasterRecordId"] = master
        row.values["SystemModstamp"] = stamp(self.now())
        self.ledger.add(at=self.now(), method="delete", actor=actor, type=row.info.name, id=row.id)
        self._tell(row, "deleted", Change(actor=actor))

    def undelete(self, row: Row, actor: Actor) -> None:
        """Back from the recycle bin."""
        row.values.pop("IsDeleted", None)
        row.values.pop("MasterRecordId", None)
        row.values["SystemModstamp"] = stamp(self.now())
        self._index(row)
        self.ledger.add(at=self.now(), method="undelete", actor=actor, type=row.info.name, id=row.id)
        self._tell(row, "undeleted", Change(actor=actor, names=tuple(row.values)))

    def purge(self) -> int:
        """Empty the recycle bin; gives how many rows are gone for good."""
        gone = [row for name in self.tables for row in self.rows(name, deleted=True) if row.deleted]
        for row in gone:
            del self.tables[row.info.name][row.id]
        return len(gone)

    def unindex(self, row: Row) -> None:
        """Free the unique values of a row."""
        for name, value in row.values.items():
            index = self._unique.get((row.info.name, name))
            if index is not None and index.get(str(value).lower()) == row.id:
                del index[str(value).lower()]

    def restore(self, tables: dict[str, dict[str, Row]], values: list[tuple[Row, Values]]) -> None:
        """Put back what there was (see `transaction.py`)."""
        self.tables = tables
        for row, before in values:
            row.values = before
        self._unique.clear()
        for table in tables.values():
            for row in table.values():
                self._index(row)

    # ------------------------------------------------------------------ inside

    @staticmethod
    def _put(row: Row, name: str, value: Any) -> None:
        if value is None:
            row.values.pop(name, None)
        else:
            row.values[name] = value

    def _index(self, row: Row) -> None:
        for name, one in row.info.fields.items():
            value = row.values.get(name)
            if value is not None and (one.unique or one.external_id) and not row.deleted:
                self._unique.setdefault((row.info.name, name), {}).setdefault(str(value).lower(), row.id)

    def _remember(self, row: Row, name: str, before: Any, after: Any, actor: Actor) -> None:
        """A row of the object's history, where the field's is kept."""
        if row.info.name not in HISTORIES or name not in self.settings.tracked_fields.get(row.info.name, ())[:20]:
            return
        history, parent, _ = HISTORIES[row.info.name]
        said = {"OldValue": _text(before), "NewValue": _text(after), "DataType": "Text"}
        field_name = {"OwnerId": "Owner", "AccountId": "Account"}.get(name, name)
        self.create(self.objects[history], {parent: row.id, "Field": field_name, **said}, actor)

    def _tell(self, row: Row, what: str, change: Change) -> None:
        for listener in self.listeners:
            listener(row, what, change)


#: made by the org itself: no ledger, no messages
_SILENT = frozenset(history for history, _, _ in HISTORIES.values())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)

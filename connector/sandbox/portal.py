"""The portal: all state of the sandbox and the only place where records change.

Every change writes history, ledger, search lag, unique index and webhook events. Callers hold `portal.lock`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from connector.sandbox import derived, lifecycle, links
from connector.sandbox.clock import SandboxClock, iso
from connector.sandbox.definitions import PropertyDefinition, standard_properties
from connector.sandbox.dice import seeded
from connector.sandbox.forms_data import FormDefinition, Submission
from connector.sandbox.ledger import Ledger
from connector.sandbox.lists_data import Enrollment, RecordList, Sequence
from connector.sandbox.object_types import OBJECT_TYPES, ObjectType, object_type
from connector.sandbox.owners_data import DISPOSITIONS, Owner, Team
from connector.sandbox.pipelines_data import Pipeline, standard_pipelines
from connector.sandbox.record import Record
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.webhooks import Webhooks
from connector.sandbox.wire import Actor, refusal

FREE_MAIL = frozenset(("gmail.com", "yahoo.co.jp", "outlook.jp", "hotmail.com", "icloud.com"))
SYSTEM = Actor(source="CALCULATED", source_id="sandbox", label="sandbox")


@dataclass
class Table:
    """The records of one type; ids ascend as they are made."""

    records: dict[int, Record] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)
    next_id: int = 0


class Portal:
    """A HubSpot account in memory."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self.lock = threading.RLock()
        self.clock = SandboxClock()
        self.rng = seeded(self.settings.seed)
        self.ledger = Ledger()
        self.tables = {one.name: Table(next_id=one.first_id) for one in OBJECT_TYPES}
        self.definitions: dict[str, dict[str, PropertyDefinition]] = {
            one.name: standard_properties(one.name) for one in OBJECT_TYPES
        }
        self.groups: dict[str, dict[str, str]] = {
            name: {one.group: one.group for one in found.values()} for name, found in self.definitions.items()
        }
        self.owners: dict[str, Owner] = {}
        self.teams: dict[str, Team] = {}
        self.pipelines: dict[str, dict[str, Pipeline]] = standard_pipelines()
        #: outcomes of calls: id -> label
        self.dispositions: dict[str, str] = dict(DISPOSITIONS)
        self.lists: dict[str, RecordList] = {}
        self.sequences: dict[str, Sequence] = {}
        #: contact -> the sequence that it is in
        self.enrollments: dict[int, Enrollment] = {}
        self.forms: dict[str, FormDefinition] = {}
        self.submissions: dict[str, list[Submission]] = {}
        #: (type, property) -> value -> id
        self.unique: dict[tuple[str, str], dict[str, int]] = {("contacts", "email"): {}}
        self.company_by_domain: dict[str, int] = {}
        #: (type, id that was merged away) -> id of the winner
        self.aliases: dict[tuple[str, int], int] = {}
        #: custom association types: id -> (from, to, inverse id, label)
        self.labels: dict[int, tuple[str, str, int, str]] = {}
        self.webhooks = Webhooks(self.settings, self.clock)

    # ------------------------------------------------------------------ look-ups

    def now(self) -> int:
        """The sandbox's present in milliseconds."""
        return self.clock.now_ms()

    def find(self, kind: ObjectType, record_id: int) -> Record | None:
        """The record, or the winner it was merged into; archived ones too."""
        found = self.tables[kind.name].records.get(record_id)
        if found is None and self.aliases:
            winner = self.aliases.get((kind.name, record_id))
            while winner is not None and (kind.name, winner) in self.aliases:
                winner = self.aliases[(kind.name, winner)]
            if winner is not None:
                found = self.tables[kind.name].records.get(winner)
        return found

    def find_by(self, kind: ObjectType, id_property: str, value: str) -> Record | None:
        """By a unique property (or `email`, `hs_object_id`); 400 when the property is not unique."""
        if id_property in ("", "hs_object_id"):
            return self.find(kind, int(value)) if value.isdigit() and len(value) < 19 else None
        index = self.unique.get((kind.name, id_property))
        if index is None:
            raise refusal(
                400,
                f"Unable to find objects by non-unique {kind.type_id} property {id_property} "
                f"in portal ID {self.settings.portal_id}",
            )
        found = index.get(value.strip().lower() if id_property == "email" else value)
        return None if found is None else self.find(kind, found)

    def page(self, kind: ObjectType, after: int, limit: int, archived: bool) -> tuple[list[Record], int | None]:
        """`limit` records with id ≥ `after`, and where the next page begins."""
        table = self.tables[kind.name]
        rows: list[Record] = []
        for position in range(bisect_left(table.ids, after), len(table.ids)):
            record = table.records.get(table.ids[position])
            if record is None or record.archived != archived:
                continue
            if len(rows) == limit:
                return rows, rows[-1].id + 1
            rows.append(record)
        return rows, None

    def pairs_of_type(self, type_id: int) -> list[tuple[str, str]]:
        """The (from, to) pairs of an association type id."""
        if type_id in self.labels:
            return [self.labels[type_id][:2]]
        return links.PAIRS_OF_TYPE.get(type_id, [])

    def inverse(self, type_id: int) -> int:
        """The type id seen from the other side."""
        if type_id in self.labels:
            return self.labels[type_id][2]
        return links.INVERSE.get(type_id, type_id)

    # ------------------------------------------------------------------ changes

    def new_id(self, kind: ObjectType) -> int:
        """The next id of a type; gaps as in a busy portal."""
        table = self.tables[kind.name]
        table.next_id += 1 + (self.rng.randrange(6) if self.rng.random() < 0.1 else 0)
        return table.next_id

    def insert(self, record: Record) -> None:
        """Put a ready record into its table and indexes, without ledger or events."""
        table = self.tables[record.kind.name]
        table.records[record.id] = record
        if not table.ids or record.id > table.ids[-1]:
            table.ids.append(record.id)
        else:
            table.ids.insert(bisect_left(table.ids, record.id), record.id)
        self._index(record, record.props, remove=False)

    def create(self, kind: ObjectType, values: dict[str, str], actor: Actor, at: int | None = None) -> Record:
        """Make a record of checked values: ledger, search lag and events included."""
        now = self.now() if at is None else at
        record = Record(kind=kind, id=self.new_id(kind), props={}, created=now, updated=now, origin=actor)
        given = {name: value for name, value in values.items() if value != ""}
        record.props = self._initial(record, given, now)
        self.insert(record)
        if self.settings.search_lag_seconds > 0:
            record.unindexed.append((self._visible_at(now), None))
        changes: dict[str, list[str | None]] = {name: [None, value] for name, value in given.items()}
        self.ledger.add(at=now, method="create", actor=actor, type=kind.name, id=record.id, changes=changes)
        self.webhooks.created(record, self._shown_changes(record, given), actor, now)
        return record

    def write(
        self, record: Record, values: dict[str, str], actor: Actor, method: str = "update"
    ) -> dict[str, list[str | None]]:
        """Apply checked values ("" clears); gives {property: [before, after]} of what really changed."""
        now = self.now()
        changes: dict[str, list[str | None]] = {}
        unchanged: list[str] = []
        moved = False
        for name, value in values.items():
            before = record.props.get(name)
            if name == lifecycle.STAGE and self._keeps_stage(record, before, value):
                record.remember(name, before, now, actor)
                moved = True
                unchanged.append(name)
            elif before == (value or None):
                unchanged.append(name)
            else:
                changes[name] = [before, value or None]
        self.ledger.add(
            at=now,
            method=method,
            actor=actor,
            type=record.kind.name,
            id=record.id,
            changes=changes,
            unchanged=unchanged,
        )
        if changes or moved:
            self.apply(record, changes, actor, now)
        return changes

    def apply(self, record: Record, changes: dict[str, list[str | None]], actor: Actor, now: int) -> None:
        """Carry out changes that are already decided; calculated properties follow."""
        changes = dict(changes)
        for name, value in derived.derived(self, record, changes, now).items():
            changes[name] = [record.props.get(name), value or None]
        before_all: dict[str, str | None] = {name: before for name, (before, _) in changes.items()}
        before_all[record.kind.modified] = record.props.get(record.kind.modified)
        self._index(record, changes, remove=True)
        for name, (_, after) in changes.items():
            record.remember(name, after, now, actor)
            if after is None:
                record.props.pop(name, None)
            else:
                record.props[name] = after
        record.props[record.kind.modified] = iso(now)
        record.updated = now
        self._index(record, changes, remove=False)
        if self.settings.search_lag_seconds > 0:
            if len(record.unindexed) > 3:
                record.unindexed = [entry for entry in record.unindexed if entry[0] > now]
            record.unindexed.append((self._visible_at(now), before_all))
        self.webhooks.changed(record, changes, actor, now, self.definitions[record.kind.name])

    def archive(self, record: Record, actor: Actor) -> None:
        """Put into the recycle bin; associations are hidden, not lost."""
        now = self.now()
        self._index(record, record.props, remove=True)
        record.archived = True
        record.archived_at = now
        record.updated = now
        if self.settings.search_lag_seconds > 0:
            record.unindexed.append((self._visible_at(now), {}))
        self.ledger.add(at=now, method="archive", actor=actor, type=record.kind.name, id=record.id)
        self.webhooks.simple(record, "deletion", actor, now)
        if record.kind.name == "companies":
            self._follow_company(record, actor, now, None)
        self._recount(record, actor, now)

    def restore(self, record: Record, actor: Actor) -> None:
        """Back from the recycle bin."""
        now = self.now()
        record.archived = False
        record.updated = now
        self._index(record, record.props, remove=False)
        self.ledger.add(at=now, method="restore", actor=actor, type=record.kind.name, id=record.id)
        self.webhooks.simple(record, "restore", actor, now)
        if record.kind.name == "companies":
            self._follow_company(record, actor, now, str(record.id))
        self._recount(record, actor, now)

    def linked(self, frm: Record, to: Record, type_ids: Iterable[int], actor: Actor, *, removed: bool) -> None:
        """After an association changed: ledger, events, the contact's primary company."""
        now = self.now()
        marks = sorted(type_ids)
        self.ledger.add(
            at=now,
            method="disassociate" if removed else "associate",
            actor=actor,
            type=frm.kind.name,
            id=frm.id,
            detail={"to_type": to.kind.name, "to_id": str(to.id), "type_ids": marks},
        )
        self.webhooks.associated(frm, to, set(marks), actor, now, removed=removed)
        for record in (frm, to):
            changes = derived.counted(self, record)
            if record.kind.name == "contacts":
                company = links.primary_company(record)
                value = None if company is None else str(company)
                if record.props.get("associatedcompanyid") != value:
                    changes["associatedcompanyid"] = [record.props.get("associatedcompanyid"), value]
            if changes:
                self.apply(record, changes, actor, now)

    def unindex(self, record: Record) -> None:
        """Free the unique values of a record that goes away."""
        self._index(record, record.props, remove=True)

    # ------------------------------------------------------------------ inside

    def _visible_at(self, now: int) -> int:
        return now + int(self.settings.search_lag_seconds * 1000)

    def _keeps_stage(self, record: Record, before: str | None, value: str) -> bool:
        definition = self.definitions[record.kind.name].get(lifecycle.STAGE)
        return definition is not None and lifecycle.moves_backward(definition, before, value)

    def _initial(self, record: Record, given: dict[str, str], now: int) -> dict[str, str]:
        kind = record.kind
        stamp = iso(now)
        props = {
            kind.created: stamp,
            kind.modified: stamp,
            "hs_object_id": str(record.id),
            "hs_object_source": record.origin.source,
            "hs_object_source_id": record.origin.source_id,
            "hs_object_source_label": record.origin.source,
        }
        if kind.name in ("contacts", "companies"):
            props["hs_pipeline"] = f"{kind.name}-lifecycle-pipeline"
            if self.settings.default_lifecycle:
                props[lifecycle.STAGE] = self.settings.default_lifecycle
        if kind.name == "deals":
            props["pipeline"] = "default"
        if kind.name == "contacts":
            props |= {"hs_is_contact": "true", "hs_is_unworked": "true"}
        if kind.name == "companies" and given.get("domain"):
            props["website"] = given["domain"]
        props |= given
        as_changes: dict[str, list[str | None]] = {name: [None, value] for name, value in props.items()}
        props |= {name: value for name, value in derived.derived(self, record, as_changes, now).items() if value}
        return props

    def _shown_changes(self, record: Record, given: dict[str, str]) -> dict[str, str]:
        shown = dict(given)
        if lifecycle.STAGE in record.props:
            shown.setdefault(lifecycle.STAGE, record.props[lifecycle.STAGE])
        definitions = self.definitions[record.kind.name]
        return {name: self.webhooks.value(definitions.get(name), value) for name, value in shown.items()}

    def _index(self, record: Record, names: Iterable[str], *, remove: bool) -> None:
        kind = record.kind.name
        for name in names:
            value = record.props.get(name)
            if value is None:
                continue
            if name == "hs_additional_emails":
                self._index_mails(value, record.id, remove=remove)
                continue
            index = self.unique.get((kind, name))
            if index is None and kind == "companies" and name == "domain":
                index = self.company_by_domain
            if index is None:
                continue
            if not remove:
                index.setdefault(value, record.id)
            elif index.get(value) == record.id:
                del index[value]

    def _index_mails(self, listed: str, record_id: int, *, remove: bool) -> None:
        """Secondary addresses, as merges leave them, find the contact like its first one."""
        index = self.unique[("contacts", "email")]
        for address in listed.split(";"):
            if not remove:
                index.setdefault(address, record_id)
            elif index.get(address) == record_id:
                del index[address]

    def _follow_company(self, company: Record, actor: Actor, now: int, value: str | None) -> None:
        """The contacts of a company that goes (or comes back) lose (or get) it as their primary one."""
        for contact_id in company.links.get("contacts", {}):
            contact = self.find(object_type("contacts"), contact_id)
            if contact is not None and links.primary_company(contact) == company.id:
                before = contact.props.get("associatedcompanyid")
                if before != value:
                    self.apply(contact, {"associatedcompanyid": [before, value]}, actor, now)

    def _recount(self, record: Record, actor: Actor, now: int) -> None:
        """The records that count this one, which has gone or come back, count again."""
        for type_name, found in record.links.items():
            if record.kind.name in derived.COUNTS.get(type_name, {}).values():
                for other_id in found:
                    other = self.find(object_type(type_name), other_id)
                    changes = derived.counted(self, other) if other is not None else {}
                    if other is not None and changes:
                        self.apply(other, changes, actor, now)

    def type_named(self, name: str) -> ObjectType:
        """See `object_type`."""
        return object_type(name)

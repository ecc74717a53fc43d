"""The kinds of records that we make in a CRM, and how each is kept: tasks, deals, notes.

A task is ours for as long as it is open: owner, due date and closing follow the state. A deal is people's from the
moment it stands, but for an owner whom a pool gives. A note is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from connector.domain.effects import WorkState
from connector.store.managed import ManagedRow
from connector.sync.binding import Binding
from connector.vendors.base import Record
from connector.vendors.dialect import Dialect

CONTACT, COMPANY = "contact", "company"
"""What a policy's `associate` may name."""

REUSED = "reused"
"""In a deal's managed mirror: when it was taken, since it stood already; it stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What a record of ours may be associated with: the person, its company, and a deal where one is meant."""

    person: str
    company: str | None
    deal: str | None


class Kind(Protocol):
    """One kind of record of ours."""

    kind: str  #: How our store names it; two kinds may be of one object type at the vendor.
    object_type: str
    properties: tuple[str, ...]  #: Read of a record that is looked up.

    def content(self, record: ManagedRow) -> dict[str, str]:
        """Its properties as it is made."""

    def changes(self, record: ManagedRow) -> dict[str, str]:
        """What of them has to be changed now; what people did with it stands."""

    def shown(self, record: ManagedRow, changes: Mapping[str, str]) -> Mapping[str, str]:
        """What the CRM shows of what is ours once these changes are made."""

    def report(self, shown: Record) -> str:
        """`open` or `done`, as the CRM shows it."""

    def ends(self, record: ManagedRow, ends: Ends) -> tuple[tuple[str, str], ...]:
        """What it is associated with when it is made: (object type, id)."""

    def flaw(self, record: ManagedRow) -> str | None:
        """Why it cannot be made in this account; None: it can."""


def is_open(record: ManagedRow) -> bool:
    """True while it is to exist."""
    return record.desired_state == WorkState.OPEN.value


def says_same(dialect: Dialect, name: str, one: str | None, other: str | None) -> bool:
    """Whether two values of a record of ours say the same: each CRM writes a moment in its own way, and leaves out what
    is false."""
    if name == dialect.task_due_property and one and other:
        return dialect.moment(one) == dialect.moment(other)
    return one == other or {one or "false", other or "false"} == {"false"}


def differing(dialect: Dialect, record: ManagedRow, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the wanted values that the CRM does not show."""
    shown = record.mirror
    return {name: value for name, value in wanted.items() if not says_same(dialect, name, shown.get(name), value)}


class TaskKind:
    """Tasks for people."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.kind = self.object_type = dialect.task_type
        self.properties: tuple[str, ...] = dialect.task_properties

    def content(self, record: ManagedRow) -> dict[str, str]:
        """See `Kind.content`."""
        return self._dialect.task_content(record.desired, record.desired_state)

    def changes(self, record: ManagedRow) -> dict[str, str]:
        """See `Kind.changes`."""
        ended = record.desired_state in (WorkState.DONE.value, WorkState.SETTLED.value)
        if ended or record.reported == "done":
            return {}
        wanted = self.content(record)
        return differing(self._dialect, record, wanted) if record.mirror else wanted

    def shown(self, record: ManagedRow, changes: Mapping[str, str]) -> Mapping[str, str]:
        """All of a task is ours."""
        return self.content(record)

    def report(self, shown: Record) -> str:
        """See `Kind.report`."""
        return self._dialect.task_report(shown)

    def ends(self, record: ManagedRow, ends: Ends) -> tuple[tuple[str, str], ...]:
        """The person, and the deal that the task is about."""
        deal = [(self._dialect.deal.object_type, ends.deal)] if record.desired.get("of_deal") and ends.deal else []
        return ((self._dialect.person_type, ends.person), *deal)

    def flaw(self, record: ManagedRow) -> str | None:
        """A task can always be made."""
        return None


class DealKind:
    """Deals of hand-overs."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._words = binding.dialect.deal
        self.kind = self.object_type = self._words.object_type
        self.properties: tuple[str, ...] = (*self._words.properties, binding.dialect.key_property)

    def content(self, record: ManagedRow) -> dict[str, str]:
        """See `Kind.content`. What the policy writes on deals by itself is in it from the start."""
        stage = self._binding.deal_stage_ids.get(str(record.desired["stage"]))
        pipeline = self._binding.deal_pipeline
        content = self._binding.dialect.deal_content(
            record.desired, pipeline=pipeline.id if pipeline is not None else None, stage=stage
        )
        return content | self._binding.sender_properties(record.desired.get("sender"))

    def changes(self, record: ManagedRow) -> dict[str, str]:
        """The owner alone, and never that of a deal which stood already."""
        owner = record.desired.get("owner")
        if not owner or record.mirror.get(REUSED) or not is_open(record):
            return {}
        return differing(self._binding.dialect, record, {self._words.owner: str(owner)})

    def shown(self, record: ManagedRow, changes: Mapping[str, str]) -> Mapping[str, str]:
        """Only what we have just changed."""
        return changes

    def report(self, shown: Record) -> str:
        """A deal is nobody's to tick off."""
        return "open"

    def ends(self, record: ManagedRow, ends: Ends) -> tuple[tuple[str, str], ...]:
        """What the policy says: the person, its company."""
        wanted = record.desired["associate"]
        dialect = self._binding.dialect
        person = [(dialect.person_type, ends.person)] if CONTACT in wanted else []
        company = [(dialect.company_type, ends.company)] if COMPANY in wanted and ends.company else []
        return (*person, *company)

    def flaw(self, record: ManagedRow) -> str | None:
        """A deal needs its stage, which connecting creates."""
        return None if str(record.desired["stage"]) in self._binding.deal_stage_ids else "deal_stage_missing"


class NoteKind:
    """Notes on people and deals."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.kind, self.object_type = dialect.note_kind, dialect.note_type
        self.properties: tuple[str, ...] = (dialect.key_property,)

    def content(self, record: ManagedRow) -> dict[str, str]:
        """See `Kind.content`."""
        return self._dialect.note_content(record.desired)

    def changes(self, record: ManagedRow) -> dict[str, str]:
        """A note is written once."""
        return {}

    def shown(self, record: ManagedRow, changes: Mapping[str, str]) -> Mapping[str, str]:
        """Only what we have just changed."""
        return changes

    def report(self, shown: Record) -> str:
        """A note is nobody's to tick off."""
        return "open"

    def ends(self, record: ManagedRow, ends: Ends) -> tuple[tuple[str, str], ...]:
        """The person, and the deal that it is on."""
        deal = [(self._dialect.deal.object_type, ends.deal)] if ends.deal else []
        return ((self._dialect.person_type, ends.person), *deal)

    def flaw(self, record: ManagedRow) -> str | None:
        """A note can always be made."""
        return None


def kinds_of(binding: Binding) -> tuple[Kind, ...]:
    """In the order in which they are delivered: notes and tasks hang on deals."""
    return (DealKind(binding), TaskKind(binding.dialect), NoteKind(binding.dialect))

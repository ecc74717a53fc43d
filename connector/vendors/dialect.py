"""How a CRM writes things down: the `Dialect` protocol, and what it calls deals and activities. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.domain.value import Value
from connector.policy.model import FieldDef, Home
from connector.vendors.base import Activity, ActivityKind, InboundEvent, Record, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleWords:
    """The records of a CRM that say which person has which deal, where they are records of their own."""

    object_type: str
    person: str
    deal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealWords:
    """What a CRM calls a deal and its parts: names of properties."""

    object_type: str
    title: str
    stage: str
    pipeline: str
    amount: str
    owner: str
    created: str
    closed: str  #: "true" once it is won or lost.
    person_count: str | None  #: The person's property that counts its deals; None: nothing tells, so all are asked for.
    merged: str | None  #: The deals that people merged into it, by id with `;` between; None: deals are not merged.
    role: RoleWords | None = None  #: None: whoever gets a deal, or loses one, is changed by that, or an event tells.

    @property
    def properties(self) -> tuple[str, ...]:
        """What is always read of a deal, whatever the policy maps."""
        known = (self.title, self.stage, self.pipeline, self.amount, self.owner, self.created, self.closed)
        return known if self.merged is None else (*known, self.merged)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityWords:
    """What one type of activity can be, what is read of it, and what its stored outcomes are called everywhere.

    `outcomes`: stored value → words for it, in whatever language; an account's own labels come before them. Where they
    are `free`, people write whatever they like: a word that is not among them is what is stored.
    """

    kinds: tuple[ActivityKind, ...]
    properties: tuple[str, ...]
    outcomes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    free: bool = False


class Dialect(Protocol):
    """How a CRM writes things down: its object types, its strings, its names for what every CRM has. No I/O."""

    vendor: str
    person_type: str
    company_type: str
    task_type: str
    note_type: str
    note_kind: str  #: How our store names the notes that we write, where `note_type` is the tasks' too.
    deal: DealWords
    activities: Mapping[str, ActivityWords]  #: by object type
    person_properties: tuple[str, ...]  #: Always read of a person, whatever the policy maps.
    task_properties: tuple[str, ...]
    task_done_property: str  #: When a person completed it.
    task_due_property: str
    owner_property: str
    created_property: str
    email_property: str
    company_property: str  #: The person's property that names its primary company.
    #: The property of people and companies that lists those merged into them, by id with `;` between; None: none does.
    merged_property: str | None
    key_property: str  #: The property of what we make (tasks, deals, notes) that holds our unique key.
    forward_only: frozenset[str]  #: Stage properties that move forward only: to go back, clear first.
    converts: bool  #: A person's record may be converted into another one.
    stamps: timedelta  #: How coarse its moments of modification are: a change may have come so much later.

    def names_no_company(self, vendor_id: str) -> bool:
        """True for a person's record that has no place for a company's: it names its company in words only."""

    def homes(self, definition: FieldDef) -> Sequence[Home]:
        """Where a field lives at this vendor, by the object types that the sync knows."""

    def to_canonical(self, definition: FieldDef, home: Home, raw: str | None) -> Value:
        """The canonical value of a vendor string; BLANK for None, UNREADABLE for what cannot be understood."""

    def to_vendor(self, definition: FieldDef, home: Home, value: Value) -> str:
        """The string to write; '' clears."""

    def same(self, definition: FieldDef | None, one: str | None, other: str | None) -> bool:
        """True when the vendor would store both strings alike."""

    def moment(self, raw: str | None) -> datetime | None:
        """A vendor's date-time string (ISO or epoch milliseconds) in UTC."""

    def activity(self, record: Record, *, now: datetime) -> Activity | None:
        """What an activity's record tells as of now; None for one that says nothing (of ours, not sent, called off)."""

    def task_content(self, desired: Mapping[str, Any], state: str) -> dict[str, str]:
        """The properties of a task that should be so (`codec_work.encode_task`) and stand in this `WorkState`."""

    def deal_content(self, desired: Mapping[str, Any], *, pipeline: str | None, stage: str | None) -> dict[str, str]:
        """The properties of a deal as it is made (`codec_work.encode_deal`), in the account's pipeline and stage."""

    def note_content(self, desired: Mapping[str, Any]) -> dict[str, str]:
        """The properties of a note as it is made: {text, at}."""

    def partner_record(self, vendor_id: str, properties: Mapping[str, str | None]) -> str | None:
        """By what the CRMs' own integration tells which records are one person: the record's id in the CRM that names
        none itself. None where the record is not linked."""

    def owner(self, raw: str | None) -> str | None:
        """The person whom a stored owner names; None where nobody has taken a record yet, whoever it lies with."""

    def record_link(self, object_type: str, vendor_id: str) -> str | None:
        """Where people open a record in the CRM; None where the account's address is not known."""

    def task_report(self, record: Record) -> str:
        """`open` or `done`, as the CRM shows the task."""

    def submission_told(self, event: InboundEvent) -> Submission | None:
        """The form submission that a single property change tells of."""

    def submission(self, record: Record) -> Submission | None:
        """The latest form submission that a person's record tells of."""

    def came_in(self, record: Record) -> datetime | None:
        """When somebody came in as this record, where that counts as a signal by what the record says (a Web-to-Lead
        form, an import); None: it does not at this vendor, or not for such a record."""

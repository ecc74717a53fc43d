"""What the sync asks of a CRM: the `Vendor` protocol and the plain records that pass through it.

Values are the vendor's own strings (None: blank); each vendor's `fields.py` maps them to canonical ones. Every method
takes any number of ids, chunks to the vendor's batch size, keeps several requests in flight, never two that touch one
record, and takes its tokens from the connection's shared buckets. Methods raise only `RetryableError`, `AuthError` or
`QuotaError` for a whole call; the rest comes back per record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from connector.vendors.campaigns import Campaigns
    from connector.vendors.sheet import Coming

Properties = Mapping[str, str | None]


class EventKind(Enum):
    """What an inbound event says happened."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    RESTORED = "restored"
    MERGED = "merged"
    ERASED = "erased"  #: Privacy deletion: forget the person.
    ASSOCIATED = "associated"
    SUBMITTED = "submitted"  #: A form was submitted.
    MISSED = "missed"  #: Events of this type were lost since `occurred_at`: look for what changed.
    OVERFLOWED = "overflowed"  #: So much of this type changed that no record is named: look through all of it.
    UNKNOWN = "unknown"  #: A type we do not know: kept and counted.


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """One event out of a delivery, in common words. `key` is the hash of the canonical event without attempt numbers.

    `object_type` is ours: contact | company | deal | task | note | call | email | meeting | communication | other.
    `actor_is_us` says that the vendor names our own app as the source; it is a hint, never proof.
    """

    key: bytes  #: 16 bytes; equal for the same event delivered again.
    kind: EventKind
    account_id: str
    object_type: str
    object_id: str | None
    occurred_at: datetime
    property_name: str | None = None
    value: str | None = None  #: The vendor's string; None for absent or redacted.
    redacted: bool = False
    source: str | None = None  #: The vendor's word for who did it, such as CRM_UI, FORM, INTEGRATION.
    source_id: str | None = None
    actor_is_us: bool = False
    may_be_us: bool = False  #: It came under our name, and so do others' changes that follow from ours.
    shows_state: bool = False  #: It tells what stands in the record, and of the last change who made it.
    actor_is_person: bool = False
    person: str | None = None  #: The vendor's id of the user who did it, where it names one.
    is_bulk: bool = False  #: One of thousands (an import, a program): nobody waits for it.
    merged_ids: tuple[str, ...] = ()
    new_id: str | None = None  #: The record that holds everything after a merge.
    other_type: str | None = None  #: ASSOCIATED: the other side.
    other_id: str | None = None
    removed: bool = False  #: ASSOCIATED: the association was taken away.
    type_name: str = ""  #: The vendor's own name for the event type.
    submission: Submission | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One form submission, however learnt. `values` holds the form's fields by vendor property name."""

    form_id: str | None
    form_name: str | None
    submitted_at: datetime
    email: str | None
    submission_id: str | None = None  #: HubSpot's conversionId; None where the way of learning has none.
    contact_id: str | None = None
    page: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One past value of a property, newest first in `Record.history`."""

    value: str | None
    at: datetime
    source: str | None
    source_id: str | None
    by_us: bool
    by_person: bool
    by_merge: bool = False  #: Another record was merged into this one, and its value was kept.


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """The record that stands for another one now: for a lead that was converted, or what people merged away."""

    id: str
    goes_on: bool  #: That one's history goes on in it (a conversion); in a merge people kept this one's.


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as read. A property that was asked for and is absent from `properties` could not be read."""

    object_type: str
    id: str
    properties: Properties
    modified_at: datetime | None
    modified_by: str | None = None  #: Who saved it last, by the CRM's id of the user, where that is told and not us.
    archived: bool = False
    history: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    became: Became | None = None  #: It is a name of the past: this record carries on for it.


class ActivityKind(Enum):
    """What people do with a lead, in the policy's words."""

    CALL = "call"
    MAIL = "mail"
    SOCIAL = "social"
    MEETING = "meeting"
    MAIL_REPLY = "mail_reply"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One thing that an activity was: with this outcome, as the vendor stores it, at this moment."""

    at: datetime
    outcome: str | None
    plain: bool  #: It is the one that counts where no outcome is asked for.


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A call, mail, message, meeting or note of people, as the CRM keeps it."""

    kind: ActivityKind
    occurrences: tuple[Occurrence, ...]
    owner: str | None
    length_seconds: float | None = None
    again_at: datetime | None = None  #: It counts otherwise from then on: look again (a meeting that has not begun).


class Outcome(Enum):
    """What became of one record's write."""

    APPLIED = "applied"  #: The vendor says it is done; `record` shows what it stored.
    REJECTED = "rejected"  #: Never retried as it is: `property_name` is at fault where the vendor names one.
    RETRY = "retry"  #: Not applied; the same write may succeed later.
    UNCERTAIN = "uncertain"  #: It may have been applied: look before doing it again.
    MISSING = "missing"  #: The record does not exist (any more).


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """The outcome for one input, in the order of the inputs (vendors answer in another order)."""

    id: str  #: The record's id; for a create that was not applied, its key.
    outcome: Outcome
    record: Record | None = None
    before: Record | None = None  #: What stood right before the write, where the vendor can be asked in the same call.
    reason: str | None = None  #: Machine word, such as invalid_option, unknown_property, conflict.
    message: str | None = None  #: For people; holds no person's data.
    property_name: str | None = None
    retry_after_seconds: float | None = None
    existing_id: str | None = None  #: CONFLICT: the record that already has this unique value.
    became: str | None = None  #: The person for whom it was made has become this record by it.
    together: bool = False  #: RETRY of a call that failed as a whole, with others: nothing is said of this record.


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Set these properties ('' clears) on one record."""

    id: str
    properties: Mapping[str, str]
    known_at: datetime | None = None  #: Its last known change: who can refuses what was changed later.


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Create one record with its associations in the same call. `key` is our unique key, also stored in a property."""

    key: str
    properties: Mapping[str, str]
    associate: tuple[tuple[str, str], ...]  #: (object type, id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A person who may own records. `teams` are the names of the CRM's teams."""

    id: str
    email: str | None
    name: str
    active: bool
    teams: tuple[str, ...]
    user_id: str | None = None  #: The vendor's id of the person as a user, where that is another one.


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyInfo:
    """How the vendor defines a property."""

    name: str
    label: str
    type: str
    options: Mapping[str, str]  #: value → label, in display order
    read_only: bool
    unique: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DealStage:
    """One stage of a pipeline, as the account has it."""

    id: str
    label: str
    closed: bool  #: Won or lost.


@dataclass(frozen=True, slots=True, kw_only=True)
class DealPipeline:
    """A pipeline (record type) of deals with its stages in order."""

    id: str
    label: str
    stages: tuple[DealStage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing and where the next begins (None: the end)."""

    records: tuple[Record, ...]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolee:
    """Somebody to be enrolled, once for `key`; `user_id` and `sender` (address) say in whose name the CRM sends."""

    key: str
    person_id: str
    user_id: str | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInfo:
    """A list of people; a `static` one is filled by hand and by us, any other by the CRM itself."""

    id: str
    name: str
    static: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Somebody came onto a list."""

    person_id: str
    at: datetime


class Lane(Enum):
    """Which share of the limits a call may use."""

    HOT = "hot"
    BACKGROUND = "background"


class Enroller(Protocol):
    """What lets the CRM itself send: lists, sequences, campaigns."""

    places: tuple[str, ...]  #: What `enrol` of a policy may name here, such as `hubspot_list`.

    @property
    def campaigns(self) -> Campaigns | None:
        """Its campaigns, where their members tell of behaviour."""

    def enrol(self, place: str, name: str, people: Sequence[Enrolee], *, lane: Lane) -> list[WriteResult]:
        """Enrol people by the name of a list, sequence or campaign; results by `key`, in the inputs' order.

        What the account has not is REJECTED (`not_available`). UNCERTAIN: enrol never again before `enrolled` is asked.
        """

    def enrolled(self, place: str, name: str, people: Sequence[Enrolee], *, lane: Lane) -> set[str]:
        """The keys of those who are enrolled there now."""

    def find_list(self, name: str, *, lane: Lane) -> ListInfo | None:
        """The list of people with this name; None: there is none."""

    def joined(self, list_id: str, *, after: str | None, lane: Lane) -> Iterator[tuple[list[Joining], str | None]]:
        """Pages of who joined a list, oldest first, each with the cursor by which it can be asked for again."""


class Vendor(Protocol):
    """One connected account of a CRM."""

    name: str
    account_id: str
    batch_size: int

    @property
    def enroller(self) -> Enroller:
        """What lets the CRM itself send."""

    def read(
        self,
        object_type: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        lane: Lane,
        history: Sequence[str] = (),
    ) -> dict[str, Record]:
        """Records by id; one that is absent does not exist, one that became another record may be told so."""

    def update(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """Update records; at most one entry per id. Bad rows are found by bisection and told apart."""

    def create(self, object_type: str, creates: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """Create records with associations, one call a batch. An uncertain call is never repeated here."""

    def archive(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> list[WriteResult]:
        """Archive records."""

    def find_by_key(
        self, object_type: str, keys: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, Record]:
        """Records by our unique key property; only where the account enforces uniqueness (capability `unique_keys`)."""

    def associated(self, from_type: str, ids: Sequence[str], to_type: str, *, lane: Lane) -> dict[str, tuple[str, ...]]:
        """Ids of associated records, by id; complete (all pages)."""

    def associate(self, from_type: str, to_type: str, pairs: Sequence[tuple[str, str]], *, lane: Lane) -> None:
        """Associate records with each other, plainly; doing it twice changes nothing. Who is gone is left out."""

    def changed(
        self,
        object_type: str,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after: str | None = None,
        lane: Lane,
    ) -> Page:
        """One page of the records modified since then and before `until`, by ascending id: each once, however many.

        HubSpot answers by search, which lags: let windows overlap. `after` is the page before's; None: from the start.
        """

    def page(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool = False
    ) -> Page:
        """One page of everything there is (with `archived`: of what is in the bin), in the vendor's stable order."""

    def sheets(
        self, object_type: str, properties: Sequence[str], *, afters: Sequence[str | None], lane: Lane
    ) -> Coming:
        """Several pages of everything there is, asked for side by side; in the order of `afters`."""

    def converted_into(self, ids: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """Of these people's records, those that another one was converted into, each with that one."""

    def behind(self, object_type: str, vendor_id: str) -> str | None:
        """Where the list of everything goes on behind this id; None: this list cannot be entered there."""

    def find_by_email(self, emails: Sequence[str], properties: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        """Contacts by e-mail address (lower case); exact, not by search."""

    def owners(self) -> tuple[Owner, ...]:
        """Everybody who may own records, the deactivated included."""

    def describe(self, object_type: str) -> Mapping[str, PropertyInfo]:
        """All properties of an object type."""

    def pipelines(self) -> tuple[DealPipeline, ...]:
        """The pipelines of deals."""

    def activity_outcomes(self) -> Mapping[ActivityKind, Mapping[str, str]]:
        """The outcomes that this account gives to activities: stored value → label."""

    def submissions(self, form_id: str, *, since: datetime) -> Iterator[Submission]:
        """Submissions of a form, newest first, down to `since`."""

    def forms(self) -> Mapping[str, str]:
        """Form id → name."""

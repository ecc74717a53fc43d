"""What the product itself remembers of a lead between evaluations: its stage, its work, its holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from connector.domain.value import Truth, Value


class Mover(Enum):
    """Who moved a lead into a stage."""

    START = "start"  #: It stood there when we first saw the lead.
    RULE = "rule"  #: A transition of the policy.
    PERSON = "person"  #: A person moved it in the CRM.


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """One stay in a stage. `seq` counts the lead's entries from 1; cause ids are built from it."""

    seq: int
    stage: str
    entered_at: datetime
    mover: Mover
    transition: str | None = None  #: The transition's id when a rule moved it.
    reason: str | None = None  #: A reason id of recycle.yaml.
    passed: bool = False  #: Passed through in one evaluation: recorded, starts nothing.
    initial: bool = False  #: Where a lead stood when it came under this policy, or was moved to by that: no event.


class Cause(Enum):
    """The stored rows that an effect can come from; with rule id and slot they key it for ever."""

    STAGE_ENTRY = "stage_entry"
    SIGNAL = "signal"
    EDGE = "edge"  #: A condition turned true: the n-th time for this rule.


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EffectKey:
    """Names one effect for ever: never recomputed from anything that can change."""

    cause: str  #: A `Cause` value.
    cause_id: str
    rule: str
    slot: str

    def text(self) -> str:
        """One line, at most 255 characters: the vendor-side unique key."""
        return f"{self.cause}:{self.cause_id}:{self.rule}:{self.slot}"


class WorkState(Enum):
    """Where a managed record stands."""

    OPEN = "open"  #: It should exist and be open.
    DONE = "done"  #: A person completed it.
    CLOSED = "closed"  #: Its reason has gone: it is (or is being) closed by us.
    SETTLED = "settled"  #: A person deleted it: never created again.


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task that the policy wants a person to have, in canonical terms.

    `due_at` is UTC; `owner` a canonical person id (None: nobody yet). Text is frozen when the task is opened:
    it says why, then.
    """

    key: EffectKey
    kind: str  #: call | mail | social | todo
    title: str
    text: str
    due_at: datetime
    priority: str | None  #: high | medium | low
    owner: str | None
    queue: str | None
    follows_owner: bool
    opened_at: datetime
    opened_in: int  #: The stage entry's seq in which it was opened: leaving it closes the task.
    state: WorkState = WorkState.OPEN
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The last truth of a `becomes` condition, and how often it has turned true."""

    truth: Truth
    turned: int
    turned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A person's edit of a value that we compute: kept until it runs out, and shown."""

    value: Value
    since: datetime
    until: datetime
    told: bool = False  #: It has run out, and that the rules decide again is recorded.


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value that a rule has set: wanted until the CRM shows it or somebody changes the field after it."""

    value: Value
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadState:
    """Everything remembered. A new lead starts with `LeadState()` and has no stage.

    `published` holds the score values as last published (a decayed score is not written every minute) and
    `basis` the same scores before fading: when the basis moves, facts have changed and the score is published.
    `answers_used` maps an answer field to the moment up to which an answer is used up, and so blanked.
    `edges` are kept by name for ever: a rule that comes back in a later policy goes on counting.
    """

    entry: StageEntry | None = None
    edges: Mapping[str, Edge] = field(default_factory=lambda: MappingProxyType({}))
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    tasks: tuple[Task, ...] = ()
    published: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    basis: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    published_at: datetime | None = None
    ratings: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    answers_used: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    recycled_at: tuple[datetime, ...] = ()  #: When it was recycled, oldest first: the loop limit counts these.
    settings: Mapping[str, Setting] = field(default_factory=lambda: MappingProxyType({}))
    settled_at: datetime | None = None  #: The person's last move that is done with: followed, or refused and passed by.
    refused_at: datetime | None = None  #: The person's move that was refused last: told once.
    stuck: str | None = None  #: The loop that was cut, as stage ids joined by "→".
    policy: str | None = None  #: Content hash of the policy that produced this state.

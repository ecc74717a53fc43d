"""What the product itself remembers of a lead between evaluations: its stage, its work, its holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from connector.domain.effects import Deal, Enrolment, OwnerRequest, Task
from connector.domain.runs import Assigned, CadenceRun, ClockRun
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
    came_back_at: datetime | None = None  #: When its present round began: it came back from a side or a later stage.


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What is remembered of an event that is watched, and how often it has come.

    For `becomes` and the stages of deals: the last truth of the condition, and when it turned. For `changes`: a digest
    of the last value. For `reaches`: the date that was reached last stands in `turned_at`.
    """

    truth: Truth
    turned: int
    turned_at: datetime | None = None
    digest: str | None = None


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
class Refusal:
    """A person's move that the rules did not follow: told once, and shown until the lead goes on."""

    at: datetime  #: When the person made it.
    stage: str  #: Where it would have led.
    rule: str  #: What refused it: `manual_moves.forward`, `.backward` or `.to_side`, `gate.<id>`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Employer:
    """Where the person works, by the domain of the e-mail address; `since`: they came there from another employer."""

    domain: str
    since: datetime | None = None


TRAIL = 24
"""How many of a lead's latest stage entries are remembered for the engine; the store keeps them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadState:
    """Everything remembered. A new lead starts with `LeadState()` and has no stage.

    `published` holds the score values as last published (a decayed score is not written every minute) and
    `basis` the same scores before fading: when the basis moves, facts have changed and the score is published.
    `answers_used` maps an answer field to the moment up to which an answer is used up, and so blanked.
    `edges` are kept by name for ever: a rule that comes back in a later policy goes on counting.
    """

    entry: StageEntry | None = None
    trail: tuple[StageEntry, ...] = ()  #: The latest entries, oldest first, `entry` last.
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
    cadences: Mapping[str, CadenceRun] = field(default_factory=lambda: MappingProxyType({}))  #: the latest run of each
    clocks: Mapping[str, ClockRun] = field(default_factory=lambda: MappingProxyType({}))  #: the latest run of each
    deals: tuple[Deal, ...] = ()  #: The deals that hand-overs made.
    requests: tuple[OwnerRequest, ...] = ()  #: Asked for, not granted yet.
    assigned: Mapping[str, Assigned] = field(default_factory=lambda: MappingProxyType({}))  #: by lead | deal | company
    waiting: tuple[Enrolment, ...] = ()  #: Wanted by rules, and held back by a contact limit.
    settled_at: datetime | None = None  #: The person's last move that is done with: followed, or refused and passed by.
    refused: Refusal | None = None  #: The person's move that was refused last.
    stuck: str | None = None  #: The loop that was cut, as stage ids joined by "→"; or a pair at rest, joined by "⇄".
    employer: Employer | None = None
    sent_back: int = 0  #: How often it was sent back or aside for a reason.
    firsts: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))  #: of fields that keep the first
    begun_at: datetime | None = None  #: When it came under its policy from another that ran beside it.
    policy: str | None = None  #: Content hash of the policy that produced this state.


def altered(state: LeadState, **values: object) -> LeadState:
    """The state with these values: the very same where they are what it holds, as they are for most leads at most
    looks. A name that it does not have raises.
    """
    for name, value in values.items():
        before = getattr(state, name)
        if before is not value and before != value:
            return _with(state, values)
    return state


def _with(state: LeadState, values: Mapping[str, object]) -> LeadState:
    """As `replace` does, for a quarter of what it costs: its `__init__` looks for the place of each value by name."""
    other = object.__new__(LeadState)
    for put, value in zip(_PUTS.values(), _ALL(state), strict=True):
        put(other, value)
    for name, value in values.items():
        _PUTS[name](other, value)
    return other


_PUTS: Mapping[str, Callable[[LeadState, object], None]] = {
    one.name: getattr(LeadState, one.name).__set__ for one in fields(LeadState)
}
_ALL: Callable[[LeadState], tuple[Any, ...]] = attrgetter(*_PUTS)

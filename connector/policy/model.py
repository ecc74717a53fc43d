"""The compiled policy: what the engine and the sync read. Built by `loader.py`, never by hand.

Everything here is frozen and already resolved: lists are inlined, defaults applied, references checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connector.domain.calendar import Calendar, Span
from connector.domain.value import Scalar
from connector.policy.conditions import Condition, Test
from connector.policy.templates import Template

Label = Mapping[str, str]
"""Language code → text. A bare string in the YAML stands for every language."""


class FieldType(Enum):
    """The type of a canonical field; it decides which operators are allowed."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"
    NUMBER = "number"
    MONEY = "money"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    DATE = "date"
    MOMENT = "moment"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a field lives at one vendor: `hubspot`, `contact`, `tasuki_band`.

    `values` maps a canonical choice id to what the vendor stores (absent: the id itself); `read_also`
    maps further vendor values to the choice they mean.
    """

    vendor: str
    object_type: str  #: hubspot: contact | company | deal; salesforce: Lead | Contact | Account | Opportunity
    name: str  #: The vendor's property or field name.
    values: Mapping[str, str]
    read_also: Mapping[str, str]  #: vendor value → canonical choice id


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """`{id, when, value}` of a computed field or rating; `when` None is always true."""

    id: str
    label: Label
    when: Condition | None
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDef:
    """One canonical field. `name` is as conditions write it (`deal.amount` for deal fields)."""

    name: str
    scope: str  #: lead | company | deal
    label: Label
    type: FieldType
    choices: Mapping[str, Label]
    tidy: str | None
    blank_as: str | None
    homes: tuple[Home, ...]
    sync: str  #: both | to_hubspot | to_salesforce | no
    wins: str
    blank_overwrites: bool
    keep_first: bool
    rules: tuple[ValueRule, ...]  #: Non-empty: a computed field (ratings are computed fields too).
    #: last_contact | attempts_in_stage | next_task_due | score.<id> | reasons | gate.<id>.missing | sender
    shows: str | None
    answer: bool

    @property
    def computed(self) -> bool:
        """True when the product works the value out and publishes it."""
        return bool(self.rules) or self.shows is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSource:
    """One line of `from:`: the kind of source and what it matches.

    `kind`: hubspot_form | website_form | website_event | hubspot_counter | hubspot_list | activity | import |
    web_to_lead | salesforce_campaign. `match` holds names or patterns (`*` wildcards) of forms, events, lists
    or the counter's home (`contact.hs_email_open`); `where` the remaining keys (outcome, status …).
    """

    kind: str
    match: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDef:
    """A behaviour: learnt from `sources`, or a union (`of`) of other signals, or announced by the company."""

    id: str
    label: Label
    sources: tuple[SignalSource, ...]
    of: tuple[str, ...]
    announced: bool
    about: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """How signal points fade: half every `half_life`, or linearly to zero after `to_zero_after`. One is set."""

    half_life: timedelta | None = None
    to_zero_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRule:
    """Points while `when` is true, or per occurrence of `signal` (only while `when` holds, if given)."""

    id: str
    label: Label
    when: Condition | None
    signal: str | None
    points: float
    times: int | None  #: `up_to.times`: at most so many occurrences count …
    within: timedelta | None  #: … of those within this window (None: ever).


class Contribution(NamedTuple):
    """What one rule gives: `points` now, and the occurrences behind them (empty for a rule on facts alone)."""

    rule: ScoreRule
    points: float
    at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDef:
    """A sum of rules, limited to floor … cap (None: no limit)."""

    id: str
    label: Label
    floor: float | None
    cap: float | None
    decay: Decay | None
    rules: tuple[ScoreRule, ...]
    publish_step: float  #: A faded score is published again when it moved by this much, at most daily.
    #: What each rule gives in full, its test and its signal: the hot loop of scoring makes nothing anew.
    lines: tuple[tuple[Contribution, Test | None, str | None], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = tuple(
            (Contribution(rule, rule.points), rule.when.test if rule.when else None, rule.signal) for rule in self.rules
        )
        object.__setattr__(self, "lines", lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDef:
    """One stage; `side` stages stand outside the main line."""

    id: str
    label: Label
    owner: str | None
    side: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Moves a lead from one of `sources` to `target` when `when` is true. `reason` is a reason id or a field name."""

    id: str
    label: Label
    sources: tuple[str, ...]
    target: str
    when: Condition
    reason: str | None  #: A reason id.
    reason_field: str | None  #: A field whose value is the reason.
    gate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStore:
    """One place where the stage is stored. `values`: stage id → vendor value; a stage that is absent is not stored.

    `create`: stage id → label of a custom stage to be provisioned (its vendor id is remembered by the connection).
    """

    vendor: str
    homes: tuple[Home, ...]
    values: Mapping[str, str]
    create: Mapping[str, str]
    labels: bool  #: `values: labels`: the stage's label in the policy's language is stored.
    read_back: bool  #: False for `sync: to_hubspot` and the like.


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualMoves:
    """What a person's move needs: `allowed`, `refused`, or the name of the field/reason that must be given."""

    forward: str
    backward_needs: str | None
    to_side_needs: str | None
    backward_allowed: bool
    to_side_allowed: bool
    refused: str  #: restore_and_tell_owner | restore | keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What must be known before a lead passes: every field of `required`, one of each group of `required_any`."""

    id: str
    label: Label
    required: tuple[str, ...]
    required_any: tuple[tuple[str, ...], ...]


class EventKind(Enum):
    """The moments that rules may wait for."""

    ENTERS = "enters"
    LEAVES = "leaves"
    MOVES = "moves"
    SIGNAL = "signal"
    BECOMES = "becomes"
    CHANGES = "changes"
    REACHES = "reaches"
    BREACHES = "breaches"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One moment. `name` is the stage, transition, signal, field, clock or rule; `condition` is set for BECOMES."""

    kind: EventKind
    name: str | None = None
    condition: Condition | None = None
    early: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAction:
    """`task:` of a rule. `to_pool` None means the owner (or `deal_owner`)."""

    slot: str  #: `task`, or the action's own id.
    kind: str
    to: str  #: owner | deal_owner | pool
    to_pool: str | None
    due: Span
    priority: str | None
    queue: str | None
    title: Template
    text: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAction:
    """`set: {field: value}` of a rule."""

    slot: str
    field: str
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRule:
    """`on` this event, while `when`, `do` that."""

    id: str
    label: Label
    on: tuple[Event, ...]
    when: Condition | None
    do: tuple[TaskAction | SetAction, ...]
    shadow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverRule:
    """Outranks every rule: while `when` is true none of `what` (task, call, mail, social, enrol, notify) is done."""

    id: str
    label: Label
    what: tuple[str, ...]
    when: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """When a recycled lead comes again: after a time, on an event, at the latest then."""

    after: timedelta | None
    on: Event | None
    at_latest: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One line of the table of reasons."""

    id: str
    label: Label
    used_for: tuple[str, ...]  #: return | reject | lost | discard
    again: Again | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycle:
    """recycle.yaml: reasons, what happens on waking, and the loop limit."""

    reasons: Mapping[str, Reason]
    on_wake: tuple[TaskAction | SetAction, ...]
    times: int | None
    within: timedelta | None
    then: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One company's whole policy, as the engine runs it.

    `hash` names this exact content (files and lists). Mappings keep file order. `computed` is every field with
    rules (fields.yaml, then ratings) in dependency order; `shows` those written from state.
    """

    hash: str
    name: str
    language: str
    zone: ZoneInfo
    currency: str
    fiscal_year_starts: int
    calendar: Calendar
    calendars: Mapping[str, Calendar]
    check_every: timedelta
    hold_edits: timedelta
    fresh_for: timedelta
    applies_to: Condition | None
    fields: Mapping[str, FieldDef]
    computed: tuple[FieldDef, ...]
    shows: tuple[FieldDef, ...]
    answers: tuple[str, ...]
    signals: Mapping[str, SignalDef]
    scores: Mapping[str, ScoreDef]
    total: tuple[str, ...]
    stages: Mapping[str, StageDef]
    transitions: tuple[Transition, ...]
    manual_moves: ManualMoves
    stored_as: tuple[StageStore, ...]
    rules: tuple[WorkRule, ...]
    never: tuple[NeverRule, ...]
    recycle: Recycle | None
    later: tuple[str, ...]  #: Files and keys that were checked for form but that this release does not run yet.
    #: Computed fields (by name) and scores (`score.<id>`, `score.total`), each after everything that it reads.
    order: tuple[str, ...] = ()
    gates: Mapping[str, Gate] = field(default_factory=dict)

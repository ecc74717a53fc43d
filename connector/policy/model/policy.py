"""The whole policy of one company."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from connector.domain.calendar import Calendar
from connector.domain.drift import DEFAULTS, DriftClass, Handling
from connector.policy.conditions import Condition
from connector.policy.model.examples import Examples
from connector.policy.model.fields import FieldDef, Identity, Label, NewEmployer
from connector.policy.model.handoff import CreateDeal, Gate, Pipeline
from connector.policy.model.kpi import RevenuePlan, Review, Target
from connector.policy.model.lifecycle import ManualMoves, StageDef, StageStore, Transition
from connector.policy.model.recycle import Recycle
from connector.policy.model.routing import Routing
from connector.policy.model.scores import ScoreDef, SignalDef
from connector.policy.model.sla import Agreement, Clock
from connector.policy.model.work import Cadence, ContactLimit, NeverRule, Queue, Recall, Script, WorkRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A place for notices. Its address is a secret, set by `tasuki secret set channel.<id>`."""

    id: str
    label: Label
    kind: str  #: slack | teams | mail | chatwork | line_works | google_chat | webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The policy acts on a part of the leads: a `share` of them (0 … 1), those for whom `when` holds, or both."""

    share: float | None
    when: Condition | None


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
    new_employer: NewEmployer | None = None
    identity: Identity = field(default_factory=Identity)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    cadences: Mapping[str, Cadence] = field(default_factory=dict)
    recalls: tuple[Recall, ...] = ()
    scripts: tuple[Script, ...] = ()
    contact_limits: tuple[ContactLimit, ...] = ()
    queues: Mapping[str, Queue] = field(default_factory=dict)
    routing: Routing | None = None
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    agreement: Agreement | None = None
    create_deal: CreateDeal | None = None
    pipeline: Pipeline | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)
    tell: tuple[str, ...] = ()  #: The channels that hear of a connection that was paused.
    drift: Mapping[DriftClass, Handling] = field(default_factory=lambda: dict(DEFAULTS))
    records_in: Mapping[str, str] = field(default_factory=dict)  #: tasks, sequences, deals, notes → vendor
    examples: Examples | None = None
    trial: Trial | None = None
    targets: tuple[Target, ...] = ()
    reviews: tuple[Review, ...] = ()
    revenue_plan: RevenuePlan | None = None

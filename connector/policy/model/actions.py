"""What rules do: one dataclass an action word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from connector.domain.calendar import Span
from connector.domain.value import Scalar
from connector.policy.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAction:
    """`task:` of a rule. `to_pool` None means the owner (or `deal_owner`)."""

    slot: str  #: `task`, or the action's own id.
    kind: str  #: call | mail | social | todo
    to: str  #: owner | deal_owner | pool
    to_pool: str | None
    due: Span
    priority: str | None  #: high | medium | low
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
class NotifyAction:
    """`notify:` of a rule. `to`: `owner`, `deal_owner`, `pool:<id>` or `channel:<id>`."""

    slot: str
    to: tuple[str, ...]
    text: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """Which pool gives an owner, how it chooses, and of what."""

    pool: str
    by: str  #: round_robin | least_loaded | priority
    owner_of: str  #: lead | deal | company


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignAction:
    """`assign:` of a rule: asks a pool for an owner."""

    slot: str
    assign: Assign


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAction:
    """`start:` of a rule: begins a cadence."""

    slot: str
    cadence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAction:
    """`stop:` of a rule: ends a running cadence."""

    slot: str
    cadence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolAction:
    """`enrol:` of a rule: lets the CRM itself send."""

    slot: str
    place: str  #: hubspot_sequence | hubspot_list | salesforce_campaign
    name: str


Action: TypeAlias = TaskAction | SetAction | NotifyAction | AssignAction | StartAction | StopAction | EnrolAction

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
class EnrolPlace:
    """Where a CRM itself works on people. `kind`: hubspot_sequence | hubspot_list | salesforce_campaign, which begins
    with the CRM's name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolAction:
    """`enrol:` of a rule: lets the CRM itself send, in at most one place of each CRM."""

    slot: str
    places: tuple[EnrolPlace, ...]

    def place_in(self, crm: str | None) -> EnrolPlace:
        """Where this CRM enrols; the first place where the policy names none there."""
        return next((one for one in self.places if crm is not None and one.kind.startswith(crm)), self.places[0])


Action: TypeAlias = TaskAction | SetAction | NotifyAction | AssignAction | StartAction | StopAction | EnrolAction

"""routing.yaml: pools and who gets what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.domain.calendar import Calendar, Span
from connector.policy.conditions import Condition
from connector.policy.model.actions import Assign
from connector.policy.model.events import Event
from connector.policy.model.fields import Label

SKIP = "skip"  #: Who is outside their hours gets nothing; where nobody works, `nobody_free` takes it.
WAIT = "wait"  #: Who is outside their hours gets nothing; where nobody works, the lead waits for the first who does.


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What one person of a pool takes on: `most` of `what` (mqls, meetings, leads) in a `per` (day, week, month)."""

    what: str
    most: int
    per: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group of people, read from the CRM's team or group (`members`: vendor → its name).

    `may_see`: the only names that texts for its people print; None: all of them.
    """

    id: str
    label: Label
    members: Mapping[str, str]
    capacity: Capacity | None
    warn_above: int | None
    warn_if_fewer_than: int | None
    calendar: Calendar | None  #: None: the policy's own.
    outside_hours: str | None = None  #: SKIP | WAIT; None: hours do not matter.
    may_see: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """On an event, the first rule whose `when` holds asks its pool for an owner."""

    id: str
    label: Label
    on: tuple[Event, ...]
    when: Condition | None
    assign: Assign


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """routing.yaml. `keep_for`: so long the former owner is preferred; `nobody_free`: the pool that then takes it."""

    pools: Mapping[str, Pool]
    rules: tuple[RoutingRule, ...]
    keep_for: Span | None
    keep_same_company: bool
    absent_skip: bool
    absent_tasks_after: Span | None  #: None: open work stays with a person who is away.
    absent_tasks_to: str  #: same_pool | nobody
    left_tasks_to: str  #: same_pool | nobody
    nobody_free: str | None
    tell_two_people: bool = False  #: Both are told when somebody else than the owner works on a lead.

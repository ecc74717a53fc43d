"""work.yaml: rules, queues, cadences, and what is never done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from connector.policy.conditions import Condition
from connector.policy.model.actions import Action, EnrolAction, TaskAction
from connector.policy.model.events import Event
from connector.policy.model.fields import Label
from connector.policy.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRule:
    """`on` one of these events, while `when`, `do` that. A rule in `shadow` is recorded and does nothing."""

    id: str
    label: Label
    on: tuple[Event, ...]
    when: Condition | None
    do: tuple[Action, ...]
    shadow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverRule:
    """Outranks every rule: while `when` is true none of `what` is done.

    `what`: task, call, mail, social, todo, enrol, notify, assign.
    """

    id: str
    label: Label
    what: tuple[str, ...]
    when: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a cadence, on day `day` after its start (ordinary days, moved to the next working day).

    `action` is a task for a person, or an enrolment where the CRM sends. Its slot is `step_<n>`, counted from 1.
    """

    day: int
    action: TaskAction | EnrolAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """Steps over days, until the last one is done or something stops them.

    `turn_by`: it runs for one person of a company at a time, and of those who wait this score says who is next.
    """

    id: str
    label: Label
    stop_on: tuple[Event, ...]
    steps: tuple[Step, ...]
    turn_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """After the n-th of these signals in a row the n-th of `again` is done, due so long after that signal.

    In a row: since the stage was entered and since the last of `stop_on`. After the last of `again` nothing comes. The
    slot of each is `again_<n>`, counted from 1.
    """

    id: str
    label: Label
    on: tuple[Event, ...]  #: Signals alone.
    when: Condition | None
    stop_on: tuple[Event, ...]
    again: tuple[TaskAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLimit:
    """A lead is contacted at most `times` within `within`, while `when` is true: `signal` counts what was done."""

    id: str
    label: Label
    signal: str
    times: int
    within: timedelta
    when: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What to say and which fields to fill, on the tasks of these rules, cadences and recalls (none: of all).

    The first whose `kind` and `when` fit stands on a task.
    """

    id: str
    label: Label
    tasks: tuple[str, ...]
    kind: str | None  #: call | mail | social | todo; None: any
    when: Condition | None
    text: Template
    ask: tuple[str, ...]  #: Names of fields that people fill.


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A call list: the tasks of these rules, cadences and recalls, by this score, under these names in the CRMs."""

    id: str
    label: Label
    tasks: tuple[str, ...]
    order: str | None
    names: Mapping[str, str]  #: vendor → the queue's or list view's name there.

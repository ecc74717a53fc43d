"""examples.yaml: given this lead and these signals, expect this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from connector.domain.calendar import Span
from connector.domain.value import Scalar
from connector.policy.conditions import Condition
from connector.policy.model.fields import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The lead before anything happens: `stage` None is the first one; fields that are not named are blank."""

    stage: str | None
    reason: str | None
    owner: str | None
    fields: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTask:
    """An open task that there must be; None says nothing of that."""

    kind: str | None = None
    due: datetime | None = None  #: To the minute.
    owner: str | None = None
    rule: str | None = None
    priority: str | None = None
    queue: str | None = None
    title: str | None = None  #: A piece of it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must hold. `values` are conditions on names; `task` None says nothing, `no_task` that none may be open."""

    line: int
    values: tuple[tuple[str, Condition], ...] = ()
    by: str | None = None
    reason: str | None = None
    owner: str | None = None
    undecided: tuple[str, ...] = ()
    task: ExpectedTask | None = None
    no_task: bool = False
    notice: str | None = None  #: The id of a rule that must have sent a notice.
    deal: str | None = None  #: The stage of a deal that must have been created.


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happens in an example: time passes, or a signal, a change, a completed task, a person's move."""

    wait: Span | None = None
    signal: str | None = None
    at: datetime | None = None  #: When the signal happens; None: now.
    ago: Span | None = None
    sets: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    done: str | None = None  #: The rule or cadence whose open task a person completes.
    moves: str | None = None  #: The stage into which a person moves the lead.


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example, in the order of its events."""

    id: str
    label: Label
    line: int
    given: Given
    signals: tuple[Happening, ...]
    expect: Expected | None
    then: tuple[tuple[Happening, Expected], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The file: the moment at which every example begins, who stands in the pools, and the examples."""

    now: datetime
    people: Mapping[str, tuple[str, ...]]
    examples: tuple[Example, ...]

"""recycle.yaml: reasons, and when each comes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from connector.policy.conditions import Condition
from connector.policy.model.actions import Action
from connector.policy.model.events import Event
from connector.policy.model.fields import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """When a recycled lead comes again: after a time, on an event, at the latest then."""

    after: timedelta | None
    on: Event | None
    at_latest: timedelta | None
    another_person: bool = False  #: The pool is asked for somebody else than who had the lead before.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One line of the table of reasons. It counts only while `when` is true: until then whoever gives it is held."""

    id: str
    label: Label
    used_for: tuple[str, ...]  #: return | reject | lost | discard
    again: Again | None
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycle:
    """recycle.yaml: reasons, what happens on waking, and the loop limit."""

    reasons: Mapping[str, Reason]
    on_wake: tuple[Action, ...]
    times: int | None
    within: timedelta | None
    then: str | None

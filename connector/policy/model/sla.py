"""sla.yaml: clocks, escalation, the agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.domain.calendar import Calendar, Span
from connector.policy.conditions import Condition
from connector.policy.model.actions import Action
from connector.policy.model.events import Event
from connector.policy.model.fields import Label

_OF_DEAL = "deal."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of escalation: at a share of the limit (`at`, 1.0 is the breach), or so long after the breach."""

    at: float | None
    after: Span | None
    do: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A promise between two departments: from `starts` to `stops` within `limit`, not counting `paused_while`.

    `between` is (who waits, who keeps the promise); rungs stand in the order in which they come.
    """

    id: str
    label: Label
    between: tuple[str, str] | None
    starts: tuple[Event, ...]
    stops: tuple[Event, ...]
    when: Condition | None
    paused_while: Condition | None
    limit: Span
    calendar: Calendar
    escalation: tuple[Rung, ...]

    @property
    def owed_by(self) -> str | None:
        """The department that keeps the promise."""
        return self.between[1] if self.between is not None else None

    @property
    def owed_to(self) -> str | None:
        """The department that waits for it; None when it is a department's own."""
        return self.between[0] if self.between is not None and self.between[0] != self.between[1] else None

    @property
    def is_of_deal(self) -> bool:
        """True when the deal's owner has to keep it: what stops it happens to the deal."""
        return any(
            one.startswith(_OF_DEAL)
            for event in self.stops
            for one in ((event.name or "",) if event.condition is None else event.condition.names)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The printed agreement's own texts."""

    title: Label
    parties: Mapping[str, Label]
    goals: Mapping[str, str]
    duties: Mapping[str, tuple[Label, ...]]
    review_every: Span | None

"""What `decide` returns: the new state, what should stand in the CRMs, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from connector.domain.effects import Deal, Enrolment, Note, Notice, OwnerRequest, Task
from connector.domain.runs import ClockRun
from connector.domain.state import LeadState, StageEntry
from connector.domain.value import Value


class WakeClass(Enum):
    """Why time alone can change the answer, and therefore how exact the wake must be."""

    DEADLINE = "deadline"  #: Exact: a due date, a recycle date, a hold that runs out.
    WINDOW = "window"  #: Exact: a signal leaves a window, a moment grows older than a limit.
    DECAY = "decay"  #: Jittered by lead id: a fading score crosses a threshold or is to be published.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """The next moment at which time alone could change the decision."""

    at: datetime
    why: WakeClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Overruled:
    """A change of somebody's that a stated rule did not let stand; kept for the ledger."""

    field: str
    kept: Value
    lost: Value
    rule: str  #: `manual_moves.forward`, `.backward` or `.to_side`, `gate.<id>`, `hold_edits`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One thing that a move rested on, as it was then: a name of its condition, or who made it (`person`).

    Kept with the history, so that it holds no value that people gave: of a field that they fill it says when.
    """

    name: str
    at: datetime | None = None  #: When the latest signal came, the field was changed, the date was reached.
    value: str | float | None = None  #: How often a signal came, a score's points, a computed choice, a person's id.


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of one evaluation.

    `desired` holds canonical values to publish (BLANK clears; a field that is absent is left as it is).
    `stage_desired` is the stage to store in the CRMs (None: leave what stands there). `entries` are the stage
    entries made, in order; they name their transitions, and `grounds` (by seq) what they rest on. `fired` are the ids
    of the rules that acted, `shadowed` of those that would have. `owners` maps lead and deal to the person whom a pool
    gave and the CRM does not show yet. What else is to be brought about comes once, by its key.
    """

    state: LeadState
    desired: Mapping[str, Value]
    stage_desired: str | None
    entries: tuple[StageEntry, ...]
    tasks_changed: tuple[Task, ...]
    fired: tuple[str, ...]
    scores: Mapping[str, float]
    overruled: tuple[Overruled, ...]
    wake: Wake | None
    owners: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    requests: tuple[OwnerRequest, ...] = ()  #: New ones; `state.requests` holds all that are open.
    deals_changed: tuple[Deal, ...] = ()
    notes: tuple[Note, ...] = ()
    notices: tuple[Notice, ...] = ()
    enrolments: tuple[Enrolment, ...] = ()
    shadowed: tuple[str, ...] = ()
    grounds: Mapping[int, tuple[Ground, ...]] = field(default_factory=lambda: _NOTHING)
    clocks: tuple[tuple[str, ClockRun], ...] = ()  #: Clock id and run of each that is not as it was.
    #: The latest moment by which nothing had happened, as this decision takes for certain; None: it does not ask that.
    #: It may be acted on when everything that had happened by then is known.
    absent_until: datetime | None = None
    is_cut_short: bool = False  #: It ends where pools are asked: only `state.requests` is good.

    @property
    def changed(self) -> bool:
        """True when this decision is worth a row in the ledger."""
        return bool(
            self.entries
            or self.tasks_changed
            or self.overruled
            or self.deals_changed
            or self.notices
            or self.enrolments
            or self.requests
            or self.shadowed
        )

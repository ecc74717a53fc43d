"""The moments that rules, clocks, cadences and recycling wait for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from connector.policy.conditions import Condition


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
    """One moment. `name` is the stage, transition, signal, field, clock, rule or cadence.

    `condition` is set for BECOMES, and for the stage of a deal (`{enters: deal.lost}`): there it says that the deal
    stands in that stage; entering is its turning true, leaving its turning false. `early` goes with REACHES.
    """

    kind: EventKind
    name: str | None = None
    condition: Condition | None = None
    early: timedelta | None = None

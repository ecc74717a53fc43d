"""Which of several policies a lead is under: the first whose `applies_to` takes it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.value import UNREAD

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


@dataclass(frozen=True, slots=True)
class Taker:
    """A policy that may take the lead, and the lead as this policy sees it."""

    plan: Plan
    view: Callable[[], LeadView]


@dataclass(frozen=True, slots=True)
class Belonging:
    """Which of the takers has the lead (by place from 0), and when time alone may give it to another."""

    place: int
    until: datetime | None = None


def belonging(takers: Sequence[Taker], current: str | None) -> Belonging:
    """The first that takes the lead, which is now under the policy called `current` (None: under none yet).

    Where something that decides it has not been read yet, the lead stays where it is. A lead that nobody takes stays
    too, and its policy does nothing for it (`reach`).
    """
    names = [one.plan.policy.name for one in takers]
    stays = names.index(current) if current in names else None
    turns: list[datetime] = []
    for place, taker in enumerate(takers):
        condition = taker.plan.policy.applies_to
        if condition is None:
            return Belonging(place, min(turns, default=None))
        view = taker.view()
        truth = condition.test(view)
        if (turn := condition.next_change(view)) is not None:
            turns.append(turn)
        if truth is True:
            return Belonging(place, min(turns, default=None))
        if truth is None and stays is not None and _is_unread(condition.names, view):
            return Belonging(stays, min(turns, default=None))
    return Belonging(stays or 0, min(turns, default=None))


def _is_unread(names: frozenset[str], view: LeadView) -> bool:
    return any(view.value(name) is UNREAD for name in names if name in view.policy.fields)

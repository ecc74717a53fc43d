"""The events that have to be remembered between evaluations, and their names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from connector.policy.model import Event, EventKind, Reason


@dataclass(frozen=True, slots=True)
class Watch:
    """An event that is remembered between evaluations, by a name that is stable for ever.

    `at_first_sight` says whether a condition that is found true at the first look has come.
    """

    name: str
    event: Event
    at_first_sight: bool = True


def watch_name(owner: str, events: Sequence[Event], place: int) -> str:
    """How a watched event is remembered: its owner's name, with its place where the owner lists several."""
    return owner if len(events) == 1 else f"{owner}/{place}"


def recycle_name(reason: str) -> str:
    """How the condition is remembered that brings back what was sent aside for this reason."""
    return f"recycle.{reason}"


def recycle_watches(reasons: Iterable[Reason]) -> Iterator[Watch]:
    """The conditions that bring leads back: one that holds already when we first look has not turned true."""
    for reason in reasons:
        event = reason.again.on if reason.again is not None else None
        if event is not None and event.condition is not None:
            yield Watch(recycle_name(reason.id), event, at_first_sight=False)


def watches(owner: str, events: Sequence[Event]) -> Iterator[Watch]:
    """The events of a list that have to be remembered."""
    for place, event in enumerate(events):
        if event.condition is not None or event.kind in (EventKind.CHANGES, EventKind.REACHES):
            yield Watch(watch_name(owner, events, place), event)

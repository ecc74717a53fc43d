"""The events that have to be remembered between evaluations, and their names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connector.policy.model import Event, EventKind


@dataclass(frozen=True, slots=True)
class Watch:
    """An event that is remembered between evaluations, by a name that is stable for ever."""

    name: str
    event: Event


def watch_name(owner: str, events: Sequence[Event], place: int) -> str:
    """How a watched event is remembered: its owner's name, with its place where the owner lists several."""
    return owner if len(events) == 1 else f"{owner}/{place}"


def watches(owner: str, events: Sequence[Event]) -> Iterator[Watch]:
    """The events of a list that have to be remembered."""
    for place, event in enumerate(events):
        if event.condition is not None or event.kind in (EventKind.CHANGES, EventKind.REACHES):
            yield Watch(watch_name(owner, events, place), event)

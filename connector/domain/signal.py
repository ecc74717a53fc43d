"""Signals: things that a lead did (or that happened to it), each once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Occurred(Protocol):
    """What counts of a signal: what it was, when, and when the meeting begins that it tells of."""

    @property
    def kind(self) -> str:
        """See `Signal`."""

    @property
    def occurred_at(self) -> datetime:
        """See `Signal`."""

    @property
    def starts_at(self) -> datetime | None:
        """See `Signal`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One occurrence of a behaviour.

    `id` is the row that causes refer to for ever; `kind` is a signal id of the policy; `seen` says that an
    evaluation has already had its chance to act on it. `by` is the person of the company who logged it, where it is
    something that people of the company do. `starts_at` is when the meeting begins that it tells of, while that lies
    ahead and is not called off. `policy` alone means this kind by it, where another policy learns that from something
    else.
    """

    id: int
    kind: str
    occurred_at: datetime
    learnt_at: datetime
    seen: bool = False
    by: str | None = None
    starts_at: datetime | None = None
    policy: str | None = None

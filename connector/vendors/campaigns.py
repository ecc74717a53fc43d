"""Campaigns of a CRM and their members, as far as joining and what became of it tell of behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from connector.vendors.base import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a campaign, as of now. `people` are the records that stand for them, the present one first."""

    id: str
    people: tuple[str, ...]
    campaign: str
    type: str | None
    status: str | None
    modified_at: datetime
    responded_on: date | None  #: The day on which they first answered, where this status counts as an answer.
    ours: bool  #: We put them there, and nobody has touched it since.


class Campaigns(Protocol):
    """What can be looked through for members that are new or have changed."""

    def members(self, *, since: datetime, lane: Lane) -> Iterator[list[Member]]:
        """Pages of the members of all campaigns that changed since then, oldest change first."""

"""A lead's outstanding writes on their way through a deliver slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.store.leads import LeadRow
from connector.store.links import WriteClaim
from connector.store.managed import ManagedRow
from connector.store.mirrors import MirrorRow
from connector.vendors.base import Outcome, WriteResult


@dataclass(slots=True)
class Parcel:
    """One lead's outstanding writes and what becomes of them in this slice."""

    claim: WriteClaim
    lead: LeadRow
    person: MirrorRow
    records: list[ManagedRow]
    changes: dict[str, str] = field(default_factory=dict)
    clear: str | None = None  #: The forward-only property to clear first: a backward move.
    results: list[tuple[dict[str, str], WriteResult]] = field(default_factory=list)
    #: What the vendor refused of other records: see `link.dropped`.
    dropped: dict[str, Any] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)  #: Property → why it was accepted and not stored.
    noted: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)  #: See `unanswered`: with these changes.
    in_doubt: bool = False  #: The changes went out, and no answer says what became of them.
    retry_seconds: float | None = None
    aside_seconds: float | None = None  #: After so long something that hangs on it is tried again, by itself.
    failing: dict[str, Any] = field(default_factory=dict)  #: See `link.failing`, as it is now.
    tried: bool = False  #: A call for the record itself went out.
    stumbled: bool = False  #: Its write failed alone, though others beside it passed.
    failed: bool = False  #: A call for it came to nothing.
    moved_on: bool = False  #: A re-read showed a change: decide again before writing.
    missing: bool = False  #: The vendor has the record no longer, or as another one: reading it settles what it is.

    @property
    def came_to_nothing(self) -> bool:
        """True when the write of the record itself came to nothing, or was to be made and has not come out."""
        if not self.results:
            return bool(self.changes) and self.failed
        return self.results[-1][1].outcome in (Outcome.RETRY, Outcome.UNCERTAIN)

    def wait(self, seconds: float) -> None:
        """Something of this lead is to be tried again, not before so long."""
        self.retry_seconds = max(self.retry_seconds or 0.0, seconds)

    def wait_aside(self, seconds: float) -> None:
        """Something that hangs on this lead's record is to be tried again then; nothing else waits for it."""
        self.aside_seconds = seconds if self.aside_seconds is None else min(self.aside_seconds, seconds)

    @property
    def waits(self) -> bool:
        """True when it is taken up again anyhow."""
        return self.retry_seconds is not None or self.aside_seconds is not None


# ── how `apart` tells parcels apart ──────────────────────────────────────────────────────────────────────────
def vendor_id(parcel: Parcel) -> str:
    """Its name."""
    return parcel.person.vendor_id


def attempts(parcel: Parcel) -> int:
    """How often it has failed before."""
    return parcel.claim.attempts


def stumbled(parcel: Parcel) -> None:
    """It failed alone, though others passed."""
    parcel.stumbled = True

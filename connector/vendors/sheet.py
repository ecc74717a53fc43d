"""A page of a long list, nearly all of which is as we hold it: compared without being read into records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.domain.fingerprint import fingerprints
from connector.vendors.base import Page, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page of a listing of which hardly any record is looked at: ids and fingerprints (`domain.fingerprint`) in
    order, and how the record at a place is read."""

    ids: tuple[str, ...]
    fingerprints: tuple[bytes, ...]
    after: str | None
    read: Callable[[int], Record]

    @classmethod
    def of(cls, page: Page) -> Sheet:
        """A page as a sheet."""
        return cls(
            ids=tuple(record.id for record in page.records),
            fingerprints=tuple(fingerprints(record.properties for record in page.records)),
            after=page.after,
            read=page.records.__getitem__,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Pages that were asked for: `read` waits for them, in the order in which they were asked for. Who does not want
    them any more says `drop`."""

    read: Callable[[], list[Sheet]]
    drop: Callable[[], None] = lambda: None

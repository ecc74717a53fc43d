"""A list of everything is read in stretches side by side: one page after the other would wait for every answer.

Lists go by id, so a stretch begins behind an id that we hold and ends at the next one's beginning. That a list goes by
id is looked at with every page; one that does not is read in a single stretch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connector.store import mirrors
from connector.store.database import Connection
from connector.store.mirrors import Held
from connector.store.reconcile_passes import Place
from connector.sync.comparing import goes_by_id, place
from connector.sync.context import Line
from connector.vendors.sheet import Sheet

MOST = 8
LEAST_RECORDS = 2_000
"""A stretch of fewer records would end before the others have begun."""


def stretches_of(line: Line, conn: Connection, object_type: str) -> list[Place]:
    """Where a list of everything is begun: in even parts of what we hold."""
    ids = mirrors.boundaries(conn, line.connection_id, object_type, most=MOST, least=LEAST_RECORDS)
    entries = [line.vendor.behind(object_type, one) for one in ids]
    if not ids or None in entries:
        return [Place()]
    return [
        Place(after=after, above=above, upto=upto)
        for after, above, upto in zip([None, *entries], [None, *ids], [*ids, None], strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One sheet of a stretch: its own ids, whether they stand by id, where it goes on (None: it ends)."""

    sheet: Sheet
    ids: tuple[str, ...]  #: The first of the sheet's: those behind belong to the next stretch.
    by_id: bool
    range: tuple[str | None, str | None]  #: Of ids that the sheet should show: above one, up to another.
    following: Place | None

    @classmethod
    def of(cls, at: Place, sheet: Sheet) -> Stretch:
        """The part of this sheet that belongs to the stretch."""
        ids, after = sheet.ids, sheet.after
        if not goes_by_id(ids, at.above):
            following = Place(after=after) if after is not None else None
            return cls(sheet=sheet, ids=ids, by_id=False, range=("", "0"), following=following)
        own = ids
        if at.upto is not None and ids and place(ids[-1]) > place(at.upto):
            own = tuple(one for one in ids if place(one) <= place(at.upto))
        last = ids[-1] if ids else at.above
        if after is None or len(own) < len(ids) or (at.upto is not None and last == at.upto):
            return cls(sheet=sheet, ids=own, by_id=True, range=(at.above, at.upto), following=None)
        following = Place(after=after, above=last, upto=at.upto)
        return cls(sheet=sheet, ids=own, by_id=True, range=(at.above, last), following=following)

    def is_as(self, held: Held) -> bool:
        """True when the sheet shows just what we hold, as we hold it: nearly always."""
        return held.ids == self.ids and held.fingerprints == b"".join(self.sheet.fingerprints[: len(self.ids)])

    def differing(self, held: Held) -> list[int]:
        """The places of the records that have another fingerprint than what we hold, or none that we know."""
        ours = held.by_id().get
        pairs = zip(self.ids, self.sheet.fingerprints, strict=False)
        return [at for at, (vendor_id, found) in enumerate(pairs) if ours(vendor_id) != found]

    def missing(self, held: Iterable[str]) -> list[str]:
        """What we hold and the sheet does not show where it should stand; a list that is not by id says nothing."""
        return sorted(set(held).difference(self.ids), key=place) if self.by_id else []

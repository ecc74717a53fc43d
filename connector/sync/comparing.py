"""What the CRM lists beside what we hold, value by value. No I/O: a page and our records in, what differs out.

Nearly every record is as we hold it: that is found by one comparison of two tuples of strings (in a list of everything,
by fingerprints before that). Only what is left is looked at property by property, where a value in another notation is
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from connector.sync.unanswered import Same
from connector.vendors.base import Record

Values = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that is not as we hold it: these properties differ; `held` False: we do not hold it as standing."""

    record: Record
    names: tuple[str, ...]
    held: bool = True


class Comparison:
    """Compares records by these properties. `same` is equality as the CRM has it."""

    def __init__(self, properties: Sequence[str], same: Same) -> None:
        self._properties = tuple(properties)
        self._same = same
        self._values: Callable[[Values], Any] = itemgetter(*properties) if properties else lambda record: ()

    def differing(self, records: Sequence[Record], held: Mapping[str, Values]) -> list[Difference]:
        """Those of these records that are not as we hold them."""
        values, found = self._values, list[Difference]()
        for record in records:
            ours = held.get(record.id)
            if record.became is not None and ours is not None:
                found.append(Difference(record, ()))  # it goes on as another record: the read tells
                continue
            if ours is None:
                found.append(Difference(record, (), held=False))
                continue
            try:
                if values(record.properties) == values(ours):
                    continue
            except KeyError:
                pass  # one of them is unread or unreadable
            names = self._names(record.properties, ours)
            if names:
                found.append(Difference(record, names))
        return found

    def _names(self, theirs: Values, ours: Values) -> tuple[str, ...]:
        """A property that the CRM does not show is unreadable: it differs from nothing. One we never read differs."""
        return tuple(
            name
            for name in self._properties
            if name in theirs and (name not in ours or not self._same(name, ours[name], theirs[name] or None))
        )


def place(vendor_id: str) -> tuple[int, str]:
    """Where an id stands in a list by id: a number, written out."""
    return len(vendor_id), vendor_id


def goes_by_id(ids: Sequence[str], above: str | None) -> bool:
    """True when a page stands in ascending order, behind the id that came before it."""
    ordered = sorted(ids)  # of one length, as nearly always, they stand as text does
    if len(set(map(len, ids))) > 1:
        ordered.sort(key=len)
    return ordered == list(ids) and (not ids or place(ids[0]) > place(above or ""))

"""In which CRM the product makes its things for a lead that two of them have: where they stand already, else where
`records_in` says, else where the lead is worked. Its people go by that CRM's own ids there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connector.sync.binding import Binding
from connector.sync.cases import Case
from connector.sync.deciding import Result
from connector.sync.merging import key_of
from connector.sync.wanting import record_rows

_PEOPLE = ("owner", "sender")


def rows_in(result: Result, case: Case) -> Iterator[dict[str, Any]]:
    """The rows for `managed.want` of what the decision makes in this one of the lead's CRMs."""
    lead_id, dialect = case.row.id, case.binding.dialect
    if not case.binding.partners:
        yield from record_rows(
            dialect,
            lead_id,
            result.tasks.values(),
            result.deals.values(),
            result.notes.values(),
            result.enrolments.values(),
        )
        return
    here = _Here(result.case, case)
    rows = record_rows(
        dialect,
        lead_id,
        here.of("tasks", result.tasks.values()),
        here.of("deals", result.deals.values()),
        here.of("notes", result.notes.values()),
        [one for one in result.enrolments.values() if one.place.startswith(dialect.vendor)],
    )
    for row in rows:
        yield row | {"desired": _with_own_people(case.binding, row["desired"])}


class _Here:
    """Chooses what belongs to one of a lead's CRMs."""

    def __init__(self, first: Case, here: Case) -> None:
        self._first = first
        self._here = here
        self._standing = {record.key: record.connection_id for record in first.records}

    def of(self, what: str, wanted: Iterable[Any]) -> Iterator[Any]:
        """Those of these effects that are made here."""
        home = self._first.home_of(what).connection_id
        for one in wanted:
            key = key_of(self._first.row.id, one.key)
            if self._standing.get(key, home) == self._here.connection_id:
                yield one


def _with_own_people(binding: Binding, desired: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: binding.own_person(str(desired[name])) for name in _PEOPLE if desired.get(name)}
    return {**desired, **own}

"""A lead's fields by what its records show alone: for those who do not ask who changed them, and when.

What the rules read is understood at once, the rest when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import getitem, itemgetter
from typing import Any, Self

from connector.domain.lead import FieldFact
from connector.sync.binding import Binding
from connector.sync.shapes import Readings

_Properties = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Way:
    """How the fields of complete records of one type are read: `known` raises `KeyError` for a record that is not.

    `names`, `homes` and `readings` stand side by side, for those that are read at once.
    """

    places: Mapping[str, tuple[str, Readings]]
    names: tuple[str, ...]
    homes: tuple[str, ...]
    readings: tuple[Readings, ...]
    known: Any

    @classmethod
    def of(cls, binding: Binding, object_type: str, properties: Collection[str], at_once: Collection[str]) -> Self:
        """Of the fields that live in these properties."""
        shape = binding.shape(object_type, tuple(properties))
        rows = list(zip(shape.names, shape.homes, shape.readings, strict=True))
        read = [row for row in rows if row[0] in at_once]
        names, homes, readings = zip(*read, strict=True) if read else ((), (), ())
        known = itemgetter(*properties) if properties else bool
        return cls({name: (home, reading) for name, home, reading in rows}, names, homes, readings, known)

    def read(self, properties: _Properties) -> dict[str, FieldFact]:
        """The fields that are read at once. Raises `KeyError` where the record has not been read completely."""
        self.known(properties)
        found = map(getitem, self.readings, map(properties.__getitem__, self.homes))
        return dict(zip(self.names, found, strict=True))


class Shown(dict[str, FieldFact]):
    """The fields of one lead."""

    __slots__ = ("_records",)

    def __init__(self, fields: Mapping[str, FieldFact], records: tuple[tuple[_Way, _Properties], ...]) -> None:
        super().__init__(fields)
        self._records = records

    def __missing__(self, name: str) -> FieldFact:
        for way, properties in self._records:
            place = way.places.get(name)
            if place is not None:
                fact = self[name] = place[1][properties[place[0]]]
                return fact
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Its fact; `default` for what nobody has read."""
        try:
            return self[name]
        except KeyError:
            return default


class Showing:
    """Reads fields for a slice of leads under one binding."""

    def __init__(self, binding: Binding) -> None:
        plan, dialect = binding.plan, binding.dialect
        at_once = {*plan.program.fact_names, *plan.kept_first}
        person = {*binding.person_properties, *binding.written}
        self._binding = binding
        self._no_deal = binding.no_deal if binding.deal_properties else {}
        self._person = _Way.of(binding, dialect.person_type, sorted(person), at_once)
        self._company = _Way.of(binding, dialect.company_type, sorted(binding.company_properties), at_once)

    def fields(self, person: _Properties, company: _Properties | None) -> Shown:
        """The fields of a lead without a deal. Raises `KeyError` where something has not been read yet."""
        fields, records = self._person.read(person), ((self._person, person),)
        if not person[self._binding.dialect.company_property]:
            return Shown({**self._binding.no_company, **self._no_deal, **fields}, records)
        if company is None:
            return Shown({**self._no_deal, **fields}, records)
        there = self._company.read(company)
        return Shown({**self._no_deal, **there, **fields}, (*records, (self._company, company)))

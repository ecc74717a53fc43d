"""A lead's fields by what its records show alone: for those who do not ask who changed them, and when.

Read are the values of what the rules ask for, side by side. Whoever asks for another field is told so (`Unshown`), and
reads the leads again with it: that comes to light at the first few leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import getitem, itemgetter
from typing import Any, TypeAlias

from connector.domain.lead import FieldFact
from connector.domain.value import BLANK, UNREAD, Value
from connector.engine.makers import DEAL
from connector.policy.generated import MOST_ANSWERS
from connector.store.shown import Columns, Raws
from connector.sync.binding import Binding
from connector.sync.shapes import Readings

_FIRST = 2
LEAD, COMPANY, OWNER, COUNT, DEALS = 1, _FIRST, _FIRST + 1, _FIRST + 2, -1
"""Where these stand of a person: the lead, the company, the owner, the number of deals as the CRM counts them (where it
does) and as we have read which there are (where deals are read).
"""
OF_COMPANY = _FIRST
"""Where the owner of a company stands."""

BUILT_IN = ("stage", "stage_entered_at", "company.stages", "company.owner")
"""The names beside fields whose values are known of a lead before anybody asks."""
BuiltIn: TypeAlias = tuple[Value, Value, Value, Value | None]
"""Their values; None: to be worked out."""


class Unshown(LookupError):
    """A field was asked for that has not been read of this lead."""


class _Meanings(dict[str | None, Value]):
    """Stored string → the value alone."""

    def __init__(self, readings: Readings) -> None:
        super().__init__()
        self._readings = readings

    def __missing__(self, raw: str | None) -> Value:
        if len(self) >= MOST_ANSWERS:
            self.clear()
        found = self[raw] = self._readings[raw].value
        return found


@dataclass(frozen=True, slots=True)
class _Way:
    """How records of one type are read: `columns` of them, and of those the values that rules ask for at once.

    `places` says for each field that is read where its property stands, and what is stored there means.
    """

    columns: Columns
    places: Mapping[str, tuple[int, Readings]]
    names: tuple[str, ...]
    pick: Callable[[Sequence[Any]], Sequence[Any]]
    meanings: tuple[_Meanings, ...]

    def values(self, raws: Raws) -> Iterator[Value]:
        """What rules ask for at once."""
        return map(getitem, self.meanings, self.pick(raws))


class Showing:
    """Reads fields of leads under one binding; it learns what is asked for."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        plan = binding.plan
        told = [one.name for one in plan.shown if one.shows == "reasons"]
        self._at_once = (*plan.program.fact_names, *(name for name in told if not name.startswith(DEAL)))
        self._asked = {*plan.program.fact_names, *plan.kept_first, *plan.policy.answers, *told}
        self.counts = binding.dialect.deal.person_count if binding.deal_properties else None
        of_person, of_company = {*binding.person_properties, *binding.written}, binding.company_properties
        self._homes = {
            binding.dialect.person_type: _homes(binding, binding.dialect.person_type, tuple(sorted(of_person))),
            binding.dialect.company_type: _homes(binding, binding.dialect.company_type, tuple(sorted(of_company))),
        }
        self._arrange()

    def _arrange(self) -> None:
        """Read what has been asked for so far."""
        binding, dialect = self.binding, self.binding.dialect
        answers = [home.name for definition, home in binding.fields_on(dialect.person_type) if definition.answer]
        deal_type = dialect.deal.object_type if binding.deal_properties else None
        first = [dialect.company_property, dialect.owner_property, *([self.counts] if self.counts else []), *answers]
        self.person = self._way(dialect.person_type, first, also=binding.written, deal_type=deal_type)
        self.company = self._way(dialect.company_type, [dialect.owner_property], changes_of=dialect.owner_property)
        properties = self.person.columns.properties
        self.answers = picking([_FIRST + properties.index(one) for one in answers])
        self._merge = picking(list(self._sources()))

    def _way(
        self,
        object_type: str,
        first: Iterable[str],
        *,
        also: Iterable[str] = (),
        changes_of: str | None = None,
        deal_type: str | None = None,
    ) -> _Way:
        """`also`: what a record must show besides, since a decision would write it anew."""
        read = {name: way for name, way in self._homes[object_type].items() if name in self._asked}
        properties = tuple(dict.fromkeys([*first, *(home for home, _ in read.values())]))
        columns = Columns(
            object_type=object_type,
            properties=properties,
            complete=tuple(sorted({*properties, *also})),
            changes_of=changes_of,
            deal_type=deal_type,
        )
        places = {name: (_FIRST + properties.index(home), readings) for name, (home, readings) in read.items()}
        at_once = [name for name in self._at_once if name in places]
        return _Way(
            columns,
            places,
            tuple(at_once),
            picking([places[name][0] for name in at_once]),
            tuple(_Meanings(places[name][1]) for name in at_once),
        )

    def _sources(self) -> Iterator[int]:
        """Where each of a view's values stands beside the others, see `values`: a person's own come first."""
        plan, dialect = self.binding.plan, self.binding.dialect
        beside = [*self.person.names, *self.company.names, *BUILT_IN]
        blank, unread, nothing = range(len(beside), len(beside) + 3)
        known = {name: place for place, name in reversed([*enumerate(beside)])}
        on_person = {one.name for one, _ in self.binding.fields_on(dialect.person_type)}
        for name, slot in plan.program.slots.items():
            is_built_in = name in BUILT_IN and name not in plan.policy.fields
            if name in self._at_once or is_built_in:
                otherwise = blank if name in self._no_deal else unread
                yield known.get(name, otherwise if slot < len(plan.program.fact_names) else nothing)
            else:
                is_unanswered = name in plan.policy.answers and (name in on_person or name in self._no_deal)
                yield blank if is_unanswered else nothing

    @property
    def _no_deal(self) -> Mapping[str, FieldFact]:
        return self.binding.no_deal if self.binding.deal_properties else {}

    def of_company(self, raws: Raws | None) -> tuple[Value, ...]:
        """What rules ask of a company; None: there is none, and every field is blank."""
        return tuple(self.company.values(raws)) if raws is not None else (BLANK,) * len(self.company.names)

    def values(self, person: Raws, of_company: tuple[Value, ...], built_in: BuiltIn) -> list[Value | None]:
        """What rules ask of a lead without a deal that has answered nothing, each in its place in a view's values; None
        for what has to be worked out.
        """
        return [*self._merge((*self.person.values(person), *of_company, *built_in, BLANK, UNREAD, None))]

    def fact(self, name: str, person: Raws, company: Raws | None) -> FieldFact | None:
        """One field of a lead without a deal; None for one that nobody reads. Raises `Unshown`."""
        place = self.person.places.get(name)
        if place is not None:
            return place[1][person[place[0]]]
        place = self.company.places.get(name)
        if place is not None:
            return place[1][company[place[0]]] if company is not None else FieldFact(value=BLANK)
        if any(name in homes for homes in self._homes.values()):
            self._asked.add(name)
            raise Unshown(name)
        return self._no_deal.get(name)

    def learn(self, names: Iterable[str] = ()) -> None:
        """From here on, read these too, and what has been asked for and was not there."""
        self._asked.update(names)
        self._arrange()


class Shown(Mapping[str, FieldFact]):
    """The fields of one lead, each understood when it is asked for."""

    __slots__ = ("_company", "_person", "_showing")

    def __init__(self, showing: Showing, person: Raws, company: Raws | None) -> None:
        self._showing = showing
        self._person = person
        self._company = company

    def get(self, name: str, default: Any = None) -> Any:
        """Its fact; `default` for what nobody reads."""
        fact = self._showing.fact(name, self._person, self._company)
        return default if fact is None else fact

    def __getitem__(self, name: str) -> FieldFact:
        fact = self._showing.fact(name, self._person, self._company)
        if fact is None:
            raise KeyError(name)
        return fact

    def __iter__(self) -> Iterator[str]:
        raise Unshown("all")

    def __len__(self) -> int:
        raise Unshown("all")


def _homes(binding: Binding, object_type: str, properties: tuple[str, ...]) -> Mapping[str, tuple[str, Readings]]:
    """Field → where it lives on records with these properties, and what stored strings mean there."""
    shape = binding.shape(object_type, properties)
    return {name: (home, reading) for name, home, reading in zip(shape.names, shape.homes, shape.readings, strict=True)}


def picking(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What takes these places of a row."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]

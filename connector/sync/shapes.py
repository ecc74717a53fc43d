"""Records read side by side: which fields live where, and what stored strings mean there; each is understood once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from connector.domain.lead import FieldFact
from connector.domain.value import BLANK, Missing, Value
from connector.policy.generated import MOST_ANSWERS
from connector.policy.model import FieldDef, Home
from connector.vendors.dialect import Dialect

MOST_SHAPES = 1_024
"""Sets of properties for which is kept how records with them are read."""


class Readings(dict[str | None, FieldFact]):
    """Stored string → the value, as one that stands there since before our time. Most strings come again and again."""

    def __init__(self, dialect: Dialect, definition: FieldDef, home: Home) -> None:
        super().__init__()
        self._read = partial(dialect.to_canonical, definition, home)

    def __missing__(self, raw: str | None) -> FieldFact:
        if len(self) >= MOST_ANSWERS:
            self.clear()
        found = self[raw] = FieldFact(value=self._read(raw) if raw else BLANK)
        return found


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a record, side by side: their names, where they live, what stored strings mean there.

    `living` says for a property which of the fields live in it.
    """

    names: tuple[str, ...]
    homes: tuple[str, ...]
    readings: tuple[Readings, ...]
    living: Mapping[str, tuple[tuple[str, Readings], ...]]

    @classmethod
    def of(cls, rows: Sequence[tuple[str, str, Readings]]) -> Shape:
        """Of several homes of one field the first counts."""
        first: dict[str, tuple[str, Readings]] = {}
        for name, home, readings in rows:
            first.setdefault(name, (home, readings))
        living: dict[str, tuple[tuple[str, Readings], ...]] = {}
        for name, (home, readings) in first.items():
            living[home] = (*living.get(home, ()), (name, readings))
        homes, readings_of = zip(*first.values(), strict=True) if first else ((), ())
        return cls(tuple(first), homes, readings_of, living)


class Writings(dict[Value, str | None]):
    """Our value → the string to write; '' clears. Nothing is written of what is not known."""

    def __init__(self, dialect: Dialect, definition: FieldDef, home: Home) -> None:
        super().__init__()
        self._written: Callable[[Value], str | None] = partial(dialect.to_vendor, definition, home)

    @classmethod
    def of_people(cls, own: Callable[[str], str | None], dialect: Dialect, definition: FieldDef, home: Home) -> Self:
        """Of a field that holds people: each goes by the account's own id; whom it does not have is not written."""
        found = cls(dialect, definition, home)
        found._written = lambda value: own(value) if isinstance(value, str) else None
        return found

    @classmethod
    def of_choices(cls, dialect: Dialect, definition: FieldDef, home: Home) -> Self:
        """Of a field that another CRM has too: a word of that CRM which the policy does not name is no option here."""
        found, known = cls(dialect, definition, home), frozenset(definition.choices)
        write = found._written
        found._written = lambda value: write(value) if known.issuperset(_words(value)) else None
        return found

    def __missing__(self, value: Value) -> str | None:
        if len(self) >= MOST_ANSWERS:
            self.clear()
        missing = "" if value is BLANK else None
        found = self[value] = missing if isinstance(value, Missing) else self._written(value)
        return found


def _words(value: Value) -> frozenset[Value]:
    return value if isinstance(value, frozenset) else frozenset({value})

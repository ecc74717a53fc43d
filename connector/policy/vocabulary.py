"""Every name that a condition, a template or an event of one policy may use, with its type and its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from connector.domain.calendar import ALWAYS, Calendar
from connector.policy.files.base import LANGUAGES
from connector.policy.model import FieldType, Label

_TEXTS = ("is", "in", "not_in", "contains_any", "contains_all", "starts_with", "ends_with", "matches")
_NUMBERS = ("is", "in", "not_in", "at_least", "at_most", "more_than", "less_than", "between")
_TIMES = ("is", "before", "after", "between", "within", "older_than")
_KNOWN = ("known", "unknown")

OPERATORS_OF: Mapping[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: (*_KNOWN, *_TEXTS),
    FieldType.LONG_TEXT: (*_KNOWN, *_TEXTS),
    FieldType.EMAIL: (*_KNOWN, *_TEXTS, "domain_in", "domain_not_in"),
    FieldType.DOMAIN: (*_KNOWN, *_TEXTS, "domain_in", "domain_not_in"),
    FieldType.PHONE: (*_KNOWN, "is", "in", "not_in", "starts_with", "ends_with", "matches"),
    FieldType.NUMBER: (*_KNOWN, *_NUMBERS),
    FieldType.MONEY: (*_KNOWN, *_NUMBERS),
    FieldType.CHOICE: (*_KNOWN, "is", "in", "not_in"),
    FieldType.CHOICES: (*_KNOWN, "is", "in", "not_in", "contains_any", "contains_all"),
    FieldType.YES_NO: (*_KNOWN, "is"),
    FieldType.DATE: (*_KNOWN, *_TIMES),
    FieldType.MOMENT: (*_KNOWN, *_TIMES),
    FieldType.PERSON: _KNOWN,
}
COUNT_OPERATORS = ("at_least", "at_most", "more_than", "less_than", "between")
"""What a signal's count is held against; beside them stand `within` and `since`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One name of a condition. `type` None: a signal, which is counted."""

    name: str
    label: Label
    type: FieldType | None
    choices: Mapping[str, Label] = field(default_factory=dict)
    free_choice: bool = False  #: The choices are the vendor's and not known here: any word goes.


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedList:
    """A list of policy.yaml, read."""

    label: Label
    values: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Vocabulary:
    """What the files of one policy define, by kind; filled before any condition is compiled."""

    zone: ZoneInfo
    calendar: Calendar = ALWAYS
    names: dict[str, Name] = field(default_factory=dict)
    lists: dict[str, NamedList] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    deal_stages: tuple[str, ...] = ()
    transitions: tuple[str, ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: reason id → used_for
    gates: tuple[str, ...] = ()
    cadences: tuple[str, ...] = ()
    recalls: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    def add(
        self,
        name: str,
        type_: FieldType | None,
        label: Label,
        choices: Mapping[str, Label] | None = None,
        *,
        free_choice: bool = False,
    ) -> None:
        """Define a name."""
        self.names[name] = Name(name=name, label=label, type=type_, choices=choices or {}, free_choice=free_choice)

    def of_type(self, types: Iterable[FieldType]) -> tuple[str, ...]:
        """The names of these types, for hints."""
        wanted = frozenset(types)
        return tuple(name for name, known in self.names.items() if known.type in wanted)


def plain_label(text: str) -> dict[str, str]:
    """A label that reads the same in every language."""
    return dict.fromkeys(LANGUAGES, text)

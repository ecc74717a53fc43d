"""What two CRMs should agree on, by the policy's words and by when somebody changed something: the proof of act two.

It knows nothing of the product's store: both CRMs are read by their own clients, and the moments are the CRMs' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.cli.demo_proof import Difference
from connector.domain.value import BLANK, UNREAD, Missing, Value
from connector.policy.model import FieldDef, FieldType, Home
from connector.sync.binding import Binding

HUBSPOT: Final = "hubspot"
SALESFORCE: Final = "salesforce"
STAMP_MS: Final = 1_000
"""Salesforce cuts its moments to the second."""

SCORE_TOLERANCE: Final = 1.0
"""Scores fade while they are looked at."""

Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a person typed into one CRM, and when, by that CRM's clock."""

    side: str
    value: Value
    at_ms: int

    @property
    def until_ms(self) -> int:
        """Later than this it cannot have been."""
        return self.at_ms + (STAMP_MS if self.side == SALESFORCE else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What both CRMs are to show, and why; `lost`: an edit gave way to another one."""

    value: Value
    why: str
    lost: bool = False


def verdict(definition: FieldDef, before: Value, edits: Mapping[str, Edit], tasks_in: str) -> Verdict:
    """What stands of these edits (by side), of which nobody knew of the other, by the policy's words."""
    news = {side: one for side, one in edits.items() if one.value != before}
    if not news:
        return Verdict(value=before, why="the same in other words: nothing to do / 表記違いのみ")
    told = {side: one for side, one in news.items() if one.value is not BLANK or definition.blank_overwrites}
    if not told:
        return Verdict(value=before, why="emptied: no change, filled again / 空欄は変更とみなさない", lost=True)
    if len(told) == 1:
        (side,) = told
        return Verdict(value=told[side].value, why=f"changed in {_NAMES[side]} alone / 片方だけの変更")
    here, there = told[HUBSPOT], told[SALESFORCE]
    if here.value == there.value:
        return Verdict(value=here.value, why="both alike: each keeps its own words / 同じ値、表記はそれぞれ")
    if definition.wins in told:
        return Verdict(value=told[definition.wins].value, why=f"wins: {definition.wins}", lost=True)
    if here.at_ms >= there.until_ms:
        return Verdict(value=here.value, why="both, HubSpot later / 後の変更(HubSpot)", lost=True)
    if there.at_ms >= here.until_ms:
        return Verdict(value=there.value, why="both, Salesforce later / 後の変更(Salesforce)", lost=True)
    why = f"both in one second: the CRM of the tasks, {_NAMES[tasks_in]} / 同時はタスクのCRM"
    return Verdict(value=told[tasks_in].value, why=why, lost=True)


_NAMES: Final = {HUBSPOT: "HubSpot", SALESFORCE: "Salesforce"}


@dataclass(frozen=True, slots=True)
class Half:
    """One CRM's records of a person: rows by object type, under the names that the policy's homes have there."""

    binding: Binding
    id: str
    rows: Mapping[str, Row]
    fixed: frozenset[str] = frozenset()  #: Fields that the CRM lets nobody write.

    def home(self, definition: FieldDef) -> Home | None:
        """The first of its homes that stands there."""
        homes = self.binding.dialect.homes(definition)
        return next((one for one in homes if one.name in self.rows.get(one.object_type, ())), None)

    def value(self, definition: FieldDef) -> Value:
        """A field as it is read there; UNREAD where none of its homes is."""
        home = self.home(definition)
        if home is None:
            return UNREAD
        raw = self.rows[home.object_type][home.name] or None
        if definition.type is FieldType.PERSON and raw is not None:
            return self.binding.canonical_person(raw)
        return self.binding.dialect.to_canonical(definition, home, raw)

    def is_fixed(self, definition: FieldDef) -> bool:
        """True when nobody could bring it in line there."""
        home = self.home(definition)
        return home is not None and home.name in self.fixed

    def owner(self) -> str | None:
        """Whose it is, by the id that goes everywhere; nobody where it lies in a queue or with us."""
        dialect = self.binding.dialect
        raw = dialect.owner(self.rows[dialect.person_type].get(dialect.owner_property))
        return None if raw is None or raw == self.binding.our_user else self.binding.canonical_person(raw)

    def stage(self) -> str | None:
        """The policy's stage that it shows."""
        for store, home in self.binding.stores:
            raw = self.rows[self.binding.dialect.person_type].get(home.name)
            meant = self.binding.stages_meant(store, raw) if raw and store.read_back else ()
            if meant:
                return meant[0]
        return None


def apart(here: Half, there: Half) -> Iterator[Difference]:
    """Everything in which a person's two halves are not as one."""
    record = f"{here.id} | {there.id}"
    for name in sorted(here.binding.shared & there.binding.shared):
        definition = here.binding.plan.policy.fields[name]
        one, other = here.value(definition), there.value(definition)
        fixed = here.is_fixed(definition) or there.is_fixed(definition)
        if not (fixed or _nameless(definition, one, other) or _agree(definition, one, other)):
            yield Difference(record=record, what=name, expected=f"{one}", found=f"{other}")
    policy = here.binding.plan.policy
    for definition in (*policy.computed, *policy.shows):
        one, other = here.value(definition), there.value(definition)
        if not _agree(definition, one, other) and not _close(one, other):
            yield Difference(record=record, what=definition.name, expected=f"{one}", found=f"{other}")
    owner = there.owner()
    if owner is not None and here.binding.own_person(owner) is None:
        owner = None  # whom a CRM does not have is not written there
    for what, mine, theirs in (("owner", here.owner(), owner), ("stage", here.stage(), there.stage())):
        if mine != theirs:
            yield Difference(record=record, what=what, expected=f"{mine}", found=f"{theirs}")


def _agree(definition: FieldDef, here: Value, there: Value) -> bool:
    """What goes one way may stand nowhere but in the copy."""
    if UNREAD in (here, there) or definition.sync == "no" or here == there:
        return True
    one_way = {f"to_{SALESFORCE}": here, f"to_{HUBSPOT}": there}
    return definition.sync in one_way and one_way[definition.sync] == BLANK


def _nameless(definition: FieldDef, *values: Value) -> bool:
    """A choice for which the policy has no word stays where it is: the other CRM would not know it."""
    if definition.type is not FieldType.CHOICE:
        return False
    return any(isinstance(one, str) and one not in definition.choices for one in values)


def _close(one: Value, other: Value) -> bool:
    if isinstance(one, datetime) and isinstance(other, datetime):
        return abs((one - other) / timedelta(milliseconds=1)) < STAMP_MS
    numbers = [float(value) for value in (one, other) if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == 2 and abs(numbers[0] - numbers[1]) <= SCORE_TOLERANCE


def shown(value: Value) -> str:
    """A value for the table."""
    return "—" if isinstance(value, Missing) else str(value)

"""A lead with a record in two CRMs: what its fields are, and what each CRM has to be told of the other.

The fields that people and the CRMs fill are merged three-way (`domain.agreed`); those that the product computes are
published to both, and a person's edit of one, in either CRM, is seen. A lead with one record costs nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from connector.domain import agreed as merging
from connector.domain.agreed import Agreed, Lost, Rule, Shown
from connector.domain.lead import Actor, FieldFact, Lead, StageReport
from connector.domain.state import LeadState
from connector.domain.value import BLANK, UNREAD, Value
from connector.policy.model import FieldDef, FieldType, Policy
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.binding import OWNER, Binding
from connector.sync.facts import same_on, stage_report


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One CRM's records of a lead."""

    binding: Binding
    person: MirrorRow
    company: MirrorRow | None
    moving: bool = False

    @property
    def vendor(self) -> str:
        """Its name in the policy."""
        return self.binding.dialect.vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What came of it. `wanted` has the agreed values that stand nowhere else yet, `shown` what each side shows."""

    facts: Mapping[str, FieldFact]
    agreed: Mapping[str, Agreed]
    wanted: Mapping[str, Value]
    lost: tuple[tuple[str, Lost], ...]
    shown: Mapping[str, Mapping[str, Shown]] = field(default_factory=dict)

    def after(self, desired: Mapping[str, Value], now: datetime) -> Mapping[str, Agreed]:
        """What is agreed once the rules have set values: those are our own changes, made now."""
        ours = {
            name: merging.set_by_us(self.shown[name], value, self.agreed.get(name), now)
            for name, value in desired.items()
            if name in self.shown
        }
        return {**self.agreed, **ours}


def merge(policy: Policy, sides: Sequence[Side], base: Mapping[str, Agreed]) -> Merged:
    """Merge what the sides show, field by field."""
    facts: dict[str, FieldFact] = {}
    after: dict[str, Agreed] = {}
    wanted: dict[str, Value] = {}
    lost: list[tuple[str, Lost]] = []
    every: dict[str, Mapping[str, Shown]] = {}
    for name, rule, place in _fields(policy, sides):
        before = base.get(name)
        shown = every[name] = {side.vendor: _shown(side, place(side), before) for side in sides}
        found = merging.merge(shown, rule, before)
        lost += [(name, one) for one in found.lost]
        if found.agreed is None:
            facts[name] = FieldFact(value=found.value)
            continue
        after[name] = found.agreed
        facts[name] = FieldFact(value=found.value, changed_at=found.agreed.until, actor=found.agreed.actor)
        if found.write:
            wanted[name] = found.value
    return Merged(facts=facts, agreed=after, wanted=wanted, lost=tuple(lost), shown=every)


def lead_of_both(lead: Lead, state: LeadState, sides: Sequence[Side], merged: Merged) -> Lead:
    """The lead as both CRMs show it, made of `lead`, as the first of the sides shows it."""
    fields = {**lead.fields, **{name: fact for name, fact in merged.facts.items() if name != OWNER}}
    fields |= _edited(sides, lead)
    owner = merged.facts.get(OWNER)
    if owner is not None:
        who = owner.value if isinstance(owner.value, str) else None
        named_at = None if owner.actor is Actor.TASUKI else owner.changed_at
        lead = replace(lead, owner=who, owner_changed_at=named_at)
    reports = [report for side in sides if not side.moving and (report := _report(side, state)) is not None]
    latest = max(reports, key=lambda one: one.moved_at, default=None)
    return replace(lead, fields=fields, stage_report=latest)


def _report(side: Side, state: LeadState) -> StageReport | None:
    report = stage_report(side.binding, state, side.person)
    if report is None or report.person is None:
        return report
    return replace(report, person=side.binding.canonical_person(report.person))


def _edited(sides: Sequence[Side], lead: Lead) -> dict[str, FieldFact]:
    """Computed fields that a person edited: the latest edit, in whichever CRM it was made."""
    found: dict[str, FieldFact] = {}
    for side in sides:
        dialect = side.binding.dialect
        same = same_on(side.binding, dialect.person_type)
        for definition, home in side.binding.fields_on(dialect.person_type):
            if not definition.computed or home.name not in side.person.meta:
                continue
            fact = mirror.fact(side.person, home.name, same)
            before = found.get(definition.name) or lead.fact(definition.name)
            if fact.actor is Actor.PERSON and (before.actor is not Actor.PERSON or _later(fact.changed_at, before)):
                value = dialect.to_canonical(definition, home, fact.raw)
                found[definition.name] = FieldFact(value=value, changed_at=fact.changed_at, actor=fact.actor)
    return found


def _later(moment: datetime | None, fact: FieldFact) -> bool:
    return moment is not None and (fact.changed_at is None or moment > fact.changed_at)


# ── what a side shows ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class _Place:
    """Where a side has a field: the record, the property, and what its stored strings mean."""

    row: MirrorRow
    name: str
    read: Callable[[str | None], Value]


def _fields(policy: Policy, sides: Sequence[Side]) -> Iterator[tuple[str, Rule, Callable[[Side], _Place | None]]]:
    """Every field that all sides have, with its rule and where a side has it."""
    vendors = frozenset(side.vendor for side in sides)
    yield OWNER, _rule(policy, None, vendors), _owner
    for name in sorted(frozenset.intersection(*(side.binding.shared for side in sides))):
        definition = policy.fields[name]
        writable = frozenset(side.vendor for side in sides if side.binding.writes_somewhere(definition))
        rule = _rule(policy, definition, vendors)
        yield name, replace(rule, targets=rule.targets & writable), partial(_field, definition)


def _rule(policy: Policy, definition: FieldDef | None, vendors: frozenset[str]) -> Rule:
    """As fields.yaml says; owners go both ways. In a tie the CRM in which people work stands: that of the tasks."""
    ties = policy.records_in.get("tasks") or min(vendors)
    nowhere = frozenset[str]()
    if definition is None:
        return Rule(sources=vendors, targets=nowhere if policy.identity.native_sync else vendors, ties=ties)
    to = definition.sync.removeprefix("to_")
    one_way = definition.sync.startswith("to_")
    targets = frozenset({to}) if one_way else vendors if definition.sync == "both" else nowhere
    return Rule(
        wins=definition.wins,
        sources=vendors - {to} if one_way else vendors,
        targets=nowhere if policy.identity.native_sync else targets,
        ties=ties,
        blank_overwrites=definition.blank_overwrites,
    )


def _field(definition: FieldDef, side: Side) -> _Place | None:
    """The first of its homes that the side's records have."""
    dialect = side.binding.dialect
    rows = {dialect.person_type: side.person, dialect.company_type: side.company}
    for home in dialect.homes(definition):
        row = rows.get(home.object_type)
        if row is not None and home.name in row.properties:
            if definition.type is FieldType.PERSON:
                return _Place(row, home.name, partial(_person, side))
            return _Place(row, home.name, partial(dialect.to_canonical, definition, home))
    return None


def _owner(side: Side) -> _Place | None:
    """Who works it; where a CRM knows no record without an owner, a queue's and ours are nobody's."""
    dialect = side.binding.dialect
    name = dialect.owner_property
    if name not in side.person.properties:
        return None
    return _Place(side.person, name, lambda raw: _person(side, dialect.owner(raw)))


def _person(side: Side, raw: str | None) -> Value:
    """Two CRMs' users are one person by their e-mail address; whom the other CRM does not have is not written there."""
    if not raw or raw == side.binding.our_user:
        return BLANK  # what nobody was given to is ours where a CRM knows no record without an owner
    return side.binding.canonical_person(raw)


def _shown(side: Side, place: _Place | None, base: Agreed | None) -> Shown:
    if place is None:
        return Shown(value=UNREAD)
    found = mirror.standing(place.row, place.name, same_on(side.binding, place.row.object_type))
    # On a record that several leads share, what we wrote for another one of them is news to this lead.
    ours_for_another = found.actor is Actor.TASUKI and place.row is side.company
    return Shown(
        value=place.read(found.raw),
        after=found.after,
        until=found.until + side.binding.dialect.stamps if found.until is not None else None,
        actor=Actor.VENDOR if ours_for_another else found.actor,
        knew=_knew(found, place, base),
    )


def _knew(found: mirror.Standing, place: _Place, base: Agreed | None) -> bool | None:
    """True: the change was made over the agreed value, as we had written it. False: before we wrote it."""
    if found.overtaken:
        return False
    if found.over is None or base is None:
        return None
    return True if place.read(found.over or None) == base.value else None

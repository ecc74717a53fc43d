"""From mirrors to the lead that the engine sees, the stage that somebody moved it to included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from operator import getitem
from typing import TypedDict, Unpack

from connector.domain.effects import NotEnrolled
from connector.domain.lead import Account, Actor, FieldFact, Lead, StageReport
from connector.domain.state import LeadState
from connector.domain.value import BLANK
from connector.engine.pipeline import STAGE
from connector.store.leads import LeadRow
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.binding import Binding
from connector.sync.deal_view import UNREAD_DEAL, DealView
from connector.sync.unanswered import Same

DEAL_STAGE = STAGE
_moment = datetime.fromisoformat


class Beside(TypedDict, total=False):
    """What is known of a lead beside its records: see `Lead`."""

    not_enrolled: tuple[NotEnrolled, ...]
    names: Mapping[str, str]
    account: Account | None
    enrolled_by: str | None


def lead_of(
    binding: Binding,
    row: LeadRow,
    state: LeadState,
    person: MirrorRow,
    company: MirrorRow | None,
    *,
    moving: bool,
    deal: DealView = UNREAD_DEAL,
    **known: Unpack[Beside],
) -> Lead:
    """The lead as its CRM shows it. `moving`: a stage write of ours is under way, so its stage says nothing. What else
    is `known` of it stands elsewhere in the store.
    """
    dialect = binding.dialect
    fields = _fields_of(binding, person, dialect.person_type) | _deal_fields(binding, deal)
    if _has_no_company(binding, person):
        fields = {**binding.no_company, **fields}
    elif company is not None:
        shown = _fields_of(binding, company, dialect.company_type)
        fields = shown | (fields if person.belongs_to is None else _said(fields, shown))
    created = dialect.moment(person.properties.get(dialect.created_property)) or row.created_at
    owner = mirror.fact(person, dialect.owner_property, same_on(binding, dialect.person_type))
    deal_owner = _deal_fact(binding, deal.row, dialect.deal.owner) if deal.row is not None else None
    whose, deal_whose = dialect.owner(owner.raw), dialect.owner(deal_owner.raw) if deal_owner else None
    return Lead(
        id=row.id,
        fields=fields,
        owner=binding.canonical_person(whose) if whose else None,
        owner_changed_at=named_at(owner),
        deal_owner=binding.canonical_person(deal_whose) if deal_whose else None,
        deal_owner_changed_at=_deal_named_at(deal, deal_owner) if deal_owner else None,
        created_at=created,
        stage_report=None if moving else stage_report(binding, state, person),
        link=dialect.record_link(dialect.person_type, person.vendor_id),
        speaks_for_deal=deal.speaks,
        **known,
    )


def with_deal(lead: Lead, binding: Binding, deal: DealView) -> Lead:
    """The lead with the deal that another of its CRMs has for it."""
    shown = _deal_fields(binding, deal)
    owner = _deal_fact(binding, deal.row, binding.dialect.deal.owner) if deal.row is not None else None
    return replace(
        lead,
        fields={**lead.fields, **shown},
        deal_owner=binding.canonical_person(owner.raw) if owner is not None and owner.raw else None,
        deal_owner_changed_at=_deal_named_at(deal, owner) if owner is not None else None,
        speaks_for_deal=deal.speaks,
    )


def _fields_of(binding: Binding, record: MirrorRow, object_type: str) -> dict[str, FieldFact]:
    """The fields that live on a record, as far as they have been read."""
    properties, meta = record.properties, record.meta
    shape = binding.shape(object_type, tuple(properties))
    fields = dict(zip(shape.names, map(getitem, shape.readings, map(properties.__getitem__, shape.homes)), strict=True))
    for home in meta.keys() & shape.living.keys():  # of these more is known than the value: who changed it, and when
        known = meta[home]
        at: datetime | None
        if "sent" in known and "seen" not in known and "overtaken" not in known:  # ours, as most are: `mirror.fact`
            raw, at, actor = properties[home], _moment(known["sent_at"]), Actor.TASUKI
        else:
            found = mirror.fact(record, home, same_on(binding, object_type))
            raw, at, actor = found.raw, found.changed_at, found.actor
        for name, reading in shape.living[home]:
            fields[name] = FieldFact(value=reading[raw].value, changed_at=at, actor=actor)
    return fields


def _deal_fields(binding: Binding, deal: DealView) -> dict[str, FieldFact]:
    """`deal.<field>` and `deal.stage`; that there is no deal is knowledge."""
    if not binding.deal_properties or (deal.row is None and not deal.known):
        return {}
    if deal.row is None:
        return dict(binding.no_deal)
    dialect = binding.dialect
    fields: dict[str, FieldFact] = {}
    if dialect.deal.stage in deal.row.properties:
        found = _deal_fact(binding, deal.row, dialect.deal.stage)
        stage = binding.deal_stage(found.raw)
        fields[DEAL_STAGE] = FieldFact(value=stage, changed_at=found.changed_at, actor=found.actor)
    for definition, home in binding.deal_homes:
        if home.name in deal.row.properties:
            found = _deal_fact(binding, deal.row, home.name)
            value = dialect.to_canonical(definition, home, found.raw)
            fields[definition.name] = FieldFact(value=value, changed_at=found.changed_at, actor=found.actor)
    return fields


def _deal_fact(binding: Binding, row: MirrorRow, name: str) -> mirror.PropertyFact:
    """A value that stood when the deal was first seen was given when the deal was made, at the earliest."""
    words = binding.dialect.deal
    found = mirror.fact(row, name, same_on(binding, words.object_type))
    made_at = binding.dialect.moment(row.properties.get(words.created))
    return replace(found, changed_at=found.changed_at or made_at)


def named_at(found: mirror.PropertyFact) -> datetime | None:
    """When somebody else named this owner, at the latest."""
    return None if found.actor is Actor.TASUKI else found.changed_at


def _deal_named_at(deal: DealView, owner: mirror.PropertyFact) -> datetime | None:
    """The owner of a deal that a hand-over took as it stood is named by that: what a pool says to it is too late."""
    named = named_at(owner)
    if deal.taken_at is None or not owner.raw:
        return named
    return max(named, deal.taken_at) if named is not None else deal.taken_at


def _has_no_company(binding: Binding, person: MirrorRow) -> bool:
    """The person was read and belongs to no company: its fields are blank, which is knowledge."""
    name = binding.dialect.company_property
    return name in person.properties and not binding.company_of(person)


def _said(own: Mapping[str, FieldFact], of_company: Mapping[str, FieldFact]) -> dict[str, FieldFact]:
    """What a person's record says itself; where it is blank, the company that it was found to belong to speaks."""
    return {name: one for name, one in own.items() if one.value is not BLANK or name not in of_company}


def stage_report(binding: Binding, state: LeadState, person: MirrorRow) -> StageReport | None:
    """The move that the CRM's stage shows: it differs from the stored form of our stage, and changed since our move."""
    same = same_on(binding, binding.dialect.person_type)
    for store, home in binding.stores:
        if not store.read_back or home.name not in person.properties:
            continue
        found = mirror.fact(person, home.name, same)
        if found.raw is None:
            continue
        stages = binding.stages_meant(store, found.raw)
        if not stages:
            continue
        if state.entry is None:
            moved_at = found.changed_at or person.modified_at or datetime.min.replace(tzinfo=UTC)
            return StageReport(stages=stages, moved_at=moved_at, actor=found.actor, first_sight=True)
        if state.entry.stage in stages or found.changed_at is None or not _is_news(person, home.name, state):
            continue
        return StageReport(stages=stages, moved_at=found.changed_at, actor=found.actor, person=found.person)
    return None


def same_on(binding: Binding, object_type: str) -> Same:
    """Equality of stored strings for an object type's properties."""

    def same(name: str, one: str | None, other: str | None) -> bool:
        if one == other:
            return True
        pair = binding.homes.get((object_type, name))
        return binding.dialect.same(pair[0] if pair else None, one, other)

    return same


def _is_news(person: MirrorRow, name: str, state: LeadState) -> bool:
    """True when the change was noted after the present stage was entered: what stood before we moved is no move."""
    meta = person.meta.get(name, {})
    if "overtaken" in meta:
        return True
    seen = meta.get("seen")
    return (
        seen is not None and state.entry is not None and datetime.fromisoformat(seen["noted"]) > state.entry.entered_at
    )

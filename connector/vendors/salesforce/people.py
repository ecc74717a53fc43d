"""One kind of person for the sync, where Salesforce has two: a lead, and the contact that it becomes.

Ids tell which is which (`00Q…`, `003…`), so both go by the name of the lead's object, and by the names of the lead's
fields: those of a contact are translated by the policy's homes. A field that one of the two has not is absent, as what
may not be read is. A lead that was converted, and a record that was merged away, say what they have become.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from connector.policy.model import CreateDeal
from connector.vendors.base import (
    ActivityKind,
    Became,
    Create,
    DealPipeline,
    Enroller,
    Lane,
    Outcome,
    Owner,
    Page,
    PropertyInfo,
    Record,
    Submission,
    Update,
    WriteResult,
)
from connector.vendors.batches import after
from connector.vendors.salesforce import mails
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.handover import ACCOUNT_TYPE, OPPORTUNITY, HandOver, is_of_lead
from connector.vendors.salesforce.names import Names
from connector.vendors.salesforce.protocol import ACCOUNT, CONTACT, PERSON, PREFIXES
from connector.vendors.sheet import Coming, Sheet

_CONVERSION: Final = ("IsConverted", "ConvertedContactId")
_CREATE_ONLY: Final[Mapping[str, tuple[str, ...]]] = {"Task": ("TaskSubtype",)}
_NOT_GIVEN: Final[Mapping[str, str]] = {"LastName": "[not provided]", "Company": "[not provided]"}
"""What leads need and a form may not ask for, as Salesforce's own forms and imports fill it in."""


class SalesforcePeople:
    """Implements `vendors.base.Vendor` over a `SalesforceVendor`; what is not about people goes straight through."""

    def __init__(self, vendor: SalesforceVendor, names: Names, rule: CreateDeal | None = None) -> None:
        self._vendor = vendor
        self._names = names
        self._hand_over = HandOver(vendor=vendor, rule=rule) if rule is not None and rule.convert_lead else None
        self.name = vendor.name
        self.account_id = vendor.account_id
        self.batch_size = vendor.batch_size

    @property
    def enroller(self) -> Enroller:
        """See `Vendor.enroller`: campaigns take leads and contacts alike."""
        return self._vendor.enroller

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────
    def read(
        self,
        object_type: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        lane: Lane,
        history: Sequence[str] = (),
    ) -> dict[str, Record]:
        """See `Vendor.read`. What was converted or merged away is told with what it became; a mail, that it came in."""
        if object_type != PERSON:
            others = self._vendor.read(object_type, ids, properties, lane=lane, history=history)
            return mails.told_apart(self._vendor.api, others, lane=lane) if mails.SUBTYPE in properties else others
        leads, contacts = _parted(ids)
        found: dict[str, Record] = {}
        if leads:
            asked = [*self._of_lead(properties), *_CONVERSION]
            told = self._vendor.read(PERSON, leads, asked, lane=lane, history=history)
            found |= {one: self._lead(record, properties) for one, record in told.items()}
        if contacts:
            past = [name for one in history if (name := self._names.contact(one)) is not None]
            told = self._vendor.read(CONTACT, contacts, self._of_contact(properties), lane=lane, history=past)
            found |= {one: self._contact(record, properties) for one, record in told.items()}
        missing = [one for one in ids if one not in found]
        return found | self._merged_away(missing, lane=lane)

    def find_by_email(self, emails: Sequence[str], properties: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        """See `Vendor.find_by_email`. Of several people of an address it is the contact, else who changed last: a rule
        that gives the same one every time, and never another lead for each form."""
        asked = [*dict.fromkeys((*self._of_lead(properties), *self._of_contact(properties)))]
        several = self._vendor.people_by_email(emails, asked, lane=lane)
        return {email: self._person(max(people, key=_rank), properties) for email, people in several.items()}

    def associated(self, from_type: str, ids: Sequence[str], to_type: str, *, lane: Lane) -> dict[str, tuple[str, ...]]:
        """See `Vendor.associated`."""
        if from_type == PERSON:
            leads, contacts = _parted(ids)
            found = self._vendor.associated(PERSON, leads, to_type, lane=lane) if leads else {}
            return found | (self._vendor.associated(CONTACT, contacts, to_type, lane=lane) if contacts else {})
        if to_type != PERSON:
            return self._vendor.associated(from_type, ids, to_type, lane=lane)
        contacts_of = self._vendor.associated(from_type, ids, CONTACT, lane=lane)
        leads_of = self._vendor.associated(from_type, ids, PERSON, lane=lane)
        return {one: (*contacts_of.get(one, ()), *leads_of.get(one, ())) for one in ids}

    def changed(
        self,
        object_type: str,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after: str | None = None,
        lane: Lane,
    ) -> Page:
        """See `Vendor.changed`: contacts first, as ids sort. A lead that was converted stands no more, as one that is
        deleted or merged: reading it tells what it became."""
        if object_type != PERSON:
            return self._vendor.changed(object_type, properties, since=since, until=until, after=after, lane=lane)
        kind, names, start = self._listed(properties, after)
        page = self._vendor.changed(kind, names, since=since, until=until, after=start, lane=lane)
        return self._turned(kind, page, properties)

    def page(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool = False
    ) -> Page:
        """See `Vendor.page`: contacts first; leads that were converted are contacts."""
        if object_type != PERSON:
            return self._vendor.page(object_type, properties, after=after, lane=lane, archived=archived)
        kind, names, start = self._listed(properties, after)
        page = self._vendor.page(kind, names, after=start, lane=lane, archived=archived)
        return self._turned(kind, page, properties, converted=False)

    def sheets(
        self, object_type: str, properties: Sequence[str], *, afters: Sequence[str | None], lane: Lane
    ) -> Coming:
        """See `Vendor.sheets`."""
        if object_type != PERSON:
            return self._vendor.sheets(object_type, properties, afters=afters, lane=lane)
        pages = (self.page(object_type, properties, after=after, lane=lane) for after in afters)
        return Coming(read=lambda: [Sheet.of(page) for page in pages])

    def converted_into(self, ids: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """See `Vendor.converted_into`: contacts come of leads."""
        _, contacts = _parted(ids)
        return self._vendor.converted_into(contacts, lane=lane) if contacts else {}

    def behind(self, object_type: str, vendor_id: str) -> str | None:
        """See `Vendor.behind`: ids tell whether contacts or leads go on there."""
        return self._vendor.behind(object_type, vendor_id)

    # ── what is not about people ─────────────────────────────────────────────────────────────────────────────
    def find_by_key(
        self, object_type: str, keys: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, Record]:
        """See `Vendor.find_by_key`."""
        return self._vendor.find_by_key(object_type, keys, properties, lane=lane)

    def owners(self) -> tuple[Owner, ...]:
        """See `Vendor.owners`."""
        return self._vendor.owners()

    def describe(self, object_type: str) -> Mapping[str, PropertyInfo]:
        """See `Vendor.describe`."""
        return self._vendor.describe(object_type)

    def pipelines(self) -> tuple[DealPipeline, ...]:
        """See `Vendor.pipelines`."""
        return self._vendor.pipelines()

    def activity_outcomes(self) -> Mapping[ActivityKind, Mapping[str, str]]:
        """See `Vendor.activity_outcomes`."""
        return self._vendor.activity_outcomes()

    def submissions(self, form_id: str, *, since: datetime) -> Iterator[Submission]:
        """See `Vendor.submissions`."""
        return self._vendor.submissions(form_id, since=since)

    def forms(self) -> Mapping[str, str]:
        """See `Vendor.forms`."""
        return self._vendor.forms()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────
    def update(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """See `Vendor.update`. A lead that was converted meanwhile is MISSING: reading it tells what it became."""
        if object_type != PERSON:
            return self._vendor.update(object_type, _changeable(object_type, updates), lane=lane)
        leads = [one for one in updates if not _is_contact(one.id)]
        contacts = [self._for_contact(one) for one in updates if _is_contact(one.id)]
        told = [*(self._vendor.update(PERSON, leads, lane=lane) if leads else ())]
        told += after(
            told,
            [one.id for one in contacts],
            lambda: [self._of_update(one) for one in self._vendor.update(CONTACT, contacts, lane=lane)],
        )
        by_id = dict(zip([one.id for one in (*leads, *contacts)], told, strict=True))
        return [_unless_converted(by_id[one.id]) for one in updates]

    def create(self, object_type: str, creates: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """See `Vendor.create`. The opportunity of a lead is made by converting it, where the policy says so; what is
        made for a lead that was converted meanwhile is MISSING, as in `update`."""
        if object_type == PERSON:
            creates = [replace(one, properties={**_NOT_GIVEN, **one.properties}) for one in creates]
            return [_named(one) for one in self._vendor.create(object_type, creates, lane=lane)]
        converting = [one for one in creates if object_type == OPPORTUNITY and self._hand_over and is_of_lead(one)]
        plain = [replace(one, associate=_ends(one)) for one in creates if one not in converting]
        told = self._vendor.create(object_type, plain, lane=lane) if plain else []
        if self._hand_over is not None:
            hand_over = self._hand_over
            told += after(told, [one.key for one in converting], lambda: hand_over.create(converting, lane=lane))
        by_key = dict(zip([one.key for one in (*plain, *converting)], told, strict=True))
        return [_unless_converted(by_key[one.key]) for one in creates]

    def archive(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> list[WriteResult]:
        """See `Vendor.archive`."""
        if object_type != PERSON:
            return self._vendor.archive(object_type, ids, lane=lane)
        leads, contacts = _parted(ids)
        told = [*self._vendor.archive(PERSON, leads, lane=lane), *self._vendor.archive(CONTACT, contacts, lane=lane)]
        by_id = dict(zip((*leads, *contacts), told, strict=True))
        return [by_id[one] for one in ids]

    def associate(self, from_type: str, to_type: str, pairs: Sequence[tuple[str, str]], *, lane: Lane) -> None:
        """See `Vendor.associate`."""
        if PERSON not in (from_type, to_type):
            self._vendor.associate(from_type, to_type, pairs, lane=lane)
            return
        by_types: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for one, other in pairs:
            types = (_end((from_type, one))[0], _end((to_type, other))[0])
            by_types.setdefault(types, []).append((one, other))
        for (left, right), theirs in by_types.items():
            self._vendor.associate(left, right, theirs, lane=lane)

    # ── the two as one ───────────────────────────────────────────────────────────────────────────────────────
    def _of_lead(self, properties: Sequence[str]) -> list[str]:
        return [one for one in properties if one != ACCOUNT and one not in self._names.contact_only]

    def _of_contact(self, properties: Sequence[str]) -> list[str]:
        return [name for one in properties if (name := self._names.contact(one)) is not None]

    def _person(self, record: Record, properties: Sequence[str]) -> Record:
        shown = self._contact if record.object_type == CONTACT else self._lead
        return shown(record, properties)

    def _lead(self, record: Record, properties: Sequence[str]) -> Record:
        told = record.properties
        contact = told.get("ConvertedContactId") if told.get("IsConverted") == "true" else None
        shown = {name: told[name] for name in properties if name in told}
        return replace(
            record,
            properties={**shown, **({ACCOUNT: None} if ACCOUNT in properties else {})},
            became=Became(id=contact, goes_on=True) if contact else None,
        )

    def _contact(self, record: Record, properties: Sequence[str]) -> Record:
        names = {name: here for name in properties if (here := self._names.contact(name)) is not None}
        told = record.properties
        return replace(
            record,
            object_type=PERSON,
            properties={name: told[here] for name, here in names.items() if here in told},
            history={name: record.history[here] for name, here in names.items() if here in record.history},
        )

    def _for_contact(self, update: Update) -> Update:
        named = {self._names.contact(name): value for name, value in update.properties.items()}
        return replace(update, properties={name: value for name, value in named.items() if name is not None})

    def _of_update(self, result: WriteResult) -> WriteResult:
        """A contact's result under the names of the lead's fields."""
        back = {here: name for name, here in self._names.of_contact.items()}

        def shown(record: Record | None) -> Record | None:
            if record is None:
                return None
            told = {back.get(name, name): value for name, value in record.properties.items()}
            return replace(record, object_type=PERSON, properties=told)

        at_fault = back.get(result.property_name, result.property_name) if result.property_name else None
        return replace(result, record=shown(result.record), before=shown(result.before), property_name=at_fault)

    def _merged_away(self, ids: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        """Those of the missing that people merged into another record; asked only when something is missing."""
        leads, contacts = _parted(ids)
        winners: dict[str, str] = {}
        for kind, theirs in ((PERSON, leads), (CONTACT, contacts)):
            winners |= self._vendor.winners(kind, theirs, lane=lane) if theirs else {}
        return {
            one: Record(
                object_type=PERSON,
                id=one,
                properties={},
                modified_at=None,
                archived=True,
                became=Became(id=winner, goes_on=False),
            )
            for one, winner in winners.items()
        }

    def _listed(self, properties: Sequence[str], after: str | None) -> tuple[str, list[str], str | None]:
        """Where a listing goes on: object, its fields, and the id behind which."""
        if after is None or _is_contact(after):
            return CONTACT, self._of_contact(properties), after
        return PERSON, [*self._of_lead(properties), *_CONVERSION], None if after == _LEADS else after

    def _turned(self, kind: str, page: Page, properties: Sequence[str], *, converted: bool = True) -> Page:
        people = tuple(self._person(one, properties) for one in page.records)
        if kind == CONTACT:
            return Page(records=people, after=page.after or _LEADS)
        stand = tuple(replace(one, archived=one.archived or one.became is not None) for one in people)
        return Page(records=tuple(one for one in stand if converted or one.became is None), after=page.after)


_LEADS: Final = PREFIXES[PERSON]
"""The place in a listing where leads begin."""


def _is_contact(record_id: str) -> bool:
    return record_id.startswith(PREFIXES[CONTACT])


def _parted(ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """(leads, contacts)."""
    return [one for one in ids if not _is_contact(one)], [one for one in ids if _is_contact(one)]


def _end(end: tuple[str, str]) -> tuple[str, str]:
    """(object, id) under the object's real name."""
    kind, record_id = end
    return (CONTACT, record_id) if kind == PERSON and _is_contact(record_id) else end


def _ends(create: Create) -> tuple[tuple[str, str], ...]:
    """On what a record hangs, under the objects' real names: an account that a lead only belongs to is not its own."""
    own = [one for one in create.associate if one[0] != ACCOUNT_TYPE] if is_of_lead(create) else create.associate
    return tuple(map(_end, own))


def _rank(record: Record) -> tuple[bool, float, str]:
    at = record.modified_at.timestamp() if record.modified_at is not None else 0.0
    return record.object_type == CONTACT, at, record.id


def _changeable(object_type: str, updates: Sequence[Update]) -> list[Update]:
    """Without fields that are given at creation and never again."""
    fixed = _CREATE_ONLY.get(object_type, ())
    return [
        replace(one, properties={name: value for name, value in one.properties.items() if name not in fixed})
        for one in updates
    ]


def _named(result: WriteResult) -> WriteResult:
    """A new lead carries no key by which its create would look at it: that it stands, and as what, is known all the
    same."""
    if result.outcome is not Outcome.APPLIED or result.record is not None:
        return result
    return replace(result, record=Record(object_type=PERSON, id=result.id, properties={}, modified_at=None))


def _unless_converted(result: WriteResult) -> WriteResult:
    gone = result.outcome is Outcome.REJECTED and result.reason == "converted"
    return replace(result, outcome=Outcome.MISSING) if gone else result

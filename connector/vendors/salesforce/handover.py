"""A hand-over in Salesforce: the opportunity of a lead is made by converting the lead, once.

convertLead is no call that may be made twice, and its answer may be lost. So every attempt reads the lead first: one
that is converted already names its opportunity, and only what is still missing is done. The opportunity that we made
then gets what the policy says, and our key; one that a person made stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connector.domain.normalise import TIDIES
from connector.errors import RetryableError, UncertainError
from connector.policy.model import CreateDeal
from connector.texts import say
from connector.vendors.base import Create, Lane, Outcome, Record, Update, WriteResult
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import protocol
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.protocol import CONTACT, KEY_PROPERTY, PERSON, PREFIXES
from connector.vendors.salesforce.soap import Conversion, Converted

OPPORTUNITY: Final = "Opportunity"
ACCOUNT_TYPE: Final = "Account"
_ASKED: Final = (
    "IsConverted",
    "ConvertedContactId",
    "ConvertedAccountId",
    "ConvertedOpportunityId",
    "OwnerId",
    "Company",
    "Website",
    "Email",
)
_SAME_DOMAIN, _SAME_NAME = "same_domain", "same_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Creates opportunities of leads that are to be converted."""

    vendor: SalesforceVendor
    rule: CreateDeal

    def create(self, creates: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """One result a lead, in order; `became` names the contact that the lead has become."""
        lead_of = {one.key: _lead(one) for one in creates}
        leads = self._read(list(lead_of.values()), lane=lane)
        fresh = [one for one in creates if (row := leads.get(lead_of[one.key])) and not _is_converted(row)]
        failed = self._convert(fresh, leads, lane=lane)
        if fresh:
            leads |= self._read([lead_of[one.key] for one in fresh], lane=lane)
        return [failed.get(one.key) or self._finished(one, leads.get(lead_of[one.key]), lane=lane) for one in creates]

    # ── converting ───────────────────────────────────────────────────────────────────────────────────────────
    def _convert(self, creates: Sequence[Create], leads: Mapping[str, Record], *, lane: Lane) -> dict[str, WriteResult]:
        """Convert these leads; what was not converted is told by key. A lost answer is told by the leads themselves."""
        if not creates:
            return {}
        status = self._status(lane=lane)
        wanted = [self._conversion(one, leads[_lead(one)], status, lane=lane) for one in creates]
        try:
            told = self.vendor.convert(wanted, lane=lane)
        except UncertainError:
            return {}
        return {one.key: _failed(one, result) for one, result in zip(creates, told, strict=True) if result.error}

    def _conversion(self, create: Create, lead: Record, status: str, *, lane: Lane) -> Conversion:
        """Into the company's account where the policy's rule finds one, and the contact of the same address in it. The
        owner stays who it is; what lies in a queue goes to the opportunity's owner. A lead that belonged to an account
        before goes into that one, unless the policy wants a new one each time."""
        account = self._belonged(create) or self._account(lead, lane=lane)
        owner = lead.properties.get("OwnerId") or ""
        queued = owner.startswith(PREFIXES["Group"])
        return Conversion(
            lead_id=lead.id,
            status=status,
            account_id=account,
            contact_id=self._contact(lead, account, lane=lane) if account is not None else None,
            owner_id=(create.properties.get("OwnerId") or self.vendor.user_id) if queued else None,
            opportunity_name=create.properties.get("Name"),
        )

    def _status(self, *, lane: Lane) -> str:
        soql = protocol.select(["ApiName"], "LeadStatus", "IsConverted = true", order="SortOrder", limit=1)
        for raw in self.vendor.api.query(soql, lane=lane):
            return str(raw["ApiName"])
        raise RetryableError(
            say("The org has no lead status that means converted; make one in Salesforce's setup."),
            reason="no_converted_status",
        )

    def _belonged(self, create: Create) -> str | None:
        if self.rule.account not in (_SAME_DOMAIN, _SAME_NAME):
            return None
        return next((one for kind, one in create.associate if kind == ACCOUNT_TYPE), None)

    def _account(self, lead: Record, *, lane: Lane) -> str | None:
        """The oldest account of the same company, by the policy's rule."""
        told = lead.properties
        if self.rule.account == _SAME_NAME and told.get("Company"):
            where = f"Name = {protocol.quoted(str(told['Company']))}"
            return self._first(ACCOUNT_TYPE, where, lane=lane)
        domain = TIDIES["domain"](told.get("Website") or "")
        if self.rule.account != _SAME_DOMAIN or not domain:
            return None
        where = f"Website LIKE {protocol.quoted('%' + domain + '%')}"
        soql = protocol.select(["Id", "Website"], ACCOUNT_TYPE, where, order="CreatedDate, Id", limit=50)
        rows = self.vendor.api.query(soql, lane=lane)
        return next((str(raw["Id"]) for raw in rows if TIDIES["domain"](str(raw["Website"])) == domain), None)

    def _contact(self, lead: Record, account: str, *, lane: Lane) -> str | None:
        email = lead.properties.get("Email")
        if not email:
            return None
        where = f"AccountId = {protocol.quoted(account)} AND Email = {protocol.quoted(email)}"
        return self._first(CONTACT, where, lane=lane)

    def _first(self, object_type: str, where: str, *, lane: Lane) -> str | None:
        soql = protocol.select(["Id"], object_type, where, order="CreatedDate, Id", limit=1)
        return next((str(raw["Id"]) for raw in self.vendor.api.query(soql, lane=lane)), None)

    # ── the opportunity ──────────────────────────────────────────────────────────────────────────────────────
    def _finished(self, create: Create, lead: Record | None, *, lane: Lane) -> WriteResult:
        """What the policy says of the opportunity, on the one that the conversion made."""
        if lead is None:
            return WriteResult(id=create.key, outcome=Outcome.MISSING, reason="not_found")
        if not _is_converted(lead):
            return WriteResult(id=create.key, outcome=Outcome.UNCERTAIN, reason="connection_lost")
        contact, account = lead.properties.get("ConvertedContactId"), lead.properties.get("ConvertedAccountId")
        made = lead.properties.get("ConvertedOpportunityId")
        if made is None:  # a person converted it without one
            ends = tuple((kind, one) for kind, one in ((CONTACT, contact), (ACCOUNT_TYPE, account)) if one)
            [result] = self.vendor.create(OPPORTUNITY, [replace(create, associate=ends)], lane=lane)
            return replace(result, became=contact)
        shown = self.vendor.read(OPPORTUNITY, [made], ["CreatedById", KEY_PROPERTY], lane=lane).get(made)
        ours = shown is not None and shown.properties.get("CreatedById") == self.vendor.user_id
        if not ours or (shown is not None and shown.properties.get(KEY_PROPERTY) not in (None, create.key)):
            return WriteResult(
                id=create.key, outcome=Outcome.REJECTED, reason="conflict", existing_id=made, became=contact
            )
        update = Update(id=made, properties={**create.properties, KEY_PROPERTY: create.key})
        [result] = self.vendor.update(OPPORTUNITY, [update], lane=lane)
        return replace(result, became=contact)

    def _read(self, ids: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        return self.vendor.read(PERSON, ids, _ASKED, lane=lane)


def is_of_lead(create: Create) -> bool:
    """True when the record is for a lead that is no contact yet."""
    return any(kind == PERSON and one.startswith(PREFIXES[PERSON]) for kind, one in create.associate)


def _lead(create: Create) -> str:
    return next(one for kind, one in create.associate if kind == PERSON)


def _is_converted(lead: Record) -> bool:
    return lead.properties.get("IsConverted") == "true"


def _failed(create: Create, told: Converted) -> WriteResult:
    error = told.error
    if isinstance(error, RefusedError):
        return WriteResult(
            id=create.key,
            outcome=Outcome.MISSING if error.reason == "converted" else Outcome.REJECTED,
            reason=error.reason,
            message=error.message,
        )
    return WriteResult(id=create.key, outcome=Outcome.RETRY, reason=error.reason if error is not None else None)

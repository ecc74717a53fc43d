"""Lead conversion and merges: what the SOAP calls of these names do, and what people do at their screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.sandbox.salesforce import writing
from connector.sandbox.salesforce.org import Org, Row
from connector.sandbox.salesforce.wire import Actor, Headers, Problem
from connector.sandbox.salesforce.writing import RowRefusedError

#: lead field -> contact field, account field
_TO_CONTACT = {
    "LastName": "LastName", "FirstName": "FirstName", "Salutation": "Salutation", "Title": "Title", "Phone": "Phone",
    "MobilePhone": "MobilePhone", "Email": "Email", "LeadSource": "LeadSource", "Description": "Description",
    "Street": "MailingStreet", "City": "MailingCity", "State": "MailingState", "PostalCode": "MailingPostalCode",
    "Country": "MailingCountry", "HasOptedOutOfEmail": "HasOptedOutOfEmail",
}  # fmt: skip
_TO_ACCOUNT = {
    "Company": "Name", "Phone": "Phone", "Website": "Website", "Industry": "Industry", "AnnualRevenue": "AnnualRevenue",
    "NumberOfEmployees": "NumberOfEmployees", "Street": "BillingStreet", "City": "BillingCity",
    "State": "BillingState", "PostalCode": "BillingPostalCode", "Country": "BillingCountry",
}  # fmt: skip
#: object -> the fields by which others hang on its rows
_CHILDREN = {
    "Lead": (("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "LeadId")),
    "Contact": (
        ("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "ContactId"), ("OpportunityContactRole", "ContactId"),
    ),
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Task", "WhatId"), ("Event", "WhatId")),
}  # fmt: skip
MOST_MERGED = 2


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What one `LeadConvert` asks for."""

    lead_id: str
    status: str
    account_id: str = ""
    contact_id: str = ""
    owner_id: str = ""
    opportunity_name: str = ""
    no_opportunity: bool = False
    overwrite_source: bool = False


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What came of it."""

    account_id: str
    contact_id: str
    opportunity_id: str | None


def convert(org: Org, wanted: Conversion, actor: Actor) -> Converted:
    """Convert one lead, or raise `RowRefusedError`."""
    lead = writing.lookup(org, wanted.lead_id, org.objects["Lead"])
    _check(org, lead, wanted)
    _check_duplicates(org, lead, wanted, actor)
    owner = wanted.owner_id or str(lead.get("OwnerId"))
    account = _account(org, lead, wanted, owner, actor)
    contact = _contact(org, lead, wanted, account, owner, actor)
    opportunity = None if wanted.no_opportunity else _opportunity(org, lead, wanted, account, contact, owner, actor)
    _move(org, lead, contact)
    org.write(
        lead,
        {
            "Status": wanted.status,
            "IsConverted": True,
            "ConvertedDate": str(lead.get("SystemModstamp"))[:10],
            "ConvertedAccountId": account.id,
            "ConvertedContactId": contact.id,
            "ConvertedOpportunityId": opportunity,
        },
        actor,
        method="convert",
    )
    return Converted(account_id=account.id, contact_id=contact.id, opportunity_id=opportunity)


def _check(org: Org, lead: Row, wanted: Conversion) -> None:
    if lead.deleted:
        raise _refused("ENTITY_IS_DELETED", "entity is deleted")
    if lead.get("IsConverted"):
        raise _refused("CANNOT_UPDATE_CONVERTED_LEAD", "lead already converted")
    statuses = [row.get("ApiName") for row in org.rows("LeadStatus") if row.get("IsConverted")]
    if wanted.status not in statuses:
        raise _refused("INVALID_STATUS", f"invalid convertedStatus: {wanted.status}")
    owner = org.object_of(str(lead.get("OwnerId")))
    if not wanted.owner_id and owner is not None and owner.name == "Group":
        raise _refused("INVALID_OWNER", "ownerId is required for leads that a queue owns")
    if wanted.contact_id and not wanted.account_id:
        raise _refused("MISSING_ARGUMENT", "accountId is required when contactId is given")


def _check_duplicates(org: Org, lead: Row, wanted: Conversion, actor: Actor) -> None:
    """Duplicate rules look at what a conversion makes; people at their screens read the alert and go on."""
    headers = Headers(allow_duplicates=actor.source == "UI")
    for name, given, targets in (
        ("Account", wanted.account_id, _TO_ACCOUNT),
        ("Contact", wanted.contact_id, _TO_CONTACT),
    ):
        if not given:
            values = {target: lead.get(source) for source, target in targets.items() if lead.get(source)}
            writing.check_duplicates(org, org.objects[name], values, values, None, headers)


def _account(org: Org, lead: Row, wanted: Conversion, owner: str, actor: Actor) -> Row:
    if wanted.account_id:
        found = writing.lookup(org, wanted.account_id, org.objects["Account"])
        _fill(org, found, lead, _TO_ACCOUNT, actor)
        return found
    values = {target: lead.get(name) for name, target in _TO_ACCOUNT.items() if lead.get(name)}
    return org.create(org.objects["Account"], {**values, "OwnerId": owner}, actor)


def _contact(org: Org, lead: Row, wanted: Conversion, account: Row, owner: str, actor: Actor) -> Row:
    if wanted.contact_id:
        found = writing.lookup(org, wanted.contact_id, org.objects["Contact"])
        _fill(org, found, lead, _TO_CONTACT, actor)
        if wanted.overwrite_source and lead.get("LeadSource"):
            org.write(found, {"LeadSource": lead.get("LeadSource")}, actor)
        return found
    values: dict[str, Any] = {target: lead.get(name) for name, target in _TO_CONTACT.items() if lead.get(name)}
    values |= _custom(org, lead, "Contact")
    return org.create(org.objects["Contact"], {**values, "AccountId": account.id, "OwnerId": owner}, actor)


def _fill(org: Org, row: Row, lead: Row, names: dict[str, str], actor: Actor) -> None:
    """Only what is empty is filled."""
    blanks = {target: lead.get(name) for name, target in names.items() if lead.get(name) and not row.get(target)}
    if blanks:
        org.write(row, blanks, actor)


def _custom(org: Org, lead: Row, target: str) -> dict[str, Any]:
    """Custom fields of the same name are mapped to each other in this org, unique ones excepted."""
    fields = org.objects[target].fields
    return {
        name: value
        for name, value in lead.values.items()
        if name.endswith("__c") and name in fields and not fields[name].unique
    }


def _opportunity(org: Org, lead: Row, wanted: Conversion, account: Row, contact: Row, owner: str, actor: Actor) -> str:
    values = {
        "Name": wanted.opportunity_name or str(lead.get("Company")),
        "AccountId": account.id,
        "OwnerId": owner,
        "StageName": "Prospecting",
        "CloseDate": str(lead.get("SystemModstamp"))[:10],
        "LeadSource": lead.get("LeadSource"),
    }
    made = org.create(org.objects["Opportunity"], values, actor)
    role = {"OpportunityId": made.id, "ContactId": contact.id, "IsPrimary": True}
    org.create(org.objects["OpportunityContactRole"], role, actor)
    return made.id


def _move(org: Org, lead: Row, contact: Row) -> None:
    for name, reference in _CHILDREN["Lead"]:
        for row in list(org.rows(name)):
            if row.get(reference) != lead.id:
                continue
            if name == "CampaignMember":
                org.write(row, {"ContactId": contact.id}, org.system)
            else:
                org.write(row, {reference: contact.id}, org.system)


def merge(org: Org, master: Row, losers: list[Row], values: dict[str, Any], actor: Actor) -> None:
    """The losers go into the recycle bin under the master's name; what hung on them hangs on the master."""
    if not 1 <= len(losers) <= MOST_MERGED:
        raise _refused("INVALID_ARGUMENT_TYPE", f"a merge takes 1 to {MOST_MERGED} records besides the master")
    for one in losers:
        if one is master or one.deleted or master.deleted or one.info is not master.info:
            raise _refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if one.get("IsConverted") or master.get("IsConverted"):
            raise _refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    for one in losers:
        for name, reference in _CHILDREN[master.info.name]:
            for row in list(org.rows(name)):
                if row.get(reference) == one.id:
                    org.write(row, {reference: master.id}, org.system)
        org.delete(one, actor, master=master.id)
    if values:
        writing.update(org, master, values, actor, Headers(auto_assign=False, allow_duplicates=True))
    else:
        org.write(master, {}, actor, method="merge")


def _refused(code: str, message: str) -> RowRefusedError:
    return RowRefusedError(Problem(code=code, message=message))

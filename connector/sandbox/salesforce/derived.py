"""Fields that Salesforce works out itself, and what follows from a change on other rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.sandbox.salesforce.org import Org, Row

_PERSONS = ("Lead", "Contact", "User")


def derived(org: Org, row: Row, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The calculated fields of a row after these fields changed; None is blank."""
    name = row.info.name
    if name in _PERSONS and ("FirstName" in changed or "LastName" in changed):
        parts = (row.get("FirstName"), row.get("LastName"))
        return {"Name": " ".join(part for part in parts if part)}
    if name == "Task":
        return _task(org, row, changed)
    if name == "Event":
        return {"ActivityDate": (row.get("StartDateTime") or row.get("ActivityDateTime") or "")[:10] or None}
    if name == "Opportunity" and "StageName" in changed:
        return _stage(org, str(row.get("StageName")))
    if name == "CampaignMember":
        who = row.get("LeadId") or row.get("ContactId")
        responded = _is_answer(org, row)
        first = row.get("FirstRespondedDate") or str(row.get("SystemModstamp"))[:10]
        return {
            "LeadOrContactId": who,
            "Type": "Lead" if row.get("LeadId") else "Contact",
            "HasResponded": responded,
            "FirstRespondedDate": first if responded else None,
        }
    return {}


def _is_answer(org: Org, row: Row) -> bool:
    """Each campaign says of its own statuses which count as an answer."""
    for one in org.rows("CampaignMemberStatus"):
        if one.get("CampaignId") == row.get("CampaignId") and one.get("Label") == row.get("Status"):
            return bool(one.get("HasResponded"))
    return bool(row.get("Status") == "Responded")


def _task(org: Org, row: Row, changed: Mapping[str, Any]) -> dict[str, Any]:
    from connector.sandbox.salesforce.org import stamp

    closed = row.get("Status") == "Completed"
    found: dict[str, Any] = {"IsClosed": closed, "IsHighPriority": row.get("Priority") == "High"}
    if "Status" in changed:
        found["CompletedDateTime"] = stamp(org.now()) if closed else None
    account: Any = None
    what = org.find(str(row.get("WhatId") or ""))
    who = org.find(str(row.get("WhoId") or ""))
    if what is not None:
        account = what.id if what.info.name == "Account" else what.get("AccountId")
    elif who is not None and who.info.name == "Contact":
        account = who.get("AccountId")
    return found | {"AccountId": account}


def _stage(org: Org, stage: str) -> dict[str, Any]:
    for one in org.rows("OpportunityStage"):
        if one.get("ApiName") == stage:
            known = {name: one.get(name) for name in ("IsClosed", "IsWon")}
            return known | {"Probability": one.get("DefaultProbability")}
    return {"IsClosed": False, "IsWon": False}


def follow(org: Org, row: Row) -> None:
    """What a change of a row does to others: an opportunity made with a contact gets a contact role, and permissions
    that are given show a field."""
    if row.info.name == "FieldPermissions":
        _grant(org, row)
    if row.info.name != "Opportunity" or not row.get("ContactId"):
        return
    contact = row.values.pop("ContactId")
    role = {"OpportunityId": row.id, "ContactId": contact, "IsPrimary": True}
    org.create(org.objects["OpportunityContactRole"], role, org.system)


def _grant(org: Org, row: Row) -> None:
    """A FieldPermissions row was made: what it shows to our user is ungranted no more."""
    mine = {
        str(one.get("PermissionSetId"))
        for one in org.rows("PermissionSetAssignment")
        if one.get("AssigneeId") == org.me_id
    }
    if row.get("ParentId") in mine and row.get("PermissionsRead"):
        object_name, _, name = str(row.get("Field")).partition(".")
        org.ungranted.get(object_name, set()).discard(name)

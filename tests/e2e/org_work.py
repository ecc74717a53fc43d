"""What people do with leads in an org, and what stands there of it: see `tests/e2e/handover.py` for a portal's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.e2e.salesforce_relay import KEY, SalesforceRelay
from tests.e2e.test_f1_salesforce import HEARD, edit, opportunities

__all__ = [
    "HEARD", "call", "edit", "field_sales_gets", "its_deals", "new_lead", "new_sal", "now", "open_tasks", "packets",
    "subjects",
]  # fmt: skip


def now(relay: SalesforceRelay) -> datetime:
    """The org's time."""
    return datetime.fromtimestamp(relay.org.clock()["now_ms"] / 1000, UTC)


def new_lead(relay: SalesforceRelay, email: str = "yamada@example.co.jp", **values: Any) -> str:
    """Somebody puts a lead into the org, and it is worked on."""
    known = {"LastName": "山田", "Company": "株式会社サンプル", "Email": email}
    lead = relay.org.create("Lead", known | values)
    relay.hear_and_settle()
    return lead


def new_sal(relay: SalesforceRelay, email: str = "yamada@example.co.jp", **values: Any) -> str:
    """A lead that inside sales has accepted."""
    lead = relay.new_mql(email, **values)
    edit(relay, lead, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    assert relay.fields(lead)["TasukiStage__c"] == "SAL"
    return lead


def field_sales_gets(relay: SalesforceRelay, lead: str, **values: Any) -> str:
    """What was heard is filled in, which hands the lead over; the contact that it has become."""
    edit(relay, lead, **HEARD, TasukiTimeline__c="within_3m", **values)
    return str(relay.fields(lead)["ConvertedContactId"])


def call(relay: SalesforceRelay, person: str, *, outcome: str = "不通", user: str = "") -> None:
    """A rep logs a call that was had, a moment later; nobody answered it."""
    relay.pass_time(seconds=2)
    logged = {"WhoId": person, "Subject": "架電", "TaskSubtype": "Call", "Status": "Completed"}
    relay.org.create("Task", logged | {"CallDisposition": outcome}, user_id=user)
    relay.hear_and_settle()


def open_tasks(relay: SalesforceRelay, person: str) -> list[dict[str, Any]]:
    """The tasks of a lead or contact that we made and that are still to be done."""
    return [one for one in relay.tasks(person) if one["Status"] != "Completed"]


def subjects(relay: SalesforceRelay, person: str) -> list[str]:
    """What they are about."""
    return sorted(one["Subject"] for one in open_tasks(relay, person))


def its_deals(relay: SalesforceRelay, contact: str) -> list[dict[str, Any]]:
    """The opportunities in which a contact has a role, the oldest first."""
    roles = [one["fields"] for one in relay.org.records("OpportunityContactRole")]
    ids = {one["OpportunityId"] for one in roles if one["ContactId"] == contact}
    return sorted((one for one in opportunities(relay) if one["Id"] in ids), key=lambda one: str(one["Id"]))


def packets(relay: SalesforceRelay, deal: str) -> list[str]:
    """What our notes on an opportunity say, the oldest first."""
    tasks = [one["fields"] for one in relay.org.records("Task")]
    ours = [one for one in tasks if one.get("WhatId") == deal and one.get(KEY) and one["Subject"] == "引き継ぎメモ"]
    return [str(one["Description"]) for one in ours]

"""What people do in an org, and what stands there of it: they fill forms and fields, log calls and mails, tick tasks
off, and hand leads from hand to hand. See `tests/e2e/handover.py` for a portal's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connector.cli.demo_proof import rule_of
from tests.e2e.salesforce_relay import KEY, SalesforceRelay

OPEN = "Not Started"

HEARD = {
    "TasukiNeed__c": "見積書の作成に毎月40時間かかる",
    "TasukiBackground__c": "来期の全社プロジェクト",
    "TasukiExpectations__c": "他社事例と概算",
    "TasukiCompetitors__c": "A社",
    "TasukiDecisionMaker__c": "鈴木本部長",
}


def edit(relay: SalesforceRelay, record: str, **values: Any) -> None:
    """A person fills fields, a moment later."""
    relay.pass_time(seconds=2)
    relay.org.edit(record, values)
    relay.hear_and_settle()


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


def new_sql(relay: SalesforceRelay, email: str = "yamada@example.co.jp", **values: Any) -> str:
    """The contact that a lead has become by its hand-over."""
    lead = new_sal(relay, email, **values)
    contact = field_sales_gets(relay, lead)
    assert relay.fields(lead)["IsConverted"] is True
    return contact


def inquire(relay: SalesforceRelay, *people: str, source: str = "Web", **values: Any) -> list[str]:
    """They fill a Web-to-Lead form at once, each of a company of their own, and are worked on; returns their leads."""
    relay.pass_time(seconds=2)
    queue = next(one["id"] for one in relay.org.records("Group") if one["fields"]["Type"] == "Queue")
    form = {"LastName": "山田", "LeadSource": source, "OwnerId": queue} | values
    made = [
        relay.org.create("Lead", form | {"Email": f"{one}@{one}.example", "Company": f"会社{one}"}, web=True)
        for one in people
    ]
    relay.hear_and_settle()
    return made


def log(relay: SalesforceRelay, person: str, subtype: str, *, user: str = "", **values: Any) -> str:
    """Somebody (`user`) logs a call, mail or message that they had with the person, a moment later; returns its id."""
    relay.pass_time(seconds=2)
    given = {"WhoId": person, "Subject": subtype, "TaskSubtype": subtype, "Status": "Completed"}
    return relay.org.create("Task", given | values, user_id=user)


def calls(relay: SalesforceRelay, person: str, outcome: str | None = None) -> str:
    """Somebody calls; with `outcome`, the telephone system says what came of it."""
    made = log(relay, person, "Call", **({"CallDisposition": outcome} if outcome is not None else {}))
    relay.hear_and_settle()
    return made


def replies(relay: SalesforceRelay, person: str) -> None:
    """The person answers a mail."""
    mail = log(relay, person, "Email", Subject="Re: ご案内")
    relay.org.create("EmailMessage", {"ActivityId": mail, "Incoming": True, "Subject": "Re: ご案内"})
    relay.hear_and_settle()


def books(relay: SalesforceRelay, person: str, start: datetime, subject: str = "打ち合わせ") -> str:
    """Somebody puts a meeting with the person into the calendar."""
    relay.pass_time(seconds=2)
    times = {"StartDateTime": start.isoformat(), "EndDateTime": (start + timedelta(hours=1)).isoformat()}
    event = relay.org.create("Event", {"WhoId": person, "Subject": subject} | times)
    relay.hear_and_settle()
    return event


def finishes(relay: SalesforceRelay, *tasks: dict[str, Any]) -> None:
    """Somebody ticks tasks off."""
    relay.pass_time(seconds=2)
    for task in tasks:
        relay.org.edit(task["Id"], {"Status": "Completed"})
    relay.hear_and_settle()


def open_tasks(relay: SalesforceRelay, person: str) -> list[dict[str, Any]]:
    """The tasks of a lead or contact that we made and that are still to be done."""
    return [one for one in relay.tasks(person) if one["Status"] != "Completed"]


def subjects(relay: SalesforceRelay, person: str) -> list[str]:
    """What they are about."""
    return sorted(one["Subject"] for one in open_tasks(relay, person))


def opportunities(relay: SalesforceRelay) -> list[dict[str, Any]]:
    """Everybody's."""
    return [one["fields"] for one in relay.org.records("Opportunity")]


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


def asked_by(relay: SalesforceRelay, person: str, *, still: bool = False) -> list[str]:
    """The rules and cadences that asked for the person's tasks, one name a task; with `still`, of the open ones."""
    return sorted(rule_of(one[KEY]) for one in relay.tasks(person) if not still or one["Status"] == OPEN)


def campaign(relay: SalesforceRelay, name: str) -> str:
    """An active campaign of this name."""
    return relay.org.create("Campaign", {"Name": name, "IsActive": True})


def members(relay: SalesforceRelay, campaign_id: str) -> list[str]:
    """Who is in the campaign."""
    rows = [one["fields"] for one in relay.org.records("CampaignMember")]
    return sorted(one.get("ContactId") or one["LeadId"] for one in rows if one["CampaignId"] == campaign_id)

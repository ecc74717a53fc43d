"""What people do in an org: calls and mails that they log, and the tasks that they tick off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector.cli.demo_proof import rule_of
from tests.e2e.salesforce_relay import KEY, SalesforceRelay

OPEN = "Not Started"


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


def log(relay: SalesforceRelay, person: str, subtype: str, **values: Any) -> str:
    """Somebody logs a call, mail or message that they had with the person, a moment later; returns its id."""
    relay.pass_time(seconds=2)
    given = {"WhoId": person, "Subject": subtype, "TaskSubtype": subtype, "Status": "Completed"}
    return relay.org.create("Task", given | values)


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


def books(relay: SalesforceRelay, person: str, start: datetime) -> str:
    """Somebody puts a meeting with the person into the calendar."""
    relay.pass_time(seconds=2)
    times = {"StartDateTime": start.isoformat(), "EndDateTime": (start + timedelta(hours=1)).isoformat()}
    event = relay.org.create("Event", {"WhoId": person, "Subject": "打ち合わせ"} | times)
    relay.hear_and_settle()
    return event


def finishes(relay: SalesforceRelay, *tasks: dict[str, Any]) -> None:
    """Somebody ticks tasks off."""
    relay.pass_time(seconds=2)
    for task in tasks:
        relay.org.edit(task["Id"], {"Status": "Completed"})
    relay.hear_and_settle()


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

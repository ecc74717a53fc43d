"""A6 on Salesforce for leads that are not converted: they have no account, and belong to the one of the target list by
the domain of their e-mail addresses, as long as exactly one has it."""

from __future__ import annotations

from typing import Any

from connector.cli.explain_data import described
from connector.cli.explain_print import show
from connector.sync.explaining import find_lead, story
from tests.e2e.org_people import HEARD, edit
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.test_a3_tracks import TARGET
from tests.e2e.test_a6_salesforce import _target, _worked


def _import_leads(relay: SalesforceRelay, **roles: str) -> list[str]:
    """A list of people of one target account comes in at once, as leads; name → their role."""
    shared = {"LeadSource": "アウトバウンド", "OwnerId": relay.org.user_id, "Company": "大手製造"}
    rows = [
        shared | {"LastName": name, "Email": f"{name}@{TARGET}", "TasukiAuthority__c": role}
        for name, role in roles.items()
    ]
    made = relay.org.import_rows("Lead", rows)
    relay.hear_and_settle()
    return made


def _explained(relay: SalesforceRelay, record: str) -> dict[str, Any]:
    return described(relay.tenant, story(relay.tenant, find_lead(relay.tenant, f"contact:{record}")))["company"]


def _companies(relay: SalesforceRelay, *records: str) -> list[str | None]:
    """The accounts that these people belong to, as the rules see it."""
    found = relay.rows("SELECT vendor_id, company_id FROM mirror WHERE vendor_id = ANY(%s)", [list(records)])
    by_id = {row["vendor_id"]: row["company_id"] for row in found}
    return [by_id[one] for one in records]


def test_one_plan_an_account_and_one_owner_before_anybody_is_converted(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.pass_time(seconds=1)
    account = _target(relay)
    clerk, boss, user = _import_leads(relay, clerk="collects", boss="decides", user="promotes")
    shown = [relay.fields(one) for one in (clerk, boss, user)]
    assert {(one["TasukiStage__c"], one["TasukiTrack__c"]) for one in shown} == {("MQL", "bdr")}
    assert _worked(relay, clerk, boss, user) == [boss], "of a bulk the key person comes first"
    owners = {one["OwnerId"] for one in shown}
    assert len(owners) == 1, "one rep for all people of the account"
    assert owners <= set(relay.pool("bdr"))
    assert relay.fields(account)["OwnerId"] == owners.pop(), "the account has the same owner"
    assert relay.org.ledger(type="Lead", method="convert") == []
    assert all("Website" not in one for one in shown), "what is the account's is not written on leads"
    told = _explained(relay, clerk)
    assert (told["id"], told["found_by"]["field"], told["found_by"]["value"]) == (account, "company_domain", TARGET)

    edit(relay, boss, TasukiRecycleReason__c="timing")
    relay.pass_time(days=1)
    relay.on_a_working_day()  # a first step comes on one
    relay.hear_and_settle()
    assert _worked(relay, clerk, boss, user) == [user], "the next key person"

    edit(relay, user, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    edit(relay, user, **HEARD, TasukiTimeline__c="within_3m")
    contact = str(relay.fields(user)["ConvertedContactId"])
    assert relay.fields(contact)["AccountId"] == account, "a hand-over converts it into the account it belonged to"
    assert len(relay.org.records("Account")) == 1


def test_a_lead_belongs_where_it_fits_now(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.org.create("Account", {"Name": "無料メール株式会社", "Website": "gmail.com"})
    one, other = _import_leads(relay, one="influences", other="collects")
    free = relay.org.create("Lead", {"LastName": "free", "Company": "個人", "Email": "free@gmail.com"})
    relay.hear_and_settle()
    assert _companies(relay, one, other, free) == [None, None, None]

    account = relay.org.create("Account", {"Name": "大手製造株式会社", "Website": "other.example"})
    edit(relay, account, Website=f"https://www.{TARGET}/")
    assert _companies(relay, one, other, free) == [account, account, None], "the account came, and its website"
    second = relay.org.create("Account", {"Name": "別の会社", "Website": TARGET})
    relay.hear_and_settle()
    assert _companies(relay, one, other) == [None, None], "two fit: nobody is chosen"
    told = _explained(relay, one)
    assert (told["id"], told["several"]) == (None, sorted([account, second]))
    show(described(relay.tenant, story(relay.tenant, find_lead(relay.tenant, f"contact:{one}"))))
    relay.org.delete(second)
    relay.hear_and_settle()
    assert _companies(relay, one, other) == [account, account]

    edit(relay, one, Email="one@elsewhere.example")
    assert _companies(relay, one, other) == [None, account], "its address is another one"
    elsewhere = relay.org.create("Account", {"Name": "よその会社", "Website": "else.example"})
    relay.pass_time(seconds=2)
    made = relay.org.convert(other, account_id=elsewhere)
    relay.hear_and_settle()
    contact = str(relay.fields(other)["ConvertedContactId"])
    assert made is not None
    assert _companies(relay, contact) == [elsewhere], "its account is the contact's, and nothing else"
    assert relay.rows("SELECT * FROM company_key WHERE vendor_id = %s", [other]) == []

"""A6 on Salesforce alone: a list of target accounts, several contacts of one account, key people first, one plan an
account."""

from __future__ import annotations

from connector.cli.demo_proof import rule_of
from tests.e2e.org_people import edit
from tests.e2e.salesforce_relay import KEY, SalesforceRelay
from tests.e2e.test_a3_tracks import TARGET


def _target(relay: SalesforceRelay, owner: str = "") -> str:
    """An account of the target list; without an owner it stands with our own user, who is nobody."""
    size = {"NumberOfEmployees": 300, "Industry": "Manufacturing"}
    values = {"Name": "大手製造株式会社", "Website": TARGET, "OwnerId": owner or relay.org.user_id}
    return relay.org.create("Account", values | size)


def _import_list(relay: SalesforceRelay, account: str, **roles: str) -> list[str]:
    """A list of people of one target account comes in at once; name → their role."""
    shared = {"AccountId": account, "LeadSource": "アウトバウンド", "OwnerId": relay.org.user_id}
    rows = [
        shared | {"LastName": name, "Email": f"{name}@{TARGET}", "TasukiAuthority__c": role}
        for name, role in roles.items()
    ]
    made = relay.org.import_rows("Contact", rows)
    relay.hear_and_settle()
    return made


def _worked(relay: SalesforceRelay, *contacts: str) -> list[str]:
    """Whose cadence has an open step."""
    return [
        one
        for one in contacts
        if any(task["Status"] == "Not Started" and rule_of(task[KEY]) == "bdr_outbound" for task in relay.tasks(one))
    ]


def test_one_plan_an_account_key_people_first_and_one_owner(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.pass_time(seconds=1)  # who comes in now is later than the activation by Salesforce's seconds too
    account = _target(relay)
    clerk, boss, user = _import_list(relay, account, clerk="collects", boss="decides", user="promotes")
    shown = [relay.fields(one) for one in (clerk, boss, user)]
    assert {(one["TasukiStage__c"], one["TasukiTrack__c"]) for one in shown} == {("MQL", "bdr")}
    assert {one["TasukiAccount__c"] for one in shown} == {"new_account"}
    assert _worked(relay, clerk, boss, user) == [boss], "of a bulk the key person comes first"
    owners = {one["OwnerId"] for one in shown}
    assert len(owners) == 1, "one rep for all people of the account"
    assert owners <= set(relay.pool("bdr"))
    assert relay.fields(account)["OwnerId"] == owners.pop(), "the account has the same owner"

    relay.pass_time(days=2)
    relay.hear_and_settle()
    clocks = {one: relay.lead(one)["state"]["clocks"]["bdr_first"] for one in (clerk, boss)}
    assert clocks[boss][5] is not None, "the promise of 24 hours was broken where it was owed"
    assert clocks[clerk][5] is None, "who waits is owed nothing yet"
    assert relay.tasks(clerk) == [], "and nobody is told that the lead was left alone"

    relay.pass_time(seconds=2)
    mail = {"WhoId": boss, "Subject": "Re: ご案内", "TaskSubtype": "Email", "Status": "Completed"}
    logged = relay.org.create("Task", mail)
    relay.org.create("EmailMessage", {"ActivityId": logged, "Incoming": True, "Subject": mail["Subject"]})
    relay.hear_and_settle()
    assert _worked(relay, clerk, boss, user) == [], "the account is being talked to: nobody else is written to"
    edit(relay, boss, TasukiRecycleReason__c="timing")
    assert relay.fields(boss)["TasukiStage__c"] == "リサイクル"
    relay.pass_time(days=4)  # over whatever weekend: a first step comes on a working day
    relay.hear_and_settle()
    assert _worked(relay, clerk, boss, user) == [user], "the next key person"


def test_a_customer_makes_the_account_known_and_a_named_owner_stays(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.pass_time(seconds=1)  # who comes in now is later than the activation by Salesforce's seconds too
    bdr = min(relay.pool("bdr"))
    account = _target(relay, owner=bdr)
    buys = {"LastName": "buyer", "Email": f"buyer@{TARGET}", "AccountId": account, "TasukiStage__c": "顧客"}
    buyer = relay.org.create("Contact", buys)
    relay.hear_and_settle()
    assert relay.lead(buyer)["stage"] == "customer"
    (other,) = _import_list(relay, account, other="influences")
    shown = relay.fields(other)
    assert shown["TasukiAccount__c"] == "customer", "a meeting with this one is no new account"
    assert shown["OwnerId"] == bdr, "whoever has the account has its people"
    assert relay.fields(account)["OwnerId"] == bdr
    assert relay.rows("SELECT person FROM assignment_grant WHERE owner_of = 'company'") == [], "nobody was asked"

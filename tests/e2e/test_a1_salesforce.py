"""A1 on Salesforce alone: leads of the org, by hand and by Web-to-Lead, are scored, moved, given owners and tasks."""

from __future__ import annotations

from connector.store.reconcile_passes import Scope
from tests.e2e.relay import CALL
from tests.e2e.salesforce_relay import SalesforceRelay


def test_a_lead_of_the_org_is_scored_and_written_back(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    others = {"entries": [{"when": {"LastName": "山田"}, "owner": relay.org.admin_id}]}
    relay.org.rules(assignment={"Lead": others})
    rep = next(one["id"] for one in relay.org.records("User") if one["id"] not in (relay.org.admin_id,))
    lead = relay.org.create(
        "Lead",
        {
            "LastName": "山田",
            "Company": "株式会社サンプル",
            "Email": "yamada@example.co.jp",
            "Title": "部長",
            "Industry": "Manufacturing",
            "NumberOfEmployees": 500,
            "OwnerId": rep,
        },
    )
    relay.hear_and_settle()
    shown = relay.fields(lead)
    assert shown["TasukiScore__c"] > 0
    assert shown["TasukiStage__c"] == "リード"
    assert shown["OwnerId"] == rep
    mark = relay.mark()
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []


def test_an_inquiry_moves_gets_an_owner_and_a_call_and_people_are_followed(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    lead = relay.new_mql(Title="部長")
    shown = relay.fields(lead)
    assert shown["Status"] == "Working - Contacted"
    assert shown["OwnerId"] in relay.pool("sdr")
    (call,) = relay.tasks_of(lead, CALL)
    assert (call["WhoId"], call["OwnerId"], call["TaskSubtype"]) == (lead, shown["OwnerId"], "Call")
    assert (call["Status"], call["Priority"]) == ("Not Started", "High")

    mark = relay.mark()
    relay.hear_and_settle()
    assert [*relay.our_writes(since=mark), *relay.our_writes(since=mark, type="Task")] == []
    assert "data.composite" not in relay.calls()  # what we heard of our own writes was no news

    # A moment later (Salesforce's time stamps are whole seconds) the rep logs the call as done, gives what she learnt,
    # and takes the lead on: a person's edits come by messages.
    relay.pass_time(seconds=2)
    relay.org.edit(call["Id"], {"Status": "Completed", "CallDisposition": "接続"}, user_id=shown["OwnerId"])
    relay.org.edit(
        lead, {"TasukiRepDecision__c": "accepted", "TasukiNeed__c": "見積の自動化"}, user_id=shown["OwnerId"]
    )
    relay.hear_and_settle()
    assert relay.fields(lead)["TasukiStage__c"] == "SAL"
    assert relay.lead(lead)["stage"] == "sal"
    assert {one["Status"] for one in relay.tasks(lead)} == {"Completed"}
    assert relay.rows("SELECT count(*) AS n FROM signal WHERE kind = 'attempted'")[0]["n"] == 1

    # Two mails are logged: the task is the same, the message behind it says who wrote.
    relay.pass_time(seconds=2)
    mail = {"WhoId": lead, "Subject": "Re: ご案内", "TaskSubtype": "Email", "Status": "Completed"}
    for came_in in (False, True):
        logged = relay.org.create("Task", mail)
        relay.org.create("EmailMessage", {"ActivityId": logged, "Incoming": came_in, "Subject": mail["Subject"]})
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM signal WHERE kind = 'replied'") == [{"n": 1}]

    # A callout of a flow tells as well, once however often it is sent.
    relay.pass_time(seconds=2)
    relay.org.messages(paused=True)
    edited = relay.org.edit(lead, {"Title": "代表取締役"})["fields"]
    told = {"id": "flow-1", "event": "changed", "object": "Lead", "record_id": lead, "fields": {"Title": "代表取締役"}}
    told |= {"occurred_at": edited["SystemModstamp"], "by": edited["LastModifiedById"]}
    relay.call_out(told)
    relay.call_out(told)
    relay.settle()
    assert relay.fields(lead)["TasukiScore__c"] > shown["TasukiScore__c"]
    owners = {row["id"] for row in relay.our_writes() if "OwnerId" in row["changes"]}
    assert owners == {lead}  # the one grant of routing; nothing else of ours ever named an owner


def test_what_says_nothing_is_read_once_and_not_at_every_look(salesforce_relay: SalesforceRelay) -> None:
    """A call that a rep plans is no signal: looks that overlap find it again, and leave it until it has changed."""
    relay = salesforce_relay
    relay.meet()
    lead = relay.new_mql()
    plan = {"WhoId": lead, "Subject": "折り返し", "TaskSubtype": "Call", "Status": "Not Started"}
    planned = relay.org.create("Task", plan)
    relay.hear_and_settle()
    relay.mark()
    found = relay.reconcile(Scope.CHANGES, "Task")["Task"]
    assert found.looked
    assert (found.marked, relay.settle()) == (0, 0)
    assert relay.calls()["total"] == found.pages, "nothing but the look itself"

    relay.pass_time(seconds=2)
    relay.org.edit(planned, {"Status": "Completed"})
    relay.pass_time(seconds=1)
    assert relay.reconcile(Scope.CHANGES, "Task")["Task"].marked == 1
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM signal WHERE kind = 'attempted'")[0]["n"] == 1

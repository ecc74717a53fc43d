"""B4, B5, E13 and F6 on Salesforce alone: what people do, like and have made stands on the org's own records."""

from __future__ import annotations

from tests.e2e.org_people import HEARD, edit, opportunities
from tests.e2e.relay import CALL
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.website import happens, submits

EMAIL = "yamada@example.co.jp"


def signals(relay: SalesforceRelay, kind: str) -> int:
    (row,) = relay.rows("SELECT count(*) AS n FROM signal WHERE kind = %s", [kind])
    return int(row["n"])


def test_calls_tags_and_credit_stand_in_the_org(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    lead = relay.new_mql(EMAIL, TasukiProductInterest__c="core")
    shown = relay.fields(lead)
    assert (shown["TasukiAttempts__c"], shown.get("TasukiLastContact__c")) == (0, None)
    assert (len(relay.tasks_of(lead, CALL)), shown["TasukiNextAction__c"] is not None) == (1, True)
    rep = shown["OwnerId"]

    # Telephony logs a call of four minutes, as it does: done, with its length and no outcome.
    relay.pass_time(minutes=3)
    logged = {"WhoId": lead, "Subject": "架電", "TaskSubtype": "Call", "Status": "Completed", "OwnerId": rep}
    relay.org.create("Task", logged | {"CallDurationInSeconds": 240}, user_id=rep)
    relay.hear_and_settle()
    shown = relay.fields(lead)
    assert (shown["TasukiAttempts__c"], signals(relay, "contacted")) == (1, 1)
    assert shown["TasukiLastContact__c"] is not None
    relay.org.create("Task", logged | {"CallDurationInSeconds": 20}, user_id=rep)
    relay.hear_and_settle()
    assert (relay.fields(lead)["TasukiAttempts__c"], signals(relay, "contacted")) == (2, 1), "too short to be reached"

    submits(relay, EMAIL, "whitepaper")
    happens(relay, EMAIL, "pricing_page")
    assert set(relay.fields(lead)["TasukiInterests__c"].split(";")) == {"tech", "price"}

    # The hand-over keeps who made the opportunity, whoever it is given to and whatever becomes of it.
    edit(relay, lead, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    edit(relay, lead, **HEARD, TasukiTimeline__c="within_3m")
    (deal,) = opportunities(relay)
    assert (deal["TasukiIsOwner__c"], deal["OwnerId"] == rep) == (rep, False)
    edit(relay, deal["Id"], TasukiIsOwner__c=None)
    relay.close_gaps()
    relay.settle()
    assert relay.fields(deal["Id"])["TasukiIsOwner__c"] == rep, "put back"
    edit(relay, deal["Id"], StageName="Closed Won")
    relay.close_gaps()
    relay.settle()
    (won,) = opportunities(relay)
    assert (won["StageName"], won["TasukiIsOwner__c"]) == ("Closed Won", rep)

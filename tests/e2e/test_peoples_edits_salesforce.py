"""On Salesforce too: an edit in the moment between our look and our write is kept or decided, and recorded either way.

No event tells of such an edit: our write has gone over it before anybody looked. The write's own call shows it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.both_relay import BothRelay
from tests.e2e.salesforce_relay import SalesforceRelay


def _recorded(relay: SalesforceRelay, field: str) -> list[dict[str, Any]]:
    return [row for row in relay.kept_values() if row["field"] == field]


def _edit_on_next_write(relay: SalesforceRelay, record_id: str, properties: dict[str, Any]) -> None:
    relay.org.fault("edit", kind="data.composite", times=1, edit={"id": record_id, "properties": properties})


@pytest.mark.fault("F30", "F31")
def test_an_edit_that_our_write_overtakes_is_held_or_written_over_and_recorded(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    form = {"LastName": "山田", "Company": "株式会社サンプル", "Email": "yamada@example.co.jp", "LeadSource": "Web"}
    lead = relay.org.create("Lead", form, web=True)
    # On our first write: a computed field, the product's own score, and one that we do not write.
    edit = {"TasukiTrack__c": "bdr", "TasukiScore__c": 99, "TasukiBudget__c": "secured"}
    _edit_on_next_write(relay, lead, edit)
    relay.hear_and_settle()
    shown = relay.fields(lead)
    assert (shown["TasukiTrack__c"], shown["TasukiBudget__c"]) == ("bdr", "secured")
    assert shown["TasukiScore__c"] not in (None, 99)
    assert relay.holds(lead) == {"track"}
    overtaken = {"rule": "overtaken", "actor": "person"}
    assert _recorded(relay, "TasukiTrack__c") == [{"field": "TasukiTrack__c", "kept": "sdr", "lost": "bdr"} | overtaken]
    assert _recorded(relay, "TasukiScore__c") == [
        {"field": "TasukiScore__c", "kept": f"{shown['TasukiScore__c']:g}", "lost": "99"} | overtaken
    ]
    mark = relay.mark()
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []
    relay.pass_time(days=8)
    relay.hear_and_settle()
    assert relay.fields(lead)["TasukiTrack__c"] == "sdr", "it is held for as long as `hold_edits` says"


def test_an_edit_within_the_writes_own_call_is_not_lost_where_the_org_keeps_no_history(
    salesforce_relay: SalesforceRelay,
) -> None:
    """It falls after the look that the call begins with: the write is refused for it, and looks again."""
    relay = salesforce_relay
    relay.meet()
    form = {"LastName": "山田", "Company": "株式会社サンプル", "Email": "yamada@example.co.jp", "LeadSource": "Web"}
    lead = relay.org.create("Lead", form, web=True)
    relay.pass_time(seconds=2)
    edit = {"id": lead, "properties": {"TasukiTrack__c": "bdr"}}
    relay.org.fault("edit", kind="data.composite", times=1, when="between", edit=edit)
    relay.hear_and_settle()
    assert relay.fields(lead)["TasukiTrack__c"] == "bdr", "held, as any edit of a person"
    assert relay.holds(lead) == {"track"}
    (told,) = _recorded(relay, "TasukiTrack__c")
    assert told == {"field": "TasukiTrack__c", "rule": "overtaken", "actor": "person", "kept": "sdr", "lost": "bdr"}


def test_a_move_that_our_write_overtakes_is_decided_by_manual_moves(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    form = {"LastName": "山田", "Company": "株式会社サンプル", "Email": "yamada@example.co.jp", "LeadSource": "Web"}
    lead = relay.org.create("Lead", form, web=True)
    _edit_on_next_write(relay, lead, {"TasukiStage__c": "SAL"})  # while the inquiry's MQL is on its way
    relay.hear_and_settle()
    assert (relay.lead(lead)["stage"], relay.fields(lead)["TasukiStage__c"]) == ("sal", "SAL")
    assert _recorded(relay, "TasukiStage__c") == [
        {"field": "TasukiStage__c", "rule": "overtaken", "actor": "person", "kept": "MQL", "lost": "SAL"}
    ]


def test_what_a_write_to_a_company_overtakes_is_recorded(both: BothRelay) -> None:
    relay = both
    relay.meet()
    relay.listen()
    email = "yamada@example.co.jp"
    company = str(relay.sandbox.create("companies", {"name": "サンプル"})["id"])
    values = {"email": email, "lastname": "山田"}
    relay.sandbox.create("contacts", values, associations=[("companies", company)])
    account = relay.org.create("Account", {"Name": "サンプル"})
    relay.org.create("Contact", {"LastName": "山田", "Email": email, "AccountId": account})
    relay.hear_and_settle()
    edit = {"id": account, "properties": {"Name": "人の名前"}}
    relay.org.fault("edit", kind="data.composite", record=account, times=1, edit=edit)
    relay.sandbox.edit("companies", company, {"name": "サンプル商事"})
    relay.hear_and_settle()
    assert relay.fields(account)["Name"] == "サンプル商事", "on a company our write stands"
    told = {"field": "Account.Name", "rule": "overtaken", "actor": "person", "kept": "サンプル商事", "lost": "人の名前"}
    assert told in relay.kept_values()

"""Several policies in one org: each lead is under the first that takes it, is handed over as its own policy says, and
may pass over to another, as the contact that it has become too."""

from __future__ import annotations

from pathlib import Path

from connector.cli.demo_proof import rule_of
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.org_people import HEARD, edit, opportunities
from tests.e2e.relay import CALL, MAIL, POLICY, loaded
from tests.e2e.salesforce_relay import KEY, SalesforceRelay

SMALL = {
    "policy.yaml": """\
policy: small
language: ja
time_zone: Asia/Tokyo
sync: {fresh_for: 24h}
applies_to: {product: option}
""",
    "fields.yaml": """\
lead:
  last_name: {label: 姓, type: text, salesforce: [Lead.LastName, Contact.LastName]}
  email: {label: メール, type: email, salesforce: [Lead.Email, Contact.Email]}
  product:
    label: 関心製品
    type: choice
    choices: {core: 本体, option: オプション}
    salesforce: [Lead.TasukiProductInterest__c, Contact.TasukiProductInterest__c]
""",
    "scoring.yaml": """\
signals:
  inquiry: {label: 問い合わせ, from: [{web_to_lead: {LeadSource: Web}}, {web_to_lead: {LeadSource: 資料請求}}]}
ratings:
  interest:
    label: 関心
    choices: {some: あり, none_yet: まだ}
    rules:
      - {id: interest_some, when: {signal.inquiry: {at_least: 1}}, value: some}
      - {id: interest_none, value: none_yet}
    salesforce: [Lead.TasukiInterest__c, Contact.TasukiSmallInterest__c]
""",
    "lifecycle.yaml": """\
stages: {lead: {label: リード}, mql: {label: MQL}}
transitions:
  - {id: to_mql, from: [lead], to: mql, when: {signal.inquiry: {at_least: 1, since: stage_entered}}}
stored_as:
  - {salesforce: [Lead.TasukiStage__c, Contact.TasukiStage__c], values: labels}
""",
    "work.yaml": """\
rules:
  - id: small_mail
    on: {signal: inquiry}
    do: [{task: {kind: mail, to: owner, due: 1d, title: "{last_name}様に返信"}}]
""",
}
"""A small policy for those interested in the option: a document request is an inquiry to it, answered by mail. It hands
nothing over, and calls its field on contacts otherwise."""


def _small(folder: Path) -> Path:
    folder.mkdir()
    for name, text in SMALL.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _came_in(relay: SalesforceRelay, email: str, product: str, source: str = "Web") -> str:
    queue = next(one["id"] for one in relay.org.records("Group") if one["fields"]["Type"] == "Queue")
    form = {"LastName": "山田", "Company": "株式会社サンプル", "Email": email, "LeadSource": source, "OwnerId": queue}
    lead = relay.org.create("Lead", {**form, "TasukiProductInterest__c": product}, web=True)
    relay.hear_and_settle()
    return lead


def _asked(relay: SalesforceRelay, person: str) -> list[str]:
    """The rules whose tasks are open."""
    open_tasks = [one for one in relay.tasks(person) if one["Status"] != "Completed"]
    return sorted(rule_of(one[KEY]) for one in open_tasks)


def test_each_lead_of_the_org_is_under_the_first_policy_that_takes_it(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path
) -> None:
    relay = make_salesforce_relay(policy=_small(tmp_path / "small"))
    relay.beside(POLICY)
    relay.meet()
    relay.pass_time(seconds=2)  # what comes in now is later than the activation by Salesforce's seconds too
    other = _came_in(relay, "other@example.jp", "option", "資料請求")
    core = _came_in(relay, "core@example.co.jp", "core")

    # Each is decided, written and worked by its own policy.
    assert [relay.lead(one)["policy"] for one in (other, core)] == ["small", "b2b-ja"]
    shown, theirs = relay.fields(other), relay.fields(core)
    assert (shown["TasukiStage__c"], shown["TasukiInterest__c"], shown.get("TasukiScore__c")) == ("MQL", "some", None)
    assert (theirs["TasukiStage__c"], theirs.get("TasukiInterest__c")) == ("MQL", None)
    assert theirs["TasukiScore__c"] > 0
    assert _asked(relay, other) == ["small_mail"]
    assert _asked(relay, core) == [CALL, MAIL]
    relay.policy = loaded(POLICY)
    assert theirs["OwnerId"] in relay.pool("sdr")

    # The hand-over converts, as the policy says that has the lead: the first of the two knows of none.
    edit(relay, core, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    edit(relay, core, **HEARD, TasukiTimeline__c="within_3m")
    (deal,) = opportunities(relay)
    contact = relay.fields(core)["ConvertedContactId"]
    assert relay.fields(core)["ConvertedOpportunityId"] == deal["Id"]
    assert relay.fields(contact)["TasukiStage__c"] == "SQL"
    assert relay.fields(contact)["TasukiScore__c"] > 0
    assert relay.lead(contact)["policy"] == "b2b-ja"

    # The contact passes over to the small policy, and the lead of that one to b2b-ja: nothing stays open.
    edit(relay, contact, TasukiProductInterest__c="option")
    assert (relay.lead(contact)["policy"], _asked(relay, contact)) == ("small", [])
    assert relay.fields(contact)["TasukiSmallInterest__c"] == "some"
    edit(relay, other, TasukiProductInterest__c="core")
    assert (relay.lead(other)["policy"], _asked(relay, other)) == ("b2b-ja", [])
    assert relay.fields(other)["TasukiScore__c"] > 0
    assert relay.parked() == []
    assert len(opportunities(relay)) == 1

"""C1 to C5 on Salesforce alone: points, bands, grades, the rep's view and their explanation, on the org's own leads."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.e2e.command_line import CommandLine
from tests.e2e.org_people import edit, new_lead
from tests.e2e.relay import POLICY
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.website import happens, submits

EMAIL = "yamada@example.co.jp"
FITTING = {"NumberOfEmployees": 300, "Industry": "Manufacturing"}
SMALL = POLICY.parent / "small-team"


def rated(relay: SalesforceRelay, lead: str) -> tuple[float, str, str]:
    shown = relay.fields(lead)
    return shown["TasukiScore__c"], shown["TasukiBand__c"], shown["TasukiGrade__c"]


def test_c1_c2_c3_fit_and_behaviour_their_bands_and_grades_and_what_is_lost_with_time(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    # C1, C3: 30 + 50 = 80 is hot, and hot is an MQL; D, C, B, A.
    assert rated(relay, new_lead(relay, "d@example.co.jp")) == (0, "low", "D")
    manager = new_lead(relay, "c@example.co.jp", Title="課長")
    assert rated(relay, manager) == (10, "low", "C")
    happens(relay, "c@example.co.jp", "mail_click")
    assert rated(relay, manager)[0] == 13, "a mailing tool tells what Salesforce does not"
    asks = {"LastName": "山田", "Company": "社", "Email": "asks@example.co.jp", "LeadSource": "資料請求"}
    asks_for_documents = relay.org.create("Lead", asks, web=True)
    relay.hear_and_settle()
    assert rated(relay, asks_for_documents)[0] == 20
    assert relay.fields(asks_for_documents)["TasukiPriority__c"] == 30, "the source is known by its name"
    lead = new_lead(relay, EMAIL, **FITTING)
    assert rated(relay, lead) == (30, "low", "B"), "it fits, and shows no interest yet"
    submits(relay, EMAIL, "document_request")
    assert rated(relay, lead) == (50, "middle", "B")
    submits(relay, EMAIL, "document_request", "whitepaper", "whitepaper")
    assert rated(relay, lead) == (80, "hot", "A"), "60 points of behaviour are capped"
    shown = relay.fields(lead)
    assert (shown["TasukiStage__c"], shown["Status"]) == ("MQL", "Working - Contacted")
    assert "業種がICP +15" in shown["TasukiReasons__c"]
    told = CommandLine.of(relay).json("explain", EMAIL)
    assert told["stage"]["transition"] == "to_mql_hot"
    scores = relay.lead(lead)["scores"]
    assert (scores["fit"], round(scores["behaviour"])) == (30, 50)

    # C2: free mail, students and competitors cost points, and no score falls below its floor.
    executive = {"Title": "代表取締役"}
    alone = new_lead(relay, "shacho@gmail.com", **executive)
    assert rated(relay, alone)[0] == 5, "15 for the title, -10 for free mail"
    assert "フリーメール -10" in relay.fields(alone)["TasukiReasons__c"]
    student = new_lead(relay, "taro@u.example.ac.jp", **executive)
    submits(relay, "taro@u.example.ac.jp", "whitepaper")
    assert rated(relay, student)[0] == 10, "fit is 0 and not -15: only the white paper is left"
    rival = relay.org.create("Lead", {"LastName": "山田", "Company": "社", "Email": "a@rival.example"}, web=True)
    relay.hear_and_settle()
    shown = relay.fields(rival)
    assert (shown["TasukiStage__c"], shown["Status"], shown["TasukiScore__c"]) == (
        "対象外", "Closed - Not Converted", 0,
    )  # fmt: skip
    assert relay.tasks(rival) == []

    # C2: what was done fades, what the lead is stays.
    mark = relay.mark()
    relay.pass_time(days=30, hours=1)
    relay.hear_and_settle()
    assert rated(relay, lead) == (60, "middle", "A"), "half of the behaviour is left after its half-life"
    writes = [one for one in relay.our_writes(since=mark) if one["id"] == lead]
    assert 1 <= len(writes) <= 31, "at most one write a day"


def test_c4_c5_the_reps_view_counts_and_every_point_is_explained_and_c3_without_any_points(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    lead = relay.new_mql(EMAIL)
    assert rated(relay, lead)[:2] == (40, "middle")
    edit(relay, lead, TasukiTemperature__c="hot")
    hot = relay.fields(lead)
    assert hot["TasukiScore__c"] == 50
    assert "現場の温度感が高い +10" in hot["TasukiReasons__c"]
    edit(relay, lead, TasukiTemperature__c="cold")
    cold = relay.fields(lead)
    assert (cold["TasukiScore__c"], cold["TasukiBand__c"]) == (20, "low")
    assert "現場の温度感が低い -20" in cold["TasukiReasons__c"]
    assert cold["TasukiPriority__c"] < hot["TasukiPriority__c"], "it stands further down in the call list"
    assert cold["TasukiTemperature__c"] == "cold", "what the rep said is never written over"

    # C5: which rules gave which points, since when, from which event; what is unknown, and what knowing it could do.
    told = CommandLine.of(relay).json("explain", EMAIL)
    assert told["vendor_id"] == lead
    assert (told["stage"]["id"], told["stage"]["transition"]) == ("mql", "to_mql_act")
    assert told["total"] == pytest.approx(20, abs=0.1)
    scores = {one["id"]: one for one in told["scores"]}
    (part,) = scores["behaviour"]["parts"]
    assert (part["rule"], part["signal"], part["full_points"]) == ("b_inquiry", "問い合わせ", 40)
    (event,) = part["events"]
    assert datetime.fromisoformat(event["at"]) < datetime.fromisoformat(told["at"])
    (industry,) = [one for one in scores["fit"]["undecided"] if one["rule"] == "industry_in_icp"]
    assert (industry["unknown"], industry["points"]) == (["industry"], 15)
    (task,) = [one for one in told["tasks"] if one["rule"] == "mql_call"]
    assert (task["state"], task["in_crm"], task["owner"]) == ("open", "exists", relay.fields(lead)["OwnerId"])

    # C3: a small team grades by the form alone.
    relay.activate(SMALL)
    relay.walk()
    forms = {"a@example.co.jp": "資料請求", "b@example.co.jp": "Web", "c@example.co.jp": "広告"}
    people = [
        relay.org.create("Lead", {"LastName": "山田", "Company": "社", "Email": one, "LeadSource": source}, web=True)
        for one, source in forms.items()
    ]
    relay.pass_time(seconds=1)
    relay.hear_and_settle()
    assert [relay.fields(one)["TasukiGrade__c"] for one in people] == ["A", "B", "C"]
    assert [relay.tasks(one) for one in people] == [[], [], []]

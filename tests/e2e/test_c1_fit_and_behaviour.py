"""C1: what a lead is and what it does are scored apart, capped each, summed: 30 + 50 = 80 is hot, and hot is an MQL."""

from __future__ import annotations

from tests.e2e.relay import Relay
from tests.e2e.test_a3_tracks import person
from tests.e2e.website import submits

EMAIL = "yamada@example.co.jp"


def test_thirty_and_fifty_are_eighty_and_hot(relay: Relay) -> None:
    relay.listen()
    company = relay.sandbox.create(
        "companies", {"name": "例", "domain": "example.co.jp", "numberofemployees": "300", "industry": "MACHINERY"}
    )
    contact = person(relay, EMAIL, str(company["id"]))
    assert relay.contact(contact)["tasuki_score"] == "30"
    submits(relay, EMAIL, "document_request", "document_request", "whitepaper")
    assert relay.contact(contact)["tasuki_score"] == "80", "behaviour is 50 of 50"
    submits(relay, EMAIL, "whitepaper")
    record = relay.contact(contact)
    assert record["tasuki_score"] == "80", "60 points of behaviour are capped"
    assert record["tasuki_band"] == "hot"
    assert (relay.lead(contact)["stage"], record["lifecyclestage"]) == ("mql", "marketingqualifiedlead")
    assert relay.rows("SELECT transition FROM stage_entry WHERE stage = 'mql'") == [{"transition": "to_mql_hot"}]
    scores = relay.lead(contact)["scores"]
    assert (scores["fit"], round(scores["behaviour"])) == (30, 50)

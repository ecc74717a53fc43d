"""B4: tags by rules stand in a multi-select: interests come with what people look at, and wear off."""

from __future__ import annotations

from tests.e2e.relay import Relay
from tests.e2e.website import happens, submits

EMAIL = "yamada@example.co.jp"


def test_interests_industry_and_phase_are_tagged_and_wear_off(relay: Relay) -> None:
    relay.listen()
    company = str(relay.sandbox.create("companies", {"name": "例", "industry": "AUTOMOTIVE"})["id"])
    contact = str(
        relay.sandbox.create("contacts", {"email": EMAIL, "lastname": "山田"}, associations=[("companies", company)])[
            "id"
        ]
    )
    relay.hear_and_settle()
    assert relay.contact(contact).get("tasuki_interests") in (None, "")
    submits(relay, EMAIL, "whitepaper")
    assert relay.contact(contact)["tasuki_interests"] == "tech"
    assert relay.contact(contact)["tasuki_phase"] == "gathering"
    relay.pass_time(days=60)
    happens(relay, EMAIL, "pricing_page", "case_page")
    assert set(relay.contact(contact)["tasuki_interests"].split(";")) == {"tech", "price", "cases"}
    assert relay.contact(contact)["tasuki_phase"] == "comparing"
    assert "業種がICP +15" in relay.contact(contact)["tasuki_score_reasons"], "the CRM's own industry counts as ours"

    relay.pass_time(days=31)
    relay.hear_and_settle()
    assert set(relay.contact(contact)["tasuki_interests"].split(";")) == {"price", "cases"}
    assert relay.contact(contact)["tasuki_phase"] == "gathering"

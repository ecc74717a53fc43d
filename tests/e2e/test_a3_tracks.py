"""A3: where a lead came from gives its channel, the channel its track; SDR and BDR have rules of their own."""

from __future__ import annotations

from tests.e2e.activities import log
from tests.e2e.relay import CALL, MAIL, MQL, Relay
from tests.e2e.test_e2_routing import SDR, owner, team

BDR = "インサイドセールスBDR"
TARGET = "big-maker.example"
"""A domain on the shipped list of target accounts."""


def person(relay: Relay, email: str, company: str | None = None, **values: str) -> str:
    """Somebody stands in the CRM, and is worked on."""
    made = relay.sandbox.create(
        "contacts",
        {"email": email, "lastname": "山田"} | values,
        associations=[("companies", company)] if company else None,
    )
    relay.hear_and_settle()
    return str(made["id"])


def target(relay: Relay, **values: str) -> str:
    """A company of the target list."""
    return str(relay.sandbox.create("companies", {"name": "大手製造株式会社", "domain": TARGET} | values)["id"])


def kind(relay: Relay, contact: str) -> tuple[str, str]:
    record = relay.contact(contact)
    return record["tasuki_channel"], record["tasuki_track"]


def test_channels_and_tracks(relay: Relay) -> None:
    relay.listen()
    inbound = relay.new_mql()
    assert kind(relay, inbound) == ("inbound", "sdr")
    assert relay.made_by(inbound) == [CALL, MAIL]
    assert owner(relay, inbound) in team(relay, SDR)

    card = person(relay, "card@example.co.jp", tasuki_source="exhibition")
    assert kind(relay, card) == ("event", "sdr")
    assert relay.lead(card)["stage"] == "lead", "a card alone is no MQL"

    company = target(relay, numberofemployees="300", industry="MACHINERY")
    listed = person(relay, f"suzuki@{TARGET}", company, tasuki_source="bdr_list")
    assert kind(relay, listed) == ("outbound", "bdr")
    assert relay.contact(listed)["lifecyclestage"] == MQL, "BDR's way in: the list, not a score"
    assert relay.made_by(listed) == ["bdr_outbound"], "no call within five minutes: a personal mail"
    assert owner(relay, listed) in team(relay, BDR)
    assert relay.contact(listed)["tasuki_band"] == "middle", "30 points of fit"
    log(relay, "emails", listed, hs_email_direction="INCOMING_EMAIL")
    relay.hear_and_settle()
    assert relay.contact(listed)["tasuki_band"] == "hot", "for BDR a reply makes it hot, not 80 points"

"""F6: the inside-sales person who made the deal stands on it, through the win."""

from __future__ import annotations

from tests.e2e.deals import Deals
from tests.e2e.handover import HEARD, edit, its_deals, new_sal, say
from tests.e2e.relay import Relay


def test_the_maker_stays_on_the_deal_through_the_win(relay: Relay) -> None:
    relay.listen()
    people = [one["id"] for one in relay.sandbox.owners()]
    contact = new_sal(relay)
    edit(relay, contact, hubspot_owner_id=people[0])
    edit(relay, contact, **HEARD, tasuki_timeline="within_3m")
    (deal,) = its_deals(relay, contact)
    assert deal["properties"]["tasuki_is_owner"] == people[0]
    edit(relay, contact, hubspot_owner_id=people[1])
    say(relay, deal["id"], hubspot_owner_id=people[1], tasuki_is_owner="")
    assert relay.sandbox.record("deals", deal["id"])["properties"]["tasuki_is_owner"] == people[0], "put back"
    relay.pass_time(seconds=2)
    Deals(relay).move(deal["id"], "受注", closedate="2026-12-20T00:00:00Z")
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "customer"
    assert relay.contact(contact)["lifecyclestage"] == "customer"
    assert relay.sandbox.record("deals", deal["id"])["properties"]["tasuki_is_owner"] == people[0]

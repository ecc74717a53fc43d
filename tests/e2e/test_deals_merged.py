"""Deals that people merge in HubSpot: the lead goes on with the one that stands; deal and packet are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.store.reconcile_passes import Scope
from connector.sync.facts import DEAL_STAGE
from tests.e2e.conftest import MakeBoth, MakeRelay
from tests.e2e.deals import Deals, a_deal, facts, hand_over, its_note, new_contact
from tests.e2e.handover import its_deals, its_notes
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay


def _made(relay: Relay) -> list[tuple[str, str, str]]:
    """The deals that we have made, as the store knows them: whose hand-over, which record, and how it stands."""
    rows = relay.rows("SELECT lead_id, vendor_id, step FROM managed_record WHERE kind = 'deal' ORDER BY lead_id")
    return [(str(row["lead_id"]), row["vendor_id"], row["step"]) for row in rows]


def _at_rest(relay: Relay) -> None:
    """Looks through everything find nothing to do, and no late word of a loser brings it back."""
    before = len(relay.sandbox.ledger(source="INTEGRATION"))
    relay.pass_time(minutes=5)
    relay.reconcile()
    relay.reconcile(Scope.EVERYTHING)
    relay.hear_and_settle()
    assert len(relay.sandbox.ledger(source="INTEGRATION")) == before
    assert [one for one in relay.parked() if one.kind != "property"] == []


@pytest.mark.parametrize(("new_record", "told"), [(False, True), (True, True), (True, False), (False, False)])
def test_two_deals_that_became_one_are_one_to_their_leads(make_relay: MakeRelay, new_record: bool, told: bool) -> None:
    relay = make_relay()
    relay.listen()
    deals, first, second = Deals(relay), new_contact(relay, 1), new_contact(relay, 2, "example.jp")
    relay.hear_and_settle()
    for contact in (first, second):
        hand_over(relay, contact, [a_deal()], [its_note(a_deal())])
    relay.hear_and_settle()
    (kept,), (lost,) = its_deals(relay, first), its_deals(relay, second)

    relay.sandbox.webhooks(drop_rate=0.0 if told else 1.0)
    relay.pass_time(seconds=2)
    winner = relay.sandbox.merge(kept["id"], lost["id"], type="deals", new_record=new_record)["id"]
    assert (winner == kept["id"]) is not new_record
    relay.sandbox.webhooks(drop_rate=0.0)
    if not told:
        relay.pass_time(minutes=5)
        relay.reconcile()  # a deal that nobody has met, and two that are gone
    relay.hear_and_settle()
    merges = relay.rows("SELECT vendor_id FROM drift WHERE object_type = 'deal' AND class = 'merge'")
    known = not new_record  # a deal that nobody has met is new to its people: they tell of it
    assert [row["vendor_id"] for row in merges] == ([winner] if known and not told else [])
    assert [(deal, step) for _, deal, step in _made(relay)] == [(winner, "exists")] * 2
    assert [one["id"] for one in deals.live()] == [winner]
    assert len(its_notes(relay, winner)) == 2, "each hand-over's packet, moved by HubSpot and written once"

    # From now on both are seen with it.
    deals.move(winner, "提案")
    relay.hear_and_settle()
    assert {facts(relay, one)[DEAL_STAGE] for one in (first, second)} == {"proposal"}
    hand_over(relay, second, [a_deal()], [its_note(a_deal())])
    relay.hear_and_settle()
    _at_rest(relay)
    assert ([one["id"] for one in deals.live()], len(its_notes(relay, winner))) == ([winner], 2)
    relay.sandbox.delete("deals", winner)
    relay.hear_and_settle()
    assert {step for _, _, step in _made(relay)} == {"settled"}, "what stood for both was deleted"
    _at_rest(relay)
    assert deals.live() == []


def test_with_both_crms_a_merge_in_either_leaves_one_deal_with_one_packet(make_both: MakeBoth, tmp_path: Path) -> None:
    here = {"one": "deals: salesforce => deals: hubspot", "two": "notes: salesforce => notes: hubspot"}
    relay = make_both(policy=changed_policy(tmp_path / "here", **here))
    relay.meet()
    relay.listen()
    deals, contact = Deals(relay), new_contact(relay, 1)
    person = {"LastName": "山田", "Company": "株式会社例", "Email": "p1@example.co.jp"}
    lead = relay.org.create("Lead", person)
    relay.hear_and_settle()
    assert relay.lead(contact)["id"] == relay.lead(lead)["id"]
    hand_over(relay, contact, [a_deal()], [its_note(a_deal())])
    relay.hear_and_settle()
    (ours,) = its_deals(relay, contact)
    theirs = deals.make(contact, "提案")
    relay.hear_and_settle()

    # In HubSpot our deal is merged into a colleague's; in Salesforce the person into another record of the same one.
    relay.pass_time(seconds=2)
    winner = relay.sandbox.merge(theirs, ours["id"], type="deals", new_record=True)["id"]
    relay.hear_and_settle()
    other = relay.org.create("Lead", {**person, "Email": "p1b@example.co.jp"})
    relay.hear_and_settle()
    relay.org.merge(other, lead)
    relay.hear_and_settle()
    assert relay.lead(other)["id"] == relay.lead(contact)["id"]
    assert _made(relay) == [(str(relay.lead(contact)["id"]), winner, "exists")]
    assert [one["id"] for one in deals.live()] == [winner]
    assert len(its_notes(relay, winner)) == 1
    deals.move(winner, "受注")
    relay.hear_and_settle()
    assert facts(relay, contact)[DEAL_STAGE] == "won"
    mark = relay.org_mark()
    _at_rest(relay)
    assert relay.org_writes(since=mark) == []
    assert relay.org.records("Opportunity") == []

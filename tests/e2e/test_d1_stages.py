"""D1: a lead goes from Lead to Customer by measurable conditions."""

from __future__ import annotations

from tests.e2e.deals import Deals
from tests.e2e.handover import HEARD, edit, its_deals, say
from tests.e2e.relay import INQUIRY, Relay


def test_from_lead_to_customer(relay: Relay) -> None:
    relay.listen()
    contact = str(relay.sandbox.create("contacts", {"email": "yamada@example.co.jp", "lastname": "山田"})["id"])
    relay.hear_and_settle()
    shown: list[str] = []

    def note() -> None:
        shown.append(str(relay.contact(contact)["hs_lead_status"]))

    note()
    relay.sandbox.submit(INQUIRY, {"email": "yamada@example.co.jp", "lastname": "山田"})
    relay.poll()
    relay.hear_and_settle()
    note()
    edit(relay, contact, tasuki_rep_decision="accepted")
    assert relay.lead(contact)["stage"] == "mql", "something of BANT has to be known"
    edit(relay, contact, tasuki_budget="secured")
    note()
    edit(relay, contact, **HEARD)
    assert relay.lead(contact)["stage"] == "sal", "need without timeline is not enough"
    edit(relay, contact, tasuki_timeline="within_6m")
    note()
    (deal,) = its_deals(relay, contact)
    say(relay, deal["id"], tasuki_fs_decision="accepted", tasuki_held_at="2026-11-27T05:00:00Z")
    relay.pass_time(seconds=2)
    Deals(relay).move(deal["id"], "受注")
    relay.hear_and_settle()
    assert shown == ["NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL"]
    assert relay.contact(contact)["lifecyclestage"] == "customer"
    rows = relay.rows("SELECT stage, mover, transition FROM stage_entry ORDER BY seq")
    assert [(row["stage"], row["mover"], row["transition"]) for row in rows] == [
        ("lead", "start", None), ("mql", "rule", "to_mql_act"), ("sal", "rule", "accept"), ("sql", "rule", "qualify"),
        ("opportunity", "rule", "fs_accept"), ("customer", "rule", "won"),
    ]  # fmt: skip

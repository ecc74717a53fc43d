"""D6: discarded leads stay out of the queues; a customer's wish for more comes back to inside sales."""

from __future__ import annotations

from tests.e2e.command_line import CommandLine
from tests.e2e.handover import edit, its_deals, new_sql, people_of, subjects, win
from tests.e2e.relay import CALL, INQUIRY, Relay


def test_discarded_leads_stay_out_and_customers_come_back(relay: Relay) -> None:
    relay.listen()
    student = relay.new_mql("gakusei@example.co.jp")
    edit(relay, student, tasuki_discard_reason="student")
    shown = relay.contact(student)
    assert (relay.lead(student)["stage"], shown["hs_lead_status"]) == ("discarded", "UNQUALIFIED")
    assert relay.open_tasks(student) == []
    customer = new_sql(relay)
    first = win(relay, customer)
    relay.pass_time(days=30)
    relay.sandbox.submit(INQUIRY, {"email": "gakusei@example.co.jp"})
    relay.sandbox.submit("追加相談", {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    assert relay.lead(student)["stage"] == "discarded"
    assert relay.open_tasks(student) == [], "never for discarded leads"
    # the customer: an MQL of inside sales again, with a call
    assert relay.lead(customer)["stage"] == "mql"
    assert relay.contact(customer)["hubspot_owner_id"] in people_of(relay, "インサイドセールスSDR")
    assert any(one.startswith("追加相談") for one in subjects(relay, customer))
    assert CALL in relay.still_asked_by(customer)
    edit(relay, customer, tasuki_rep_decision="accepted")
    assert relay.lead(customer)["stage"] == "sql", "what is known of the customer still holds"
    deals = its_deals(relay, customer)
    assert [one["id"] for one in deals][:1] == [first]
    assert len(deals) == 2, "a deal of its own"
    win(relay, customer)
    stages = [one["stage"] for one in CommandLine.of(relay).json("explain", customer)["history"]]
    assert stages.count("customer") == 2

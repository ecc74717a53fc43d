"""A read that finds a deal of ours gone waits for whoever decides its lead, and holds nothing that they lock next."""

from __future__ import annotations

import threading

from connector.sync.deals import read_deals
from connector.vendors.base import Lane
from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import a_deal, hand_over, its_note, new_contact
from tests.e2e.handover import its_deals
from tests.patience import until_waited_for


def test_what_we_made_is_locked_behind_when_its_lead_is_looked_at(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.listen()
    contact = new_contact(relay)
    relay.hear_and_settle()
    hand_over(relay, contact, [a_deal()], [its_note(a_deal())])
    relay.hear_and_settle()
    (deal,) = its_deals(relay, contact)
    relay.sandbox.delete("deals", deal["id"])
    relay.hear()
    relay.runtime.ingest()
    lead_id = relay.lead(contact)["id"]

    reader = threading.Thread(target=lambda: read_deals(relay.line, Lane.HOT), daemon=True)
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("SELECT 1 FROM lead_due WHERE lead_id = %s FOR UPDATE", [lead_id])
        reader.start()
        until_waited_for(conn)
        conn.execute("SELECT 1 FROM managed_record WHERE lead_id = %s ORDER BY key FOR UPDATE NOWAIT", [lead_id])
    reader.join(10.0)
    assert not reader.is_alive()
    relay.settle()
    assert {row["step"] for row in relay.rows("SELECT step FROM managed_record WHERE kind = 'deal'")} == {"settled"}

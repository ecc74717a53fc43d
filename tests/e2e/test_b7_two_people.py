"""B7 (重複対応): somebody else than the owner works on a lead. Noticed, told to both, and the lead has one owner."""

from __future__ import annotations

from tests.e2e.relay import Relay
from tests.e2e.test_e2_routing import SDR, inquire, owner, team
from tests.e2e.test_e13_calls import CONNECTED, log


def told(relay: Relay) -> set[str]:
    rows = relay.rows("SELECT receiver FROM notice WHERE key LIKE '%%:two_people:%%'")
    return {row["receiver"] for row in rows}


def test_both_are_told_once_and_the_owner_stays(relay: Relay) -> None:
    relay.listen()
    (contact_id,) = inquire(relay, 1)
    relay.hear_and_settle()
    mine = owner(relay, contact_id)
    other = min(team(relay, SDR) - {mine})
    relay.pass_time(minutes=2)
    log(relay, "calls", contact_id, hs_call_disposition=CONNECTED, hubspot_owner_id=mine, hs_call_status="COMPLETED")
    relay.hear_and_settle()
    assert told(relay) == set()
    relay.pass_time(minutes=2)
    for _ in range(2):
        log(relay, "calls", contact_id, hubspot_owner_id=other, hs_call_status="COMPLETED")
        relay.hear_and_settle()
    assert told(relay) == {f"person:{mine}", f"person:{other}"}
    assert len(relay.rows("SELECT key FROM notice WHERE key LIKE '%%:two_people:%%'")) == 2
    assert owner(relay, contact_id) == mine

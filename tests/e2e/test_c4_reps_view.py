"""C4 (現場感覚): what the rep finds takes part in the score, at once, and can be read in its reasons."""

from __future__ import annotations

from tests.e2e.handover import edit
from tests.e2e.relay import Relay


def test_a_reps_temperature_moves_score_band_and_order(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    before = relay.contact(contact)
    assert (before["tasuki_score"], before["tasuki_band"]) == ("40", "middle")
    edit(relay, contact, tasuki_temperature="hot")
    hot = relay.contact(contact)
    assert hot["tasuki_score"] == "50"
    assert "現場の温度感が高い +10" in hot["tasuki_score_reasons"]
    edit(relay, contact, tasuki_temperature="cold")
    cold = relay.contact(contact)
    assert (cold["tasuki_score"], cold["tasuki_band"]) == ("20", "low")
    assert "現場の温度感が低い -20" in cold["tasuki_score_reasons"]
    assert int(cold["tasuki_priority"]) < int(hot["tasuki_priority"]), "it stands further down in the call list"
    assert cold["tasuki_temperature"] == "cold", "what the rep said is never written over"

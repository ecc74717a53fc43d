"""D9: content and contact go by the buying phase (gathering, comparing, dormant), not by the band alone."""

from __future__ import annotations

from tests.e2e.handover import edit, subjects
from tests.e2e.relay import Relay


def _shown(relay: Relay, contact: str) -> tuple[str, str]:
    shown = relay.contact(contact)
    return shown["tasuki_phase"], shown["tasuki_band"]


def _asks(relay: Relay, contact: str, content: str) -> bool:
    return any(content in one for one in subjects(relay, contact))


def test_each_phase_has_its_content_while_the_band_stays_low(relay: Relay) -> None:
    relay.listen()
    contact = str(relay.sandbox.create("contacts", {"email": "yamada@example.co.jp", "lastname": "山田"})["id"])
    relay.hear_and_settle()
    assert _shown(relay, contact) == ("gathering", "low")
    assert not _asks(relay, contact, "比較表と事例のご案内")
    edit(relay, contact, tasuki_timeline="within_6m")
    assert _shown(relay, contact) == ("comparing", "low"), "the same points, another phase"
    assert _asks(relay, contact, "比較表と事例のご案内")
    edit(relay, contact, tasuki_timeline="")
    assert _shown(relay, contact) == ("gathering", "low")
    assert not _asks(relay, contact, "新しい情報のご案内")
    relay.pass_time(days=181)
    relay.on_a_working_day()
    relay.settle()
    assert _shown(relay, contact) == ("dormant", "low")
    assert _asks(relay, contact, "新しい情報のご案内")

"""F2: before SQL a gate asks for the hearing; what is missing stands on the record and becomes a task."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import HEARD, edit, its_deals, new_sal
from tests.e2e.relay import Relay

GATE_TASK = "引き渡しの不足: "
EITHER = "意思決定者・影響者・推進者のいずれか"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def _gate_tasks(relay: Relay, contact: str) -> list[str]:
    return [one["hs_task_subject"] for one in relay.open_tasks(contact) if GATE_TASK in one["hs_task_subject"]]


def test_what_is_missing_is_written_and_tasked_until_it_is_given(relay: Relay) -> None:
    contact = new_sal(relay)
    assert _gate_tasks(relay, contact) == [], "need and timeline come first"
    edit(relay, contact, tasuki_need="課題", tasuki_timeline="within_3m")
    missing = f"検討の背景、初回商談への期待、比較中の競合、{EITHER} / あるとなお良い: 予算、懸念点"
    assert relay.contact(contact)["tasuki_missing"] == missing
    assert _gate_tasks(relay, contact) == [GATE_TASK + missing]
    edit(relay, contact, tasuki_background="背景", tasuki_expectations="期待", tasuki_competitors="なし")
    assert relay.contact(contact)["tasuki_missing"] == f"{EITHER} / あるとなお良い: 予算、懸念点"
    assert len(_gate_tasks(relay, contact)) == 1, "once a stay in the stage"
    edit(relay, contact, tasuki_influencer="田中課長")
    assert relay.lead(contact)["stage"] == "sql"
    assert _gate_tasks(relay, contact) == []
    assert len(its_deals(relay, contact)) == 1


def test_a_person_cannot_go_round_the_gate(relay: Relay) -> None:
    contact = new_sal(relay)
    edit(relay, contact, **{name: value for name, value in HEARD.items() if name != "tasuki_background"})
    edit(relay, contact, lifecyclestage="salesqualifiedlead")
    assert relay.lead(contact)["stage"] == "sal"
    assert relay.contact(contact)["lifecyclestage"] != "salesqualifiedlead"
    assert _gate_tasks(relay, contact) == [GATE_TASK + "導入時期、検討の背景 / あるとなお良い: 予算、懸念点"]
    assert its_deals(relay, contact) == []

"""D3: people may move a stage in the CRM: accepted as theirs, or taken back with the reason on the record."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import edit
from tests.e2e.relay import MQL, Relay


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def test_a_move_forward_is_recorded_as_the_persons(relay: Relay) -> None:
    contact = str(relay.sandbox.create("contacts", {"email": "yamada@example.co.jp", "lastname": "山田"})["id"])
    relay.hear_and_settle()
    edit(relay, contact, lifecyclestage=MQL)
    (last,) = relay.rows("SELECT stage, mover, transition FROM stage_entry ORDER BY seq DESC LIMIT 1")
    assert last == {"stage": "mql", "mover": "person", "transition": None}
    assert relay.contact(contact)["hs_lead_status"] == "OPEN"
    assert len(relay.open_tasks(contact)) >= 1, "the MQL's call"


def test_a_move_back_without_a_reason_is_taken_back_and_the_rep_sees_why(relay: Relay) -> None:
    contact = relay.new_mql()
    edit(relay, contact, lifecyclestage="lead")
    shown = relay.contact(contact)
    assert shown["lifecyclestage"] == MQL
    assert shown["tasuki_refused_move"] == "「リード」への移動を元に戻しました: 先に「差し戻し理由」を入力してください"
    edit(relay, contact, tasuki_rep_decision="accepted", tasuki_budget="planned")
    assert "tasuki_refused_move" not in relay.contact(contact), "the lead has gone on"

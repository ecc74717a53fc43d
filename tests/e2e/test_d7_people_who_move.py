"""D7: a new employer closes the old round and starts another; a new position is told; what sleeps is woken."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import HEARD, edit, new_sal
from tests.e2e.relay import INQUIRY, Relay


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def _subjects(relay: Relay, contact: str) -> list[str]:
    return [one["hs_task_subject"] for one in relay.open_tasks(contact)]


def test_a_new_employer_closes_the_round_and_starts_another(relay: Relay) -> None:
    contact = new_sal(relay)
    edit(relay, contact, **HEARD)
    assert relay.contact(contact)["tasuki_score"] == "45"
    edit(relay, contact, email="yamada@newjob.example")
    shown = relay.contact(contact)
    assert shown["lifecyclestage"] == "lead"
    assert shown["tasuki_score"] == "0", "what was done for the former employer counts no longer"
    assert not {"tasuki_need", "tasuki_background", "tasuki_authority"} & shown.keys(), (
        "that was about the other company"
    )
    assert any("転職" in subject for subject in _subjects(relay, contact))
    rows = relay.rows("SELECT stage, transition, reason, passed FROM stage_entry ORDER BY seq DESC LIMIT 2")
    assert rows[::-1] == [
        {"stage": "discarded", "transition": "new_employer", "reason": "left_company", "passed": True},
        {"stage": "lead", "transition": "new_employer", "reason": None, "passed": False},
    ]
    kept = {row["field"]: row["lost"] for row in relay.kept_values()}
    assert kept["tasuki_background"] == HEARD["tasuki_background"], "nothing is lost without a trace"
    relay.pass_time(days=1)
    relay.sandbox.submit(INQUIRY, {"email": "yamada@newjob.example", "lastname": "山田"})
    relay.poll()
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "mql"


def test_a_private_address_is_no_employer(relay: Relay) -> None:
    contact = new_sal(relay)
    edit(relay, contact, email="yamada@gmail.com")
    assert relay.lead(contact)["stage"] == "sal"


def test_a_new_position_of_somebody_who_waits_is_told(relay: Relay) -> None:
    contact = relay.new_mql(jobtitle="課長")
    edit(relay, contact, tasuki_recycle_reason="authority")
    assert relay.lead(contact)["stage"] == "recycled"
    edit(relay, contact, jobtitle="部長")
    assert any("役職が変わりました: 山田様 部長" in subject for subject in _subjects(relay, contact))


def test_half_a_year_without_any_behaviour_is_dormant_and_woken(relay: Relay) -> None:
    contact = str(relay.sandbox.create("contacts", {"email": "yamada@example.co.jp", "lastname": "山田"})["id"])
    relay.hear_and_settle()
    assert relay.contact(contact)["tasuki_phase"] == "gathering"
    before = len(relay.open_tasks(contact))
    relay.pass_time(days=179)
    relay.settle()
    assert relay.contact(contact)["tasuki_phase"] == "gathering"
    relay.pass_time(days=2)
    relay.settle()
    assert relay.contact(contact)["tasuki_phase"] == "dormant"
    assert len(relay.open_tasks(contact)) == before + 1, "the first step of the recycle cadence"
    relay.sandbox.submit("資料請求", {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    assert relay.contact(contact)["tasuki_phase"] == "gathering"

"""D7: a new employer closes the old round and starts another; a new position is told; what sleeps is woken."""

from __future__ import annotations

from tests.e2e.handover import HEARD, edit, new_sal, subjects
from tests.e2e.relay import INQUIRY, Relay


def test_a_new_employer_starts_another_round_and_a_new_position_is_told(relay: Relay) -> None:
    relay.listen()
    contact = new_sal(relay)
    edit(relay, contact, **HEARD)
    assert relay.contact(contact)["tasuki_score"] == "45"
    edit(relay, contact, email="yamada@gmail.com")
    assert relay.lead(contact)["stage"] == "sal", "a private address is no employer"
    edit(relay, contact, email="yamada@newjob.example")
    shown = relay.contact(contact)
    assert shown["lifecyclestage"] == "lead"
    assert shown["tasuki_score"] == "0", "what was done for the former employer counts no longer"
    about_the_other = {"tasuki_need", "tasuki_background", "tasuki_authority"}
    assert not about_the_other & shown.keys()
    assert any("転職" in one for one in subjects(relay, contact))
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
    # somebody who waits gets a new position
    other = relay.new_mql("suzuki@example.co.jp", lastname="鈴木", jobtitle="課長")
    edit(relay, other, tasuki_recycle_reason="authority")
    assert relay.lead(other)["stage"] == "recycled"
    edit(relay, other, jobtitle="部長")
    assert any("役職が変わりました: 鈴木様 部長" in one for one in subjects(relay, other))


def test_half_a_year_without_any_behaviour_is_dormant_and_woken(relay: Relay) -> None:
    relay.listen()
    contact = str(relay.sandbox.create("contacts", {"email": "yamada@example.co.jp", "lastname": "山田"})["id"])
    relay.hear_and_settle()
    relay.pass_time(days=179)
    relay.settle()
    assert relay.contact(contact)["tasuki_phase"] == "gathering"
    before = len(relay.open_tasks(contact))
    relay.pass_time(days=2)
    relay.on_a_working_day()
    relay.settle()
    assert relay.contact(contact)["tasuki_phase"] == "dormant"
    assert len(relay.open_tasks(contact)) == before + 1, "the first step of the recycle cadence"
    relay.sandbox.submit("資料請求", {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    assert relay.contact(contact)["tasuki_phase"] == "gathering"

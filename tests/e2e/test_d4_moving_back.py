"""D4: leads go back and aside with a mandatory reason; it is counted, told in the history, and none is ever lost."""

from __future__ import annotations

from tests.e2e.command_line import CommandLine
from tests.e2e.handover import HEARD, ahead, edit, subjects
from tests.e2e.relay import INQUIRY, MQL, Relay

AGAIN = "掘り起こし"


def test_back_and_aside_with_reasons_each_counted_and_told_in_the_history(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    # a person drags it back without a reason: taken back, and told why
    edit(relay, contact, lifecyclestage="lead")
    shown = relay.contact(contact)
    assert shown["lifecyclestage"] == MQL
    assert shown["tasuki_refused_move"] == "「リード」への移動を元に戻しました: 先に「差し戻し理由」を入力してください"
    # returned to marketing: the answer waits for its reason
    edit(relay, contact, tasuki_rep_decision="returned")
    assert relay.lead(contact)["stage"] == "mql"
    edit(relay, contact, tasuki_recycle_reason="budget")
    shown = relay.contact(contact)
    assert (shown["lifecyclestage"], shown["tasuki_times_sent_back"]) == ("lead", "1")
    assert "tasuki_refused_move" not in shown, "the lead has gone on"
    # it inquires again, is handed over, and goes aside from there
    relay.pass_time(days=1)
    relay.sandbox.submit(INQUIRY, {"email": "yamada@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    edit(relay, contact, tasuki_rep_decision="accepted", **HEARD)
    edit(relay, contact, tasuki_timeline="within_3m")
    edit(relay, contact, tasuki_recycle_reason="timing")
    shown = relay.contact(contact)
    assert (shown["hs_lead_status"], shown["tasuki_times_sent_back"]) == ("BAD_TIMING", "2")
    assert set(relay.still_asked_by(contact)) <= {"pipeline"}, "its deal stands open until somebody closes it"
    told = CommandLine.of(relay).json("explain", contact)["history"]
    assert [(one["stage"], one["transition"], one["reason"]) for one in reversed(told)] == [
        ("lead", None, None), ("mql", "to_mql_act", None), ("lead", "back_to_marketing", "budget"),
        ("mql", "to_mql_act", None), ("sal", "accept", None), ("sql", "qualify", None),
        ("recycled", "return", "timing"),
    ]  # fmt: skip
    # and it is never lost: it comes again with a task, whatever happens
    relay.pass_time(days=90)
    relay.settle()
    assert relay.lead(contact)["stage"] == "lead"
    assert any(AGAIN in one and "時期が合わない" in one for one in subjects(relay, contact))
    assert relay.contact(contact)["tasuki_times_sent_back"] == "2"


def test_a_persons_move_back_with_its_reason_is_theirs_in_the_history(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    mover = relay.sandbox.owners()[0]
    relay.pass_time(seconds=2)
    given = {"tasuki_recycle_reason": "timing", "lifecyclestage": "lead"}
    relay.sandbox.edit("contacts", contact, given, owner_id=mover["id"])
    relay.hear_and_settle()
    assert relay.contact(contact)["lifecyclestage"] == "lead"
    assert relay.contact(contact)["tasuki_times_sent_back"] == "1"
    cli = CommandLine.of(relay)
    moved, inquired, *_ = cli.json("explain", contact)["history"]
    name = f"{mover['lastName']} {mover['firstName']}".strip()
    assert (moved["stage"], moved["moved_by"], moved["person_name"], moved["reason"]) == (
        "lead",
        "person",
        name,
        "timing",
    )
    (ground,) = inquired["grounds"]
    assert (ground["name"], ground["label"], ground["value"]) == ("signal.inquiry", "問い合わせ", 1)
    assert ground["at"] < f"{ahead(relay):%Y-%m-%dT%H:%M:%S}"
    out = cli.run("explain", contact).stdout
    assert f"{name} (by hand)" in out
    assert "問い合わせ ×1" in out

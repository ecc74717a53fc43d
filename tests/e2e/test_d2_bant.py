"""D2: Budget, Authority, Need and Timeline in the CRM; SQL needs Need and Timeline; unknown is not false."""

from __future__ import annotations

from tests.e2e.command_line import CommandLine
from tests.e2e.handover import HEARD, edit, its_deals
from tests.e2e.relay import Relay

CHOICES = {
    "tasuki_budget": ["確保済み", "申請予定", "未定"],
    "tasuki_authority": ["決裁者", "影響者", "推進者", "情報収集者"],
    "tasuki_timeline": ["3か月以内", "半年以内", "1年以内", "未定"],
}


def test_need_and_timeline_make_an_sql_and_what_nobody_asked_is_unknown(relay: Relay) -> None:
    for name, labels in CHOICES.items():
        found = relay.api("GET", f"/crm/properties/2026-03/contacts/{name}")
        assert [one["label"] for one in found["options"]] == labels
    relay.listen()
    contact = relay.new_mql()
    cli = CommandLine.of(relay)
    fit = next(one for one in cli.json("explain", contact)["scores"] if one["id"] == "fit")
    authority = next(one for one in fit["undecided"] if one["rule"] == "authority_known")
    assert (authority["points"], authority["unknown"]) == (5, ["authority"]), "nobody has asked: that is not a no"
    edit(relay, contact, tasuki_rep_decision="accepted")
    assert relay.lead(contact)["stage"] == "mql", "accepting takes any one of the four"
    edit(relay, contact, tasuki_need=HEARD["tasuki_need"])
    assert relay.lead(contact)["stage"] == "sal"
    edit(relay, contact, **HEARD)
    assert relay.lead(contact)["stage"] == "sal", "a need without a timeline"
    (qualify,) = [one for one in cli.json("explain", contact)["transitions"] if one["transition"] == "qualify"]
    assert qualify["true"] is False
    assert its_deals(relay, contact) == []
    edit(relay, contact, tasuki_timeline="undecided")
    assert relay.lead(contact)["stage"] == "sql", (
        "an answer is known, whatever it is; budget and authority are optional"
    )
    shown = relay.contact(contact)
    assert shown["lifecyclestage"] == "salesqualifiedlead"
    assert not {"tasuki_budget", "tasuki_authority"} & shown.keys()
    assert len(its_deals(relay, contact)) == 1

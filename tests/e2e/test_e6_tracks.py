"""E6: tracks by band. Low goes to the step mails, middle onto the call list, hot at once to a rep."""

from __future__ import annotations

from tests.e2e.command_line import CommandLine
from tests.e2e.relay import CALL, INQUIRY, Relay

STEP_MAIL = "ステップメール対象"


def test_low_is_mailed_middle_is_called_from_the_list_and_hot_goes_to_a_rep_at_once(relay: Relay) -> None:
    relay.sandbox.create("companies", {"name": "例", "domain": "example.co.jp", "numberofemployees": "300"})
    relay.listen()
    low = str(relay.sandbox.create("contacts", {"email": "low@other.example", "lastname": "山田"})["id"])
    middle, hot = (
        str(
            relay.sandbox.submit(form, {"email": email, "lastname": "山田", "state": "東京都", "jobtitle": "部長"})[
                "contact_id"
            ]
        )
        for form, email in (("資料請求", "middle@example.co.jp"), ("資料請求", "hot@example.co.jp"))
    )
    relay.sandbox.submit(INQUIRY, {"email": "hot@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    assert [relay.contact(one)["tasuki_band"] for one in (low, middle, hot)] == ["low", "middle", "hot"]

    assert relay.sandbox.lists()[STEP_MAIL] == [low]
    assert relay.tasks(low) == []

    (call,) = relay.tasks_of(middle, "track_middle")
    assert (call["hs_task_type"], bool(call["hubspot_owner_id"])) == ("CALL", True)
    assert relay.contact(middle)["lifecyclestage"] != "marketingqualifiedlead"
    (listed,) = CommandLine.of(relay).json("queue", "tele_call")["tele_call"]
    assert (listed["contact_id"], listed["rule"]) == (middle, "track_middle")

    owner = relay.contact(hot)["hubspot_owner_id"]
    (task,) = relay.tasks_of(hot, CALL)
    assert (task["hs_task_priority"], task["hubspot_owner_id"]) == ("HIGH", owner)
    told = relay.rows("SELECT receiver FROM notice WHERE key LIKE '%%hot_now%%' ORDER BY receiver")
    assert [one["receiver"] for one in told] == ["channel:sales_alerts", f"person:{owner}"]

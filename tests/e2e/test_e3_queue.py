"""E3, E6: call lists. YAML in → the list in its order out, and what the CRM shows of it."""

from __future__ import annotations

from tests.e2e.command_line import CommandLine
from tests.e2e.relay import CALL, Relay


def test_the_call_list_is_in_the_order_of_the_priority_with_reason_due_and_owner(relay: Relay) -> None:
    relay.listen()
    plain = relay.new_mql("plain@example.co.jp")
    large = relay.new_mql("large@example.co.jp", tasuki_source="inquiry")
    found = CommandLine.of(relay).json("queue", "today")["today"]
    calls = [one for one in found if one["rule"] == CALL]
    assert [one["contact_id"] for one in calls] == [large, plain], "who came by an inquiry comes first"
    assert calls[0]["order"] > calls[1]["order"]
    for one in calls:
        assert str(int(one["order"])) == relay.contact(one["contact_id"])["tasuki_priority"], "as the CRM sorts"
        assert (one["kind"], one["owner"]) == ("call", relay.contact(one["contact_id"])["hubspot_owner_id"])
        assert one["owner_name"]
        assert "問い合わせ" in one["reasons"]
    assert {one["rule"] for one in found} == {CALL, "mql_first_touch"}, "rules and cadences that the queue lists"


def test_what_is_done_leaves_the_list_and_people_see_their_own(relay: Relay) -> None:
    relay.listen()
    first, second = relay.new_mql("a@example.co.jp"), relay.new_mql("b@example.co.jp")
    cli = CommandLine.of(relay)
    (task,) = relay.tasks_of(first, CALL)
    relay.sandbox.edit("tasks", task["id"], {"hs_task_status": "COMPLETED"})
    relay.hear_and_settle()
    found = cli.json("queue", "today")["today"]
    assert [one["contact_id"] for one in found if one["rule"] == CALL] == [second]
    owner = relay.contact(second)["hubspot_owner_id"]
    mine = cli.json("queue", "today", "--mine", owner)["today"]
    assert mine == [one for one in found if one["owner"] == owner]
    shown = cli.run("queue")
    assert (shown.exit_code, "今日の架電 (today)" in shown.stdout, "テレコールリスト" in shown.stdout) == (
        0,
        True,
        True,
    )
    assert cli.run("queue", "nowhere").exit_code == 3
    assert cli.run("queue", "--mine", "誰か").exit_code == 3

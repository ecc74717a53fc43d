"""E10: a cap on contacts over all cadences and rules. Calls as the CRM logs them in → what waits, and says so, out."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.e2e.command_line import CommandLine
from tests.e2e.relay import CALL, MAIL, Relay


def test_over_the_limit_a_step_waits_until_there_is_room_and_the_record_says_so(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    relay.pass_time(days=2)  # who has just asked is answered, whatever the limit
    now = datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)
    for _ in range(8):
        relay.sandbox.create("calls", {"hs_timestamp": now.isoformat()}, associations=[("contacts", contact)])
    relay.hear_and_settle()
    said = relay.contact(contact)["tasuki_contact_limit"]
    assert said.startswith("接触の上限(14日で8回まで): ")
    (mail,) = relay.tasks_of(contact, MAIL)
    for task in (mail, *relay.tasks_of(contact, CALL)):
        relay.sandbox.complete_task(task["id"])
    relay.hear_and_settle()
    assert len(relay.tasks_of(contact, MAIL)) == 1, "the call of day 1 waits"
    told = CommandLine.of(relay).json("explain", f"contact:{contact}")
    assert told["contact_limit"] == relay.contact(contact)["tasuki_contact_limit"]
    relay.pass_time(days=14)
    relay.hear_and_settle()
    assert not relay.contact(contact).get("tasuki_contact_limit")
    assert sorted(task["hs_task_status"] for task in relay.tasks_of(contact, MAIL)) == ["COMPLETED", "NOT_STARTED"]

"""B5: last contact, attempts and next action stand on the record, and are right after whatever people do in the CRM."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.e2e.activities import CONNECTED, NO_ANSWER, log, now
from tests.e2e.relay import CALL, Relay
from tests.e2e.test_e2_routing import SDR, owner, team


def shown(relay: Relay, contact: str) -> tuple[str | None, str | None, str]:
    """Last contact, attempts and next action, moments to the minute."""
    record = relay.contact(contact)
    last, following = record.get("tasuki_last_contact"), record.get("tasuki_next_action")
    return last and last[:16], record.get("tasuki_attempts"), (following or "")[:16]


def minute(moment: datetime) -> str:
    return moment.isoformat()[:16]


def due(task: dict[str, str]) -> str:
    return task["hs_timestamp"][:16]


def standing(relay: Relay, contact: str) -> list[dict[str, str]]:
    """What is open in the CRM and not in its recycle bin."""
    return [one for one in relay.open_tasks(contact) if not relay.sandbox.record("tasks", one["id"])["archived"]]


def first_due(relay: Relay, contact: str) -> str:
    """The earliest of it."""
    return min(due(task) for task in standing(relay, contact))


def test_what_people_do_is_seen_on_the_record_at_once(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    (call,) = relay.tasks_of(contact, CALL)
    assert shown(relay, contact) == (None, "0", due(call)), "the earliest of what is open"

    relay.pass_time(minutes=3)
    tried = now(relay) - timedelta(minutes=1)
    missed = log(relay, "calls", contact, at=tried, hs_call_disposition=NO_ANSWER, hs_call_status="COMPLETED")
    relay.hear_and_settle()
    assert shown(relay, contact) == (minute(tried), "1", due(call))

    later = now(relay) + timedelta(days=30)
    relay.sandbox.edit("tasks", call["id"], {"hs_timestamp": later.isoformat()})
    relay.hear_and_settle()
    assert due(call) < shown(relay, contact)[2] == first_due(relay, contact), "the rep put the call off"
    for task in relay.open_tasks(contact):
        if task["id"] != call["id"]:
            relay.sandbox.delete("tasks", task["id"])
    relay.hear_and_settle()
    assert [task["id"] for task in standing(relay, contact)] == [call["id"]]
    assert shown(relay, contact)[2] == minute(later), "a task that a person deleted is no next action"

    start = now(relay) + timedelta(hours=1)
    meeting = log(relay, "meetings", contact, at=start, hs_meeting_outcome="SCHEDULED")
    relay.hear_and_settle()
    assert shown(relay, contact)[:2] == (minute(tried), "1"), "a meeting that is planned is no contact yet"
    relay.pass_time(hours=2)
    relay.hear_and_settle()
    assert shown(relay, contact)[0] == minute(start)
    relay.sandbox.edit("meetings", meeting, {"hs_meeting_outcome": "CANCELED"})
    relay.hear_and_settle()
    assert shown(relay, contact)[0] == minute(tried), "it was called off after all"
    relay.sandbox.delete("calls", missed)
    relay.hear_and_settle()
    assert shown(relay, contact)[:2] == (None, "0")


def test_a_task_that_was_put_off_stays_so_when_the_owner_changes(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    (call,) = relay.tasks_of(contact, CALL)
    later = now(relay) + timedelta(days=2)
    relay.sandbox.edit("tasks", call["id"], {"hs_timestamp": later.isoformat()})
    relay.hear_and_settle()
    other = min(team(relay, SDR) - {owner(relay, contact)})
    relay.pass_time(minutes=1)
    relay.sandbox.edit("contacts", contact, {"hubspot_owner_id": other})
    relay.hear_and_settle()
    (call,) = relay.tasks_of(contact, CALL)
    assert (call["hubspot_owner_id"], due(call)) == (other, minute(later))

    log(relay, "calls", contact, hs_call_disposition=CONNECTED, hs_call_status="COMPLETED", hubspot_owner_id=other)
    for task in relay.open_tasks(contact):
        relay.sandbox.complete_task(task["id"], owner_id=other)
    relay.hear_and_settle()
    assert relay.open_tasks(contact) == []
    assert shown(relay, contact)[2] == "", "nothing is open, nothing is next"

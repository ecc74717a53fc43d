"""E13: calls, mails, messages, meetings and finished tasks as the CRM logs them count: each once, as what it now is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.sync.context import Limits
from connector.sync.facts import DEAL_STAGE
from connector.vendors.hubspot.activities import CONNECTED, NO_ANSWER
from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals, facts
from tests.e2e.relay import POLICY, Relay

SMALL = POLICY.parent / "small-team"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay(search_lag_seconds=0.0)
    made.listen()
    return made


def now(relay: Relay) -> datetime:
    return datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)


def contact(relay: Relay, number: int = 0) -> str:
    values = {"email": f"p{number}@example.co.jp", "lastname": "山田"}
    made = str(relay.sandbox.create("contacts", values)["id"])
    relay.hear_and_settle()
    return made


def log(relay: Relay, kind: str, *people: str, at: datetime | None = None, **values: str) -> str:
    """A person logs an activity."""
    given = {"hs_timestamp": (at or now(relay)).isoformat()} | values
    associations = [("contacts", one) for one in people]
    return str(relay.sandbox.create(kind, given, associations=associations)["id"])


def signals(relay: Relay, contact_id: str) -> dict[str, list[dict[str, Any]]]:
    """Signal → its occurrences, oldest first."""
    rows = relay.rows(
        "SELECT signal.* FROM signal JOIN identity USING (lead_id) WHERE vendor_id = %s"
        " ORDER BY occurred_at, signal.id",
        [contact_id],
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["kind"], []).append(row)
    return found


def counts(relay: Relay, contact_id: str) -> dict[str, int]:
    return {kind: len(rows) for kind, rows in signals(relay, contact_id).items()}


def test_a_connected_call_is_an_attempt_and_a_contact(relay: Relay) -> None:
    person, owner = contact(relay), relay.sandbox.owners()[0]["id"]
    at = now(relay) - timedelta(minutes=5)
    log(
        relay, "calls", person, at=at,
        hs_call_disposition=CONNECTED, hs_call_duration="125000", hubspot_owner_id=owner, hs_call_status="COMPLETED",
    )  # fmt: skip
    relay.hear_and_settle()
    found = signals(relay, person)
    assert {kind: len(rows) for kind, rows in found.items()} == {"attempted": 1, "contacted": 1}
    (row,) = found["contacted"]
    assert abs(row["occurred_at"] - at) < timedelta(milliseconds=1)
    told = {name: row["detail"][name] for name in ("activity", "outcome", "length_seconds", "owner")}
    assert told == {"activity": "call", "outcome": "Connected", "length_seconds": 125.0, "owner": owner}
    shown = relay.contact(person)
    assert shown["tasuki_attempts"] == "1"
    assert shown["tasuki_last_contact"][:16] == at.isoformat()[:16]


def test_a_long_call_is_a_contact_whatever_its_outcome_says(relay: Relay) -> None:
    """Telephone systems log the length; nobody need choose an outcome."""
    person = contact(relay)
    log(relay, "calls", person, hs_call_duration="179000")
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 1}
    log(relay, "calls", person, hs_call_duration="180000")
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 2, "contacted": 1}


def test_an_outcome_that_is_set_later_changes_what_the_call_counts_as(relay: Relay) -> None:
    person = contact(relay)
    call = log(relay, "calls", person)
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 1}
    (before,) = signals(relay, person)["attempted"]
    relay.sandbox.edit("calls", call, {"hs_call_disposition": CONNECTED})
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 1, "contacted": 1}
    assert signals(relay, person)["attempted"][0]["id"] == before["id"], "what it caused is caused once"
    relay.sandbox.edit("calls", call, {"hs_call_disposition": NO_ANSWER})
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 1, "no_answer": 1}
    relay.sandbox.delete("calls", call)
    relay.hear_and_settle()
    assert counts(relay, person) == {}


def test_a_meeting_is_booked_at_once_and_a_contact_when_it_has_begun(relay: Relay) -> None:
    person, booked_at = contact(relay), now(relay)
    start = booked_at + timedelta(days=1)
    times = {
        "hs_meeting_start_time": start.isoformat(),
        "hs_meeting_end_time": (start + timedelta(hours=1)).isoformat(),
    }
    log(relay, "meetings", person, at=start, hs_meeting_outcome="SCHEDULED", **times)
    relay.hear_and_settle()
    assert counts(relay, person) == {"meeting_booked": 1}
    assert abs(signals(relay, person)["meeting_booked"][0]["occurred_at"] - booked_at) < timedelta(seconds=5)
    relay.pass_time(days=1, minutes=1)
    relay.settle()
    found = signals(relay, person)
    assert {kind: len(rows) for kind, rows in found.items()} == {"meeting_booked": 1, "contacted": 1}
    (held,) = found["contacted"]
    assert abs(held["occurred_at"] - start) < timedelta(milliseconds=1)
    assert held["detail"]["length_seconds"] == 3600.0


@pytest.mark.parametrize("outcome", ["CANCELED", "NO_SHOW"])
def test_a_meeting_that_was_not_held_is_no_contact_but_was_booked(relay: Relay, outcome: str) -> None:
    person, start = contact(relay), now(relay) + timedelta(days=1)
    meeting = log(relay, "meetings", person, at=start, hs_meeting_outcome="SCHEDULED")
    relay.hear_and_settle()
    relay.sandbox.edit("meetings", meeting, {"hs_meeting_outcome": outcome})
    relay.hear_and_settle()
    relay.pass_time(days=2)
    relay.settle()
    assert counts(relay, person) == {"meeting_booked": 1}


def test_mails_and_messages(relay: Relay) -> None:
    person = contact(relay)
    log(relay, "emails", person, hs_email_direction="EMAIL", hs_email_status="SENT")
    log(relay, "emails", person, hs_email_direction="EMAIL", hs_email_status="BOUNCED")
    log(relay, "emails", person, hs_email_direction="INCOMING_EMAIL")
    log(
        relay, "communications", person,
        hs_communication_channel_type="LINKEDIN_MESSAGE", hs_communication_logged_from="CRM",
    )  # fmt: skip
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 2, "replied": 1, "contacted": 1}


def test_one_meeting_with_two_people_counts_for_each_and_for_whoever_is_taken_off_no_more(relay: Relay) -> None:
    first, second = contact(relay, 1), contact(relay, 2)
    at = now(relay) - timedelta(hours=2)
    meeting = log(relay, "meetings", first, second, at=at, hs_meeting_outcome="COMPLETED")
    relay.hear_and_settle()
    assert counts(relay, first) == counts(relay, second) == {"contacted": 1}
    relay.api("DELETE", f"/crm/v4/objects/meetings/{meeting}/associations/contacts/{second}")
    relay.hear_and_settle()
    assert (counts(relay, first), counts(relay, second)) == ({"contacted": 1}, {})


def test_two_people_who_turn_out_to_be_one_met_once(relay: Relay) -> None:
    first, second = contact(relay, 1), contact(relay, 2)
    log(relay, "meetings", first, second, at=now(relay) - timedelta(hours=2), hs_meeting_outcome="COMPLETED")
    log(relay, "calls", second)
    relay.hear_and_settle()
    relay.sandbox.merge(first, second)
    relay.hear_and_settle()
    assert counts(relay, first) == {"contacted": 1, "attempted": 1}


def _open_call(relay: Relay) -> tuple[str, str]:
    """An MQL and its call that is to be made."""
    person = relay.new_mql()
    (task,) = [one for one in relay.open_tasks(person) if one["hs_task_type"] == "CALL"]
    return person, task["id"]


def test_a_finished_call_task_is_an_attempt(relay: Relay) -> None:
    person, task = _open_call(relay)
    relay.sandbox.complete_task(task)
    relay.hear_and_settle()
    (row,) = signals(relay, person)["attempted"]
    assert row["source"] == "task"
    assert "contacted" not in signals(relay, person)


@pytest.mark.parametrize("logged_first", [True, False])
def test_a_call_that_is_logged_and_ticked_off_is_one_attempt(relay: Relay, *, logged_first: bool) -> None:
    person, task = _open_call(relay)
    values = {"hs_call_disposition": CONNECTED, "hs_call_duration": str(20 * 60_000)}
    if logged_first:
        log(relay, "calls", person, at=now(relay) - timedelta(minutes=25), **values)
        relay.hear_and_settle()
        relay.sandbox.complete_task(task)
    else:
        relay.sandbox.complete_task(task)
        relay.hear_and_settle()
        (told,) = signals(relay, person)["attempted"]
        log(relay, "calls", person, at=now(relay) - timedelta(minutes=2), **values)
    relay.hear_and_settle()
    (row,) = signals(relay, person)["attempted"]
    assert row["source"] == "activity"
    assert len(signals(relay, person)["contacted"]) == 1
    if not logged_first:
        assert row["id"] == told["id"], "the attempt that the task told of became this one"


def test_a_mail_or_an_earlier_call_does_not_swallow_a_finished_call_task(relay: Relay) -> None:
    person, task = _open_call(relay)
    log(relay, "calls", person, at=now(relay) - timedelta(hours=1))
    log(relay, "emails", person, hs_email_direction="EMAIL", hs_email_status="SENT")
    relay.hear_and_settle()
    relay.sandbox.complete_task(task)
    relay.hear_and_settle()
    assert counts(relay, person)["attempted"] == 3


def test_what_events_missed_is_found_by_looking(relay: Relay) -> None:
    person = contact(relay)
    relay.close_gaps()
    relay.settle()
    relay.sandbox.webhooks(drop_rate=1.0)
    call = log(relay, "calls", person)
    relay.pass_time(minutes=1)
    assert relay.close_gaps() == 1
    relay.settle()
    assert counts(relay, person) == {"attempted": 1}
    relay.mark()
    relay.close_gaps()
    assert relay.settle() == 0, "what was read is not read again"
    asked = {kind.rpartition(".")[2] for kind in relay.calls()} - {"search", "total"}
    assert asked <= {"search", "list"}
    relay.sandbox.edit("calls", call, {"hs_call_disposition": CONNECTED})
    relay.pass_time(minutes=20)
    relay.close_gaps()
    relay.settle()
    assert counts(relay, person) == {"attempted": 1, "contacted": 1}


def test_a_deal_that_events_missed_is_found_by_looking(relay: Relay) -> None:
    person, deals = contact(relay), Deals(relay)
    relay.sandbox.webhooks(drop_rate=1.0)
    deal = deals.make(person, "提案")
    relay.pass_time(minutes=1)
    relay.close_gaps()
    relay.settle()
    assert facts(relay, person)[DEAL_STAGE] == "proposal"
    deals.move(deal, "受注")
    relay.pass_time(minutes=20)
    relay.close_gaps()
    relay.settle()
    assert facts(relay, person)[DEAL_STAGE] == "won"


def test_the_portals_own_labels_come_first(make_relay: MakeRelay) -> None:
    relay = make_relay()
    own = "11111111-2222-4333-8444-555555555555"
    relay.sandbox.put_disposition(own, "接続")
    relay.activate(POLICY)
    relay.listen()
    person = contact(relay)
    log(relay, "calls", person, hs_call_disposition=own)
    log(relay, "calls", person, hs_call_disposition=CONNECTED)
    relay.hear_and_settle()
    assert counts(relay, person) == {"attempted": 2, "contacted": 1}


def test_three_hundred_calls_cost_three_reads_and_one_question_whose_they_are(make_relay: MakeRelay) -> None:
    relay = make_relay(limits=Limits(fresh_seconds=600.0))
    rows = [{"email": f"p{number}@example.co.jp", "lastname": "山田"} for number in range(300)]
    people = relay.sandbox.import_rows(rows)
    relay.listen()
    for person in people:
        relay.sandbox.edit("contacts", person, {"jobtitle": "部長"})
    relay.hear_and_settle()
    for person in people:
        log(relay, "calls", person, hs_call_disposition=CONNECTED)
    relay.hear()
    while relay.runtime.ingest():
        pass
    relay.mark()
    relay.decide()
    calls = relay.calls()
    assert calls["calls.batch_read"] == 3
    assert calls["associations.batch_read"] == 1
    assert "contacts.batch_read" not in calls
    assert sum(counts(relay, person)["contacted"] for person in people[:3]) == 3


def test_a_policy_that_names_no_activities_reads_none(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    relay.listen()
    relay.sandbox.subscribe({"calls": ["hs_call_disposition"], "contacts": ["email"]}, replace=False)
    person = contact(relay)
    relay.mark()
    log(relay, "calls", person, hs_call_disposition=CONNECTED)
    relay.hear_and_settle()
    assert relay.close_gaps() == 0
    assert relay.calls()["total"] == 0
    assert relay.rows("SELECT 1 FROM wanted_read") == []


def test_marks_of_an_earlier_policy_are_void(relay: Relay) -> None:
    person = contact(relay)
    log(relay, "calls", person)
    relay.hear()
    assert relay.runtime.ingest()
    assert relay.rows("SELECT object_type FROM wanted_read") == [{"object_type": "call"}]
    relay.activate(SMALL)
    relay.settle()
    assert relay.rows("SELECT object_type FROM wanted_read") == []

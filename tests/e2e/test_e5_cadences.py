"""E5: cadences. Steps of call, mail and social on their days, one after the other, until something stops them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.e2e.handover import edit
from tests.e2e.relay import MAIL, Relay
from tests.e2e.test_e13_calls import log

TOUCH = MAIL  #: The cadence mql_first_touch.


def finish_step(relay: Relay, contact: str) -> str:
    """A person does the step that is open; returns what it was."""
    (step,) = [one for one in relay.tasks_of(contact, TOUCH) if one["hs_task_status"] != "COMPLETED"]
    relay.sandbox.complete_task(step["id"])
    relay.hear_and_settle()
    return f"{step['hs_task_type']} {step['hs_task_subject']}"


def test_the_shipped_cadence_runs_day_by_day_to_its_end_and_then_there_was_no_reply(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    done = [finish_step(relay, contact)]
    for days in (1, 3, 7, 14):
        if days > 1:
            assert TOUCH not in relay.still_asked_by(contact), "a step comes on its day"
        relay.pass_time(days={1: 4, 3: 2, 7: 4, 14: 8}[days])  # over a weekend the first moves to a working day
        relay.hear_and_settle()
        done.append(finish_step(relay, contact))
    assert done == [
        "EMAIL 初回ご挨拶",
        "CALL 再架電(不通の場合)",
        "EMAIL 事例のご案内",
        "CALL 3回目の架電",
        "EMAIL 最後のご連絡",
    ]
    lead = relay.lead(contact)
    assert (lead["stage"], lead["state"]["entry"]["reason"]) == ("recycled", "no_reply"), (
        "it was finished, and nobody was reached"
    )
    policy = relay.tenant.plan.policy
    shipped = {name: len(one.steps) for name, one in policy.cadences.items()}
    assert shipped.keys() == {"mql_first_touch", "document_request", "webinar", "recycle", "bdr_outbound"}
    assert (shipped["mql_first_touch"], shipped["bdr_outbound"]) == (5, 5)


def test_a_reply_a_meeting_and_a_move_each_stop_it(relay: Relay) -> None:
    relay.listen()
    replies, meets, moves, goes_on = (relay.new_mql(f"a{n}@example.co.jp") for n in range(4))
    relay.pass_time(minutes=5)
    now = datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)
    log(relay, "emails", replies, hs_email_direction="INCOMING_EMAIL")
    start = now + timedelta(days=2)
    log(relay, "meetings", meets, at=start, hs_meeting_start_time=start.isoformat(), hs_meeting_outcome="SCHEDULED")
    edit(relay, moves, tasuki_rep_decision="accepted", tasuki_need="在庫")
    for stopped in (replies, meets, moves):
        assert [one["hs_task_status"] for one in relay.tasks_of(stopped, TOUCH)] == ["COMPLETED"], "its step is closed"
    assert [one["hs_task_status"] for one in relay.tasks_of(goes_on, TOUCH)] == ["NOT_STARTED"]
    runs = {one: relay.lead(one)["state"]["cadences"][TOUCH]["stopped_by"] for one in (replies, meets, moves, goes_on)}
    assert runs == {replies: "signal:replied", meets: "signal:meeting_booked", moves: "leaves:mql", goes_on: None}

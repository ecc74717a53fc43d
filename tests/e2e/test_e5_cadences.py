"""E5: cadences. Steps of call, mail and social on their days, one after the other, until something stops them."""

from __future__ import annotations

from datetime import timedelta

from connector.domain.codec import decode_state
from connector.domain.runs import CadenceRun
from connector.engine.cadences import step_at
from tests.e2e.handover import edit
from tests.e2e.relay import MAIL, Relay
from tests.e2e.test_e13_calls import log, now

TOUCH = MAIL  #: The cadence mql_first_touch.


def finish_step(relay: Relay, contact: str) -> str:
    """A person does the step that is open; returns what it was."""
    (step,) = [one for one in relay.tasks_of(contact, TOUCH) if one["hs_task_status"] != "COMPLETED"]
    relay.sandbox.complete_task(step["id"])
    relay.hear_and_settle()
    return f"{step['hs_task_type']} {step['hs_task_subject']}"


def cadence_of(relay: Relay, contact: str) -> CadenceRun:
    return decode_state(relay.lead(contact)["state"]).cadences[TOUCH]


def test_the_shipped_cadence_runs_day_by_day_to_its_end_and_then_there_was_no_reply(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    policy = relay.tenant.plan.policy
    run = cadence_of(relay, contact)
    done = [finish_step(relay, contact)]
    for step in policy.cadences[TOUCH].steps[1:]:
        left = step_at(run, step, policy.calendar) - now(relay)
        if left > timedelta():
            assert TOUCH not in relay.still_asked_by(contact), "a step comes on its day"
            relay.pass_time(seconds=left.total_seconds() + 60)
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
    shipped = {name: len(one.steps) for name, one in policy.cadences.items()}
    assert shipped.keys() >= {"mql_first_touch", "document_request", "webinar", "recycle", "bdr_outbound"}
    assert (shipped["mql_first_touch"], shipped["bdr_outbound"]) == (5, 5)


def test_a_reply_a_meeting_and_a_move_each_stop_it(relay: Relay) -> None:
    relay.listen()
    replies, meets, moves = (relay.new_mql(f"a{n}@example.co.jp") for n in range(3))
    relay.pass_time(minutes=5)
    log(relay, "emails", replies, hs_email_direction="INCOMING_EMAIL")
    start = now(relay) + timedelta(days=2)
    log(relay, "meetings", meets, at=start, hs_meeting_start_time=start.isoformat(), hs_meeting_outcome="SCHEDULED")
    assert {cadence_of(relay, one).running for one in (replies, meets, moves)} == {True}
    edit(relay, moves, tasuki_rep_decision="accepted", tasuki_need="在庫")
    for stopped in (replies, meets, moves):
        assert [one["hs_task_status"] for one in relay.tasks_of(stopped, TOUCH)] == ["COMPLETED"], "its step is closed"
    runs = [cadence_of(relay, one).stopped_by for one in (replies, meets, moves)]
    assert runs == ["signal:replied", "signal:meeting_booked", "leaves:mql"]

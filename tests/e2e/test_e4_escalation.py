"""E4, G1: an untouched lead is warned of, alarms the managers, and is given to somebody else; each once.

YAML in → the managers' task and the new owner, of the lead and of its open tasks, in the CRM out. In b2b-ja the
limit is two business days, warned of at half; half an hour after the breach the lead is somebody else's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector.engine.deadlines import deadline, rung_at
from connector.policy.model import Clock
from tests.e2e.command_line import CommandLine
from tests.e2e.relay import CALL, MAIL, Relay
from tests.e2e.test_e2_routing import MANAGERS, SDR, owner, team
from tests.e2e.test_g1_first_response import CLOCK, now, run


def wait_until(relay: Relay, moment: datetime | None) -> None:
    """Time goes on to a second after this moment, and everything that is due is done."""
    assert moment is not None
    relay.pass_time(seconds=(moment - now(relay)).total_seconds() + 1, rate=0)
    relay.hear_and_settle()


def told(relay: Relay) -> list[tuple[str, str]]:
    """Which rung told whom."""
    rows = relay.rows("SELECT key, receiver FROM notice WHERE key LIKE %s ORDER BY key, receiver", [f"%:{CLOCK}:%"])
    return [(row["key"].rpartition(":")[2], row["receiver"]) for row in rows]


def alarms(relay: Relay, contact_id: str) -> list[dict[str, Any]]:
    return relay.tasks_of(contact_id, CLOCK)


def figures(relay: Relay, clock: str = CLOCK, **options: str) -> list[dict[str, Any]]:
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    found: list[dict[str, Any]] = CommandLine.of(relay).json("sla", clock, *words)["figures"]
    return found


def test_who_leaves_a_lead_untouched_is_warned_then_the_managers_are_told_then_it_is_somebody_elses(
    relay: Relay,
) -> None:
    clock: Clock = relay.policy.clocks[CLOCK]
    warn, alarm, give = clock.escalation
    relay.listen()
    contact = relay.new_mql()
    first, started = owner(relay, contact), run(relay, contact)
    assert first in team(relay, SDR)
    wait_until(relay, rung_at(clock, started, warn))
    assert told(relay) == [("rung_1.notify", f"person:{first}")]
    (counted,) = figures(relay, by="owner")
    assert (counted["key"], counted["warned"], counted["overdue"], counted["breached"]) == (first, 1, 0, 0)

    due = deadline(clock, started)
    wait_until(relay, rung_at(clock, started, alarm))
    (task,) = alarms(relay, contact)
    assert task["hubspot_owner_id"] in team(relay, MANAGERS)
    assert (task["hs_task_priority"], task["hs_task_status"]) == ("HIGH", "NOT_STARTED")
    assert "未対応" in task["hs_task_subject"]
    assert told(relay)[1:] == [("rung_2.notify", "channel:is_managers")]
    assert run(relay, contact).breached_at == due
    assert owner(relay, contact) == first, "it is given away only when nothing has come of the alarm either"

    wait_until(relay, rung_at(clock, run(relay, contact), give))
    second = owner(relay, contact)
    assert second in team(relay, SDR) - {first}
    for rule in (CALL, MAIL):
        assert {one["hubspot_owner_id"] for one in relay.tasks_of(contact, rule)} == {second}
    assert alarms(relay, contact)[0]["hubspot_owner_id"] == task["hubspot_owner_id"], "the managers keep theirs"
    (grant,) = relay.rows("SELECT person, why, skipped FROM assignment_grant WHERE request LIKE 'clock:%%assign'")
    assert grant["person"] == second
    assert grant["skipped"][first] == "avoided"

    relay.pass_time(days=9, rate=0)
    relay.hear_and_settle()
    assert (len(alarms(relay, contact)), len(told(relay)), owner(relay, contact)) == (1, 2, second), "each once a run"
    (counted,) = figures(relay)
    assert (counted["running"], counted["overdue"], counted["breached"], counted["met"]) == (0, 1, 1, 0)
    (counted,) = figures(relay, **{"from": "2000-01-01", "to": "2000-02-01"})
    assert (counted["overdue"], counted["breached"]) == (1, 0), "of now, and of a period in which it had not begun"
    answer(relay, contact)
    assert [one["hs_task_status"] for one in alarms(relay, contact)] == ["COMPLETED"], "there is nothing to chase now"
    (counted,) = figures(relay)
    assert (counted["overdue"], counted["breached"], counted["met"], counted["kept_share"]) == (0, 1, 0, 0)
    period = {"from": "2000-01-01", "to": f"{due:%Y-%m-%d}"}
    assert figures(relay, **period)[0]["breached"] == 0, "a period counts what came in it"


def answer(relay: Relay, contact_id: str) -> None:
    """The rep calls, too late."""
    at = now(relay) - timedelta(minutes=1)
    values = {"hs_timestamp": at.isoformat(), "hs_call_status": "COMPLETED"}
    relay.sandbox.create("calls", values, associations=[("contacts", contact_id)])
    relay.hear_and_settle()

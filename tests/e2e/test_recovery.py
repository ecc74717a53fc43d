"""Recovery: what was missed for longer than any vendor repeats it is made good, by the schedule alone or at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.errors import AuthError
from connector.jobs.tasks import Jobs
from connector.store import connections, secrets
from connector.sync.noticing import send_slice
from connector.sync.reconcile import reconcile_due
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MQL, Relay


def by_the_schedule(relay: Relay) -> None:
    """What a worker that starts again finds to be due."""
    jobs = Jobs(relay.runtime)
    for table in ("reconcile_pass", "poll_cursor"):  # machine time stands in a test
        relay.rows(f"UPDATE {table} SET due_at = now() RETURNING connection_id")
    jobs.poll(relay.installation_id, relay.connection_id)
    while reconcile_due(relay.line):
        jobs.reconcile(relay.installation_id, relay.connection_id)


def by_the_command(relay: Relay) -> None:
    """`tasuki reconcile` marks what was missed; a worker reads it."""
    done = CommandLine.of(relay).json("reconcile")
    assert done["connections"][0]["failing"] == 0


@pytest.mark.parametrize("recover", [by_the_schedule, by_the_command])
def test_26_hours_without_the_connector_are_made_good(make_relay: MakeRelay, recover: Callable[[Relay], None]) -> None:
    relay = make_relay()
    relay.listen()
    relay.meet()
    relay.settle()
    edited, worked, left = (relay.new_mql(f"{name}@example.co.jp") for name in ("edited", "worked", "left"))
    (call,) = relay.tasks_of(worked, CALL)
    relay.reconcile()
    relay.settle()

    relay.sandbox.webhooks(drop_rate=1.0)  # whatever is tried in these hours fails, and then the vendor gives up
    relay.pass_time(minutes=10)
    relay.sandbox.edit("contacts", edited, {"jobtitle": "部長", "tasuki_temperature": "hot"})
    relay.sandbox.edit("tasks", call["id"], {"hs_task_status": "COMPLETED"})
    relay.sandbox.delete("contacts", left)
    made = relay.sandbox.submit(INQUIRY, {"email": "new@example.co.jp", "lastname": "鈴木"})["contact_id"]
    relay.sandbox.flush_webhooks()
    assert relay.sandbox.wait_webhooks(20.0)
    assert relay.runtime.ingest() == 0, "nothing of it was heard"
    relay.pass_time(hours=26)
    relay.sandbox.webhooks(drop_rate=0.0)

    recover(relay)
    relay.settle()
    reasons = str(relay.contact(edited)["tasuki_score_reasons"])
    assert "課長級以上" in reasons
    assert "現場の温度感が高い" in reasons
    (task,) = relay.rows("SELECT reported FROM managed_record WHERE vendor_id = %s", [call["id"]])
    assert task["reported"] == "done"
    assert relay.lead(left)["gone"] == "archived"
    assert relay.contact(str(made))["lifecyclestage"] == MQL, "who came meanwhile is a lead like any other"
    missed = relay.rows("SELECT DISTINCT field FROM drift WHERE class = 'missed_event'")
    assert {"job_title", "created"} <= {row["field"] for row in missed}
    last = relay.mark()
    relay.pass_time(minutes=20)
    relay.reconcile()
    relay.settle()
    again = [row for row in relay.our_writes(since=last) if row["id"] in (edited, worked, made)]
    assert again == [], "what was made good is left alone"


def runs(jobs: Jobs, relay: Relay) -> bool:
    """A job that calls the CRM; False: it was not let in."""
    try:
        jobs.owners(relay.installation_id, relay.connection_id)
    except AuthError:
        return False
    return True


def sent(relay: Relay) -> list[str]:
    """The notices that go out now."""
    texts: list[str] = []

    def send(address: str, text: str) -> bool:
        texts.append(text)
        return True

    send_slice(relay.tenant, send)
    return texts


def test_revoked_access_is_told_once_and_told_again_when_it_stands(make_relay: MakeRelay) -> None:
    """Nothing is called while it is paused, and what comes in is kept; trying again in vain tells nobody."""
    relay = make_relay()
    relay.listen()
    contact_id = relay.new_mql()
    with relay.database.transaction(relay.installation_id) as conn:
        secrets.put(conn, relay.installation_id, relay.tenant.vault, "channel.is_managers", "json://localhost")
    jobs = Jobs(relay.runtime)
    relay.sandbox.revoke_token()
    for _ in range(2):  # and once more when the pause has run out
        assert not runs(jobs, relay)
        assert relay.runtime.lines(relay.tenant) == {}
        relay.rows("UPDATE connection SET paused_until = now() RETURNING id")
        jobs.on_wake(set())
        assert relay.runtime.lines(relay.tenant), "it is tried again"
    assert not runs(jobs, relay)
    (text,) = sent(relay)
    assert "token_refused" in text

    relay.sandbox.edit("contacts", contact_id, {"jobtitle": "部長"})
    relay.hear()
    assert relay.runtime.ingest() > 0, "its events are kept meanwhile"
    relay.connect(str(relay.sandbox.issue_token()["token"]))
    jobs = Jobs(relay.runtime)
    with relay.database.transaction(relay.installation_id) as conn:
        assert connections.resume(conn, relay.connection_id)
    relay.hear_and_settle()
    assert "課長級以上" in str(relay.contact(contact_id)["tasuki_score_reasons"])
    jobs.on_wake(set())
    (text,) = sent(relay)
    assert "また入れる" in text
    jobs.on_wake(set())
    assert sent(relay) == []

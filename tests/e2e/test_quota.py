"""The customer's other apps never fail through us: background work gives way, what people wait for goes on."""

from __future__ import annotations

import pytest

from connector.jobs.tasks import Jobs
from connector.store.reconcile_passes import Scope
from connector.sync.governor import background_goes_on
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import MQL, POLICY, Relay

SMALL = POLICY.parent / "small-team"


def looked(relay: Relay, jobs: Jobs) -> int:
    """How many calls a background look through the CRM makes now."""
    relay.mark()
    relay.rows("UPDATE reconcile_pass SET due_at = now() RETURNING pages")
    jobs.reconcile(relay.installation_id, relay.connection_id)
    return relay.calls().get("total", 0)


@pytest.mark.fault("F41")
def test_the_background_gives_way_to_other_apps_and_forms_go_on(make_relay: MakeRelay) -> None:
    relay = make_relay(limits_enabled=True, burst_max=100_000, associations_max=100_000, search_per_second=1_000)
    relay.listen()
    hour = relay.now().astimezone(relay.policy.calendar.zone).hour
    relay.pass_time(hours=(12 - hour) % 24)  # what others will need by the evening hangs on how much of the day is over
    relay.meet()
    relay.sandbox.settings(daily_max=5_000)
    contact = relay.new_mql()
    jobs, shell = Jobs(relay.runtime), CommandLine.of(relay)
    relay.reconcile(Scope.CHANGES)
    assert looked(relay, jobs) > 0, "there is enough for everybody"
    (told,) = shell.json("quota")
    assert (told["vendor"], told["calls_a_day"], told["told_by_vendor"], told["share"]) == ("hubspot", 5_000, True, 0.5)
    assert told["ours"] > 0
    assert told["background"] == "free"

    relay.sandbox.others_call(4_000)
    relay.sandbox.edit("contacts", contact, {"tasuki_temperature": "hot"})
    relay.hear()
    relay.runtime.ingest()
    jobs.read(relay.installation_id, relay.connection_id, "hot")
    assert not background_goes_on(relay.line)
    assert looked(relay, jobs) == 0
    (told,) = shell.json("quota")
    assert (told["background"], told["because"], told["background_left"]) == ("stopped", "others", 0)
    assert told["others"] >= 4_000
    assert told["hot_left"] > 0
    shown = shell.run("quota")
    assert "other apps will need what is left" in shown.stdout
    jobs.evaluate(relay.installation_id, "hot")
    jobs.deliver(relay.installation_id, relay.connection_id, "hot")
    assert "現場の温度感が高い" in relay.contact(contact)["tasuki_score_reasons"], "what people do goes on"
    assert relay.contact(contact)["lifecyclestage"] == MQL
    assert relay.sandbox.refused()["daily"] == 0

    relay.pass_time(days=1)
    assert background_goes_on(relay.line), "a new day"
    assert looked(relay, jobs) > 0

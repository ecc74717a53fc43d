"""E4, E7 and E9 on Salesforce alone: a lead that nobody touches, and leads whose owner is away, or has left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from connector.engine.deadlines import deadline, rung_at
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.org_people import OPEN, calls, edit, inquire
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.test_e4_escalation import figures, told
from tests.e2e.test_e9_open_work import AFTER, away, moved
from tests.e2e.test_e12_meeting_booked import mails
from tests.e2e.test_g1_first_response import CLOCK, run


def _wait_until(relay: SalesforceRelay, moment: object) -> None:
    """Time goes on to a few seconds after this moment, and everything that is due is done."""
    relay.pass_time(seconds=(moment - relay.now()).total_seconds() + 5)
    relay.hear_and_settle()


def test_e4_e7_who_leaves_a_lead_untouched_is_warned_then_the_managers_are_told_then_it_is_somebody_elses(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    clock = relay.policy.clocks[CLOCK]
    warn, alarm, give = clock.escalation
    relay.meet()
    relay.pass_time(seconds=2)
    lead = relay.new_mql()
    first, started = relay.fields(lead)["OwnerId"], run(relay, lead)
    _wait_until(relay, rung_at(clock, started, warn))
    assert told(relay) == [("rung_1.notify", f"person:{first}")]
    sent = mails(relay)
    assert {address.rpartition("to=")[2] for address, _ in sent} == {relay.fields(first)["Email"]}
    assert len(sent) == 2, "of the goal, and of this promise"
    assert sum("まもなく5分: 株式会社サンプル" in text for _, text in sent) == 1

    _wait_until(relay, rung_at(clock, started, alarm))
    (task,) = relay.tasks_of(lead, CLOCK)
    assert task["OwnerId"] in relay.pool("is_managers")
    assert (task["Priority"], task["Status"], task["Subject"]) == ("High", OPEN, "未対応: 株式会社サンプル 山田様")
    assert told(relay)[1:] == [("rung_2.notify", "channel:is_managers")]
    assert run(relay, lead).breached_at == deadline(clock, started)
    assert relay.fields(lead)["OwnerId"] == first

    _wait_until(relay, rung_at(clock, run(relay, lead), give))
    second = relay.fields(lead)["OwnerId"]
    assert second in set(relay.pool("sdr")) - {first}
    for rule in (CALL, MAIL):
        assert [one["OwnerId"] for one in relay.tasks_of(lead, rule)] == [second]
    relay.pass_time(days=9)
    relay.hear_and_settle()
    assert (len(relay.tasks_of(lead, CLOCK)), relay.fields(lead)["OwnerId"]) == (1, second), "each once"
    calls(relay, lead)
    assert [one["Status"] for one in relay.tasks_of(lead, CLOCK)] == ["Completed"], "there is nothing to chase now"
    (counted,) = figures(relay)
    assert (counted["breached"], counted["met"], counted["overdue"]) == (1, 0, 0)


def test_e9_who_is_away_or_has_left_leaves_nothing_behind(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path
) -> None:
    relay = make_salesforce_relay(policy=changed_policy(tmp_path / "soon", "routing.yaml", after=AFTER))
    relay.meet()
    leads = inquire(relay, *(f"a{n}" for n in range(5)))
    owners = {one: relay.fields(one)["OwnerId"] for one in leads}
    (first, count), *_ = Counter(owners.values()).most_common()
    theirs = [one for one in leads if owners[one] == first]
    assert count == 2, "five among four"
    relay.pass_time(minutes=5)
    away(relay, first)
    relay.hear_and_settle()
    assert relay.fields(theirs[0])["OwnerId"] == first, "an absence shorter than the policy says moves nothing"
    relay.pass_time(minutes=65)
    relay.hear_and_settle()
    for lead in theirs:
        owner = relay.fields(lead)["OwnerId"]
        assert owner in set(relay.pool("sdr")) - {first}
        assert {one["OwnerId"] for one in relay.tasks(lead)} == {owner}
    edit(relay, theirs[0], OwnerId=first)
    relay.pass_time(hours=3)
    relay.hear_and_settle()
    assert relay.fields(theirs[0])["OwnerId"] == first, "what a person decides afterwards stands"
    assert len(moved(relay)) == 2

    gone = relay.fields(theirs[1])["OwnerId"]
    relay.org.put_user(Id=gone, IsActive=False)
    relay.refresh_owners()
    relay.hear_and_settle()
    owners = {one: relay.fields(one)["OwnerId"] for one in leads}
    assert gone not in owners.values()
    for lead, owner in owners.items():
        assert {one["OwnerId"] for one in relay.tasks(lead) if one["Status"] == OPEN} == {owner}
    assert owners[theirs[0]] == first

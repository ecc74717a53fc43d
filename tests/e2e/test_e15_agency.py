"""E15: an outside agency is a pool with promises of its own, tasks that print only what it may see, and a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.activities import NO_ANSWER, log
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, Relay
from tests.e2e.test_e2_routing import inquire, owner, team

AGENCY = "インサイドセールスBDR"
"""A team of the sandbox that plays the agency here."""

POOL = f"  agency: {{label: 架電代行, members: {{hubspot_team: {AGENCY}}}, may_see: [company_name, last_name, link]}}\n"
CLOCK = (
    "  - {id: agency_first, label: 代行の初回コール, starts: {becomes: {owner.pool: agency}},"
    " stops: {signal: attempted}, limit: 4 business hours}\n"
)


@pytest.fixture
def relay(make_relay: MakeRelay, tmp_path: Path) -> Relay:
    """b2b-ja, whose inquiries go to an agency that has four working hours for the first attempt."""
    folder = changed_policy(
        tmp_path / "policy",
        "routing.yaml",
        pool=f"  sdr: {{ => {POOL}  sdr: {{",
        rule="assign: {pool: sdr, by: round_robin} => assign: {pool: agency, by: round_robin}",
    )
    path = folder / "sla.yaml"
    goal = "  - id: first_response_goal"
    text = path.read_text(encoding="utf-8").replace(goal, CLOCK + goal, 1)
    path.write_text(text, encoding="utf-8")
    made = make_relay(policy=folder)
    made.listen()
    return made


def test_the_agency_sees_what_it_may_keeps_its_own_promise_and_reports(relay: Relay) -> None:
    first, second = inquire(relay, 2)
    relay.hear_and_settle()
    assert {owner(relay, first), owner(relay, second)} <= team(relay, AGENCY)
    (task,) = relay.tasks_of(first, CALL)
    assert "山田0様に電話" in task["hs_task_subject"]
    text = task["hs_task_body"]
    assert "/record/0-1/" in text
    assert "問い合わせ" not in text, "neither reasons nor what the lead did"
    assert relay.contact(first)["tasuki_score_reasons"].startswith("問い合わせ"), "our own people see it on the record"

    relay.pass_time(minutes=1)
    log(relay, "calls", first, hs_call_disposition=NO_ANSWER, hs_call_status="COMPLETED")
    relay.hear_and_settle()
    relay.pass_time(days=1)  # nine working hours: more than its promise, less than until our own one gives it on
    relay.on_a_working_day()
    relay.hear_and_settle()
    (told,) = [CommandLine.of(relay).json("report", "agency")]
    people = told["people"]
    assert sum(one["given"] for one in people) == 2
    assert {one["person"] for one in people} == {owner(relay, first), owner(relay, second)}
    assert sorted(str(one["promises"]["agency_first"]) for one in people) == ["{'broken': 1}", "{'kept': 1}"]
    assert sorted(one["activities"].get("attempted", [0, 0])[0] for one in people) == [0, 1]
    printed = CommandLine.of(relay).run("report", "agency").stdout
    assert "代行の初回コール" in printed
    assert "山田" not in printed, "nothing of the leads"

    assert CommandLine.of(relay).run("report", "nobody").exit_code == 3

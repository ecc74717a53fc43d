"""E5, E8, E10, E14 and E15 on Salesforce alone: calls as the org logs them, what comes after them, and when it ends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from connector.engine.cadences import step_at
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.org_people import OPEN, asked_by, books, calls, edit, finishes, inquire, log, replies
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.test_e5_cadences import cadence_of
from tests.e2e.test_e12_meeting_booked import mails
from tests.e2e.test_e14_visit_alert import alerts
from tests.e2e.test_e15_agency import CLOCK, POOL
from tests.e2e.website import happens

RECALL = "call_again"
EMAIL = "yamada@yamada.example"


def _recalls(relay: SalesforceRelay, lead: str, status: str) -> list[str]:
    return [one["Subject"].split(":")[0] for one in relay.tasks_of(lead, RECALL) if one["Status"] == status]


def test_e5_the_cadence_runs_day_by_day_and_a_reply_a_meeting_and_a_move_each_stop_it(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    lead, answers, meets, moves = inquire(relay, "lead", "answers", "meets", "moves")
    replies(relay, answers)
    books(relay, meets, relay.now() + timedelta(days=2))
    edit(relay, moves, TasukiRepDecision__c="accepted", TasukiNeed__c="在庫")
    for stopped in (answers, meets, moves):
        assert [one["Status"] for one in relay.tasks_of(stopped, MAIL)] == ["Completed"], "its step is closed"
    stopped_by = [cadence_of(relay, one).stopped_by for one in (answers, meets, moves)]
    assert stopped_by == ["signal:replied", "signal:meeting_booked", "leaves:mql"]

    calendar, run = relay.policy.calendar, cadence_of(relay, lead)
    done = []
    for number, step in enumerate(relay.policy.cadences[MAIL].steps):
        left = step_at(run, step, calendar) - relay.now()
        if number and left > timedelta():
            assert MAIL not in asked_by(relay, lead, still=True), "a step comes on its day"
            relay.pass_time(seconds=left.total_seconds() + 60)
            relay.hear_and_settle()
        (task,) = [one for one in relay.tasks_of(lead, MAIL) if one["Status"] == OPEN]
        done.append((task["TaskSubtype"], task["Subject"]))
        finishes(relay, task)
    assert done == [
        ("Email", "初回ご挨拶"),
        ("Call", "再架電(不通の場合)"),
        ("Email", "事例のご案内"),
        ("Call", "3回目の架電"),
        ("Email", "最後のご連絡"),
    ]
    shown = relay.fields(lead)
    assert shown["TasukiStage__c"] == "リサイクル", "it was finished, and nobody was reached"
    assert relay.lead(lead)["state"]["entry"]["reason"] == "no_reply"


def test_e8_e10_calls_that_reach_nobody_ask_for_the_next_one_up_to_a_limit(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    lead, given_up = inquire(relay, "lead", "tried")
    (first,) = relay.tasks_of(lead, CALL)
    finishes(relay, first)
    calls(relay, lead, "No Answer")
    assert _recalls(relay, lead, OPEN) == ["再架電(2回目)"]
    (task,) = relay.tasks_of(lead, RECALL)
    assert (task["TaskSubtype"], task["OwnerId"]) == ("Call", relay.fields(lead)["OwnerId"])
    busy = calls(relay, lead, "Busy")
    assert _recalls(relay, lead, OPEN) == ["再架電(3回目)"], "busy reaches nobody either"
    assert _recalls(relay, lead, "Completed") == ["再架電(2回目)"], "one is open at a time"
    assert relay.fields(lead)["TasukiAttempts__c"] == 2, "the task that was ticked off and the call in it are one"
    edit(relay, busy, CallDisposition="Connected")
    assert RECALL not in asked_by(relay, lead, still=True), "it was mended: somebody was reached"

    # A lead is not given up before it was tried; time alone gives nobody up.
    edit(relay, given_up, TasukiRecycleReason__c="no_reply")
    shown = relay.fields(given_up)
    assert (shown["TasukiStage__c"], shown["TasukiRecycleReason__c"]) == ("MQL", "no_reply"), "held, not taken away"
    assert "3回以上" in shown["TasukiHeldReason__c"]
    (again,) = relay.tasks_of(given_up, "gave_up_early")
    assert (again["TaskSubtype"], again["Description"]) == ("Call", shown["TasukiHeldReason__c"])
    relay.pass_time(days=20)
    relay.hear_and_settle()
    assert relay.fields(given_up)["TasukiStage__c"] == "MQL"
    for _ in range(3):
        assert relay.fields(given_up)["TasukiStage__c"] == "MQL"
        calls(relay, given_up, "No Answer")
    shown = relay.fields(given_up)
    assert shown["TasukiStage__c"] == "リサイクル"
    assert not shown.get("TasukiHeldReason__c")

    # E10: over the limit the next step waits, and the record says so until there is room.
    (many,) = inquire(relay, "many")
    relay.pass_time(days=2)
    for _ in range(8):
        log(relay, many, "Call")
    relay.hear_and_settle()
    said = relay.fields(many)["TasukiContactLimit__c"]
    assert said.startswith("接触の上限(14日で8回まで): ")
    told = CommandLine.of(relay).json("explain", many)
    assert told["contact_limit"] == said
    finishes(relay, *relay.tasks_of(many, MAIL), *relay.tasks_of(many, CALL))
    assert len(relay.tasks_of(many, MAIL)) == 1, "the call of day 1 waits"
    relay.pass_time(days=14)
    relay.hear_and_settle()
    assert not relay.fields(many).get("TasukiContactLimit__c")
    assert sorted(one["Status"] for one in relay.tasks_of(many, MAIL)) == ["Completed", OPEN]


def test_e14_e15_visits_are_told_of_and_an_agency_sees_what_it_may(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path
) -> None:
    pool = POOL.replace("hubspot_team", "salesforce_group")
    folder = changed_policy(
        tmp_path / "policy",
        "routing.yaml",
        pool=f"  sdr: {{ => {pool}  sdr: {{",
        rule="assign: {pool: sdr, by: round_robin} => assign: {pool: agency, by: round_robin}",
    )
    path = folder / "sla.yaml"
    goal = "  - id: first_response_goal"
    path.write_text(path.read_text("utf-8").replace(goal, CLOCK + goal, 1), "utf-8")
    relay = make_salesforce_relay(policy=folder)
    relay.meet()
    lead, other = inquire(relay, "yamada", "suzuki")

    # E15: the agency's people, what they may see, their own promise and their report.
    owner = relay.fields(lead)["OwnerId"]
    assert {owner, relay.fields(other)["OwnerId"]} <= set(relay.pool("agency"))
    (task,) = relay.tasks_of(lead, CALL)
    assert "山田様に電話" in task["Subject"]
    assert f"{relay.org.base_url}/{lead}" in task["Description"]
    assert "問い合わせ" not in task["Description"], "neither reasons nor what the lead did"
    assert relay.fields(lead)["TasukiReasons__c"].startswith("問い合わせ"), "our own people see it on the record"
    calls(relay, lead, "No Answer")

    # E14: every visit of a watched lead, and the pricing page the second time within 14 days.
    mails(relay)
    happens(relay, EMAIL, "visit")
    assert alerts(relay, "watched_visit") == [], "nobody watches it"
    edit(relay, lead, TasukiWatched__c=True)
    for _ in range(2):
        relay.pass_time(minutes=30)
        happens(relay, EMAIL, "visit")
    assert alerts(relay, "watched_visit") == ["channel:sales_alerts", f"person:{owner}"] * 2
    sent = [address for address, text in mails(relay) if "注目リードがサイトを訪問しました: 会社yamada" in text]
    assert [one.rpartition("to=")[2] for one in sent] == [relay.fields(owner)["Email"]] * 2
    happens(relay, EMAIL, "mail_click")
    found = CommandLine.of(relay).json("explain", lead)["scores"]
    points = {part["rule"]: part["points"] for one in found for part in one["parts"]}
    assert round(points["b_click"]) == 3, "as the tool tells that sends the mails"
    happens(relay, EMAIL, "pricing_page")
    relay.pass_time(days=15)
    happens(relay, EMAIL, "pricing_page")
    assert alerts(relay, "pricing_again") == [], "the first one is too long ago"
    relay.pass_time(days=3)
    happens(relay, EMAIL, "pricing_page")
    assert alerts(relay, "pricing_again") == [f"person:{relay.fields(lead)['OwnerId']}"], "whose it is now"

    cli, since = CommandLine.of(relay), f"{relay.now() - timedelta(days=20):%Y-%m-%d}"
    people = cli.json("report", "agency", "--from", since)["people"]
    assert sum(one["given"] for one in people) == 2
    assert sorted(str(one["promises"]["agency_first"]) for one in people) == ["{'broken': 1}", "{'kept': 1}"]
    printed = cli.run("report", "agency", "--from", since).stdout
    assert "代行の初回コール" in printed
    assert "山田" not in printed, "nothing of the leads"

"""A policy is tried on what really happened: `tasuki backtest` beside the running policy, and nothing is written."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay


def test_the_running_policy_replays_to_what_it_did_and_another_one_to_something_else(
    relay: Relay, tmp_path: Path
) -> None:
    relay.listen()
    relay.pass_time(minutes=1)
    inquired = [relay.new_mql(f"a{n}@example.co.jp") for n in range(3)]
    relay.sandbox.submit("資料請求", {"email": "b@example.co.jp", "lastname": "鈴木"})
    relay.poll()
    relay.hear_and_settle()
    relay.pass_time(minutes=10)
    mark = relay.mark()
    loose = changed_policy(
        tmp_path / "loose",
        "lifecycle.yaml",
        document="when: {signal.inquiry: {at_least: 1, since: stage_entered}}}\n  - {id: to_mql_bdr"
        " => when: {any: [{signal.inquiry: {at_least: 1, since: stage_entered}},"
        " {signal.document_request: {at_least: 1, since: stage_entered}}]}}\n  - {id: to_mql_bdr",
    )
    found = CommandLine.of(relay).json("backtest", loose)
    assert found["running"]["leads"] == found["new"]["leads"] == 4
    assert found["running"]["entered"]["mql"] == len(inquired)
    assert found["new"]["entered"]["mql"] == len(inquired) + 1
    assert found["running"]["tasks"]["mql_call"] == len(inquired)
    assert sum(found["new"]["load"].values()) > sum(found["running"]["load"].values())
    assert (relay.our_writes(since=mark), relay.calls()["total"]) == ([], 0)
    shown = CommandLine.of(relay).run("backtest", loose)
    assert shown.exit_code == 0
    assert "to_mql_act" in shown.stdout


def test_a_period_that_ends_before_it_begins_is_refused(relay: Relay) -> None:
    result = CommandLine.of(relay).run("backtest", relay._folder, "--from", "2999-01-01")
    assert result.exit_code == 3

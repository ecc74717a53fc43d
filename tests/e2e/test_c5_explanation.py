"""C5 (`tasuki explain`): which rules gave which points, since when, from which event; and what is still unknown."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import Relay
from tests.e2e.test_cli_explain import EMAIL, cli, contact_id

__all__ = ["cli", "contact_id"]


def test_stage_score_task_and_what_they_came_from(cli: CommandLine, contact_id: str) -> None:
    told = cli.json("explain", EMAIL)
    assert told["vendor_id"] == contact_id
    assert (told["stage"]["id"], told["stage"]["label"]) == ("mql", "MQL")
    assert (told["stage"]["moved_by"], told["stage"]["transition"]) == ("rule", "to_mql_act")
    assert [one["stage"] for one in told["history"]] == ["mql", "lead"]
    assert told["total"] == pytest.approx(40, abs=0.1)
    behaviour = next(one for one in told["scores"] if one["id"] == "behaviour")
    (part,) = behaviour["parts"]
    assert (part["rule"], part["signal"], part["full_points"]) == ("b_inquiry", "問い合わせ", 40)
    (event,) = part["events"]
    assert datetime.fromisoformat(event["at"]) < datetime.fromisoformat(told["at"])
    assert 0 <= event["age_seconds"] < 300
    values = {one["field"]: one for one in told["values"]}
    assert (values["track"]["value"], values["channel"]["value_label"]) == ("sdr", "インバウンド")
    (grant,) = told["grants"]
    assert (grant["owner_of"], grant["pool"], grant["why"], grant["skipped"]) == ("lead", "sdr", "turn", {})
    assert {one["owner"] for one in told["tasks"]} == {grant["person"]}
    (task,) = [one for one in told["tasks"] if one["rule"] == "mql_call"]
    assert (task["state"], task["kind"], task["in_crm"]) == ("open", "call", "exists")
    assert "山田" in task["title"]
    assert told["next_look"]["at"] is not None
    assert not told["next_look"]["now"]
    assert told["next_look"]["why"] in ("deadline", "window", "decay")


def test_what_is_unknown_and_what_knowing_it_could_do(cli: CommandLine, relay: Relay) -> None:
    """An executive without any behaviour stays a lead; knowing more about the company could make a hot one."""
    found = relay.sandbox.submit("資料請求", {"email": EMAIL, "lastname": "山田", "jobtitle": "代表取締役"})
    relay.poll()
    relay.settle()
    told = cli.json("explain", f"contact:{found['contact_id']}")
    assert told["stage"]["id"] == "lead"
    fit = next(one for one in told["scores"] if one["id"] == "fit")
    undecided = {one["rule"]: one for one in fit["undecided"]}
    assert undecided["industry_in_icp"]["unknown"] == ["industry"]
    assert undecided["industry_in_icp"]["points"] == 15
    hot = next(one for one in told["transitions"] if one["transition"] == "to_mql_hot")
    assert hot["true"] is False
    assert "competitor" not in undecided


def test_tables_for_people(cli: CommandLine, contact_id: str) -> None:
    result = cli.run("explain", EMAIL)
    assert result.exit_code == 0, result.output
    out = result.stdout
    assert "Stage: MQL (mql) since" in out
    assert "by 問い合わせでMQL (to_mql_act)" in out
    assert "unknown: 業種 (industry)" in out
    assert "Looked at again: 20" in out
    assert "mql_call (stage_entry)" in out
    assert result.stderr == ""


def test_a_score_that_faded_says_what_is_left_of_each_event(cli: CommandLine, relay: Relay, contact_id: str) -> None:
    relay.pass_time(days=30)
    relay.settle()
    told = cli.json("explain", EMAIL)
    behaviour = next(one for one in told["scores"] if one["id"] == "behaviour")
    (part,) = behaviour["parts"]
    (event,) = part["events"]
    assert (part["full_points"], round(part["points"])) == (40, 20)
    assert event["age_seconds"] == pytest.approx(30 * 86_400, abs=300)
    assert relay.contact(contact_id)["tasuki_score"] == "20", "what is explained is what the CRM shows"

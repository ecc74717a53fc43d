"""I3 (運用マニュアル): `tasuki print manual` writes the reps' manual from the policy that runs, in both languages."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, Relay


def test_the_manual_says_what_reps_find_in_their_crm(relay: Relay, tmp_path: Path) -> None:
    folder = changed_policy(
        tmp_path / "policy", "work.yaml",
        due="kind: call, to: owner, due: 5 business => kind: call, to: owner, due: 7 business"
    )  # fmt: skip
    relay.activate(folder)
    relay.listen()
    (task,) = relay.tasks_of(relay.new_mql(), CALL)
    assert task["hs_task_subject"].startswith("【MQL】")
    cli = CommandLine.of(relay)
    japanese = cli.run("print", "manual", "--format", "markdown")
    english = cli.run("print", "manual", "--format", "markdown", "--language", "en")
    assert (japanese.exit_code, english.exit_code) == (0, 0), japanese.output
    assert japanese.stdout.startswith("# 運用マニュアル")
    assert english.stdout.startswith("# Operating manual")
    for text in (japanese.stdout, english.stdout):
        assert "【MQL】" in text, "the task's own title"
        assert relay.policy.hash[:12] in text, "the version that runs"
    assert "営業時間で7分以内" in japanese.stdout
    assert "7 business minutes" in english.stdout
    assert "温度感(現場)" in japanese.stdout, "the fields that people fill in"
    assert "Temperature (rep)" in english.stdout

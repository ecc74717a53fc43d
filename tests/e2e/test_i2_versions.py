"""I2, versions and roll-back: what ran is kept, can be compared, and runs again by one command."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL, Relay


def test_versions_are_listed_compared_and_rolled_back(relay: Relay, tmp_path: Path) -> None:
    relay.listen()
    cli = CommandLine.of(relay)
    contact_id = relay.new_mql()
    folder = changed_policy(
        tmp_path / "fewer", "scoring.yaml", points="signal: inquiry, points: 40 => signal: inquiry, points: 25"
    )
    relay.activate(folder)
    relay.walk()
    assert relay.contact(contact_id)["tasuki_score"] == "25"
    new, old = cli.json("versions")
    assert (new["active"], old["active"]) == (True, False)

    (change,) = [one for one in cli.json("diff", old["hash"][:8], "running") if one["file"] != "examples.yaml"]
    assert (change["sign"], change["file"], change["before"], change["after"]) == ("~", "scoring.yaml", "40", "25")
    assert cli.json("diff", folder) == []

    assert cli.json("rollback")["hash"] == old["hash"]
    relay.runtime._cache.plans.clear()
    relay.walk()
    assert relay.contact(contact_id)["tasuki_score"] == "40"
    assert relay.made_by(contact_id) == [CALL, MAIL], "rolling back is no event"
    assert [one["active"] for one in cli.json("versions")] == [True, False]
    assert "is running already" in cli.run("rollback", old["hash"][:8]).stdout
    other = changed_policy(tmp_path / "other", name="policy: b2b-ja => policy: second")
    refused = cli.run("activate", other, TASUKI_LANG="ja")
    assert (refused.exit_code, "secondには1件も残りません" in refused.stderr) == (4, True)
    told = cli.run("activate", other, "--instead", "b2b-ja", TASUKI_LANG="ja")
    assert "b2b-jaに代わって動きます。" in told.stdout
    assert "有効にした日時" in cli.run("versions", TASUKI_LANG="ja").stdout


def test_what_cannot_be_named_is_told(relay: Relay) -> None:
    cli = CommandLine.of(relay)
    for arguments in (("rollback",), ("rollback", "ffffffff"), ("diff", "nowhere"), ("rollback", "a")):
        result = cli.run(*arguments)
        assert result.exit_code == 3, result.output

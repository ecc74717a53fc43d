"""I3, I5 and I7 on Salesforce alone: a policy grows in the same org, prints its manual, and is tried on a part."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.org_people import OPEN, asked_by, inquire
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.test_i5_growth import catch_up, grown
from tests.unit.policy.folders import MAPPINGS

LEADS = 24


def _open_calls(relay: SalesforceRelay, lead: str) -> list[str]:
    return [one["Subject"] for one in relay.tasks(lead) if one["Status"] == OPEN]


def test_i3_i5_a_policy_of_two_files_grows_in_the_same_org(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path
) -> None:
    relay = make_salesforce_relay(policy=MAPPINGS / "small-team")
    relay.meet()
    cli = CommandLine.of(relay)
    installation, connection = relay.installation_id, relay.connection_id
    (first,) = inquire(relay, "first", Title="営業課長")
    (asked,) = inquire(relay, "asked", source="資料請求")
    assert [relay.fields(one)["TasukiGrade__c"] for one in (first, asked)] == ["B", "A"]
    assert relay.org.records("Task") == []
    assert cli.run("print", "sla").exit_code == 3

    relay.activate(grown(tmp_path / "work", "work.yaml"))
    catch_up(relay)
    shown = relay.fields(first)
    assert (shown["TasukiStage__c"], shown["TasukiBand__c"]) == ("MQL", "hot"), "the old lead catches up"
    assert relay.tasks(first) == [], "and nobody is sent after it"
    (second,) = inquire(relay, "second", Title="営業課長")
    assert _open_calls(relay, second) == ["【MQL】会社second 山田様に電話"]

    relay.activate(grown(tmp_path / "sla", "sla.yaml"))
    relay.refresh_owners()
    catch_up(relay)
    (third,) = inquire(relay, "third", Title="営業課長")
    assert relay.fields(third)["OwnerId"] in relay.pool("sdr")
    relay.pass_time(days=8)
    relay.hear_and_settle()
    overdue = [one for one in _open_calls(relay, third) if one.startswith("未対応")]
    assert overdue == ["未対応: 会社third 山田様"]
    assert not any(one.startswith("未対応") for one in _open_calls(relay, first) + _open_calls(relay, second))
    assert (relay.installation_id, relay.connection_id) == (installation, connection)

    manual = cli.run("print", "manual", "--format", "markdown")
    assert (manual.exit_code, relay.policy.hash[:12] in manual.stdout) == (0, True), manual.output
    assert "【MQL】" in manual.stdout
    assert "MQL発生から初回コンタクト" in cli.run("print", "sla", "--format", "markdown").stdout


def test_i7_a_trial_acts_on_its_share_and_a_policy_is_tried_on_what_happened(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path
) -> None:
    trial = changed_policy(tmp_path / "trial", trial="applies_to: all  => trial: {share: 50%}\napplies_to: all  ")
    relay = make_salesforce_relay(policy=trial)
    relay.meet()
    leads = inquire(relay, *(f"a{n}" for n in range(LEADS)))
    (document,) = inquire(relay, "document", source="資料請求")
    shown = {one: relay.fields(one) for one in leads}
    acted = [one for one in leads if shown[one].get("TasukiStage__c") == "MQL"]
    rest = [one for one in leads if one not in acted]
    assert 4 < len(acted) < LEADS - 4
    assert all(asked_by(relay, one) == [CALL, MAIL] and shown[one]["OwnerId"] in relay.pool("sdr") for one in acted)
    for one in rest:
        assert (relay.tasks(one), shown[one].get("TasukiScore__c")) == ([], None)
        assert shown[one]["OwnerId"].startswith("00G"), "it stays in the queue"
    cli = CommandLine.of(relay)
    found = cli.json("trial")
    assert (found["trial"]["entered"]["mql"], found["rest"]["entered"]["mql"]) == (len(acted), len(rest))
    assert {one["rule"]: one["leads"] for one in found["shadow"]}[CALL] == len(rest)

    relay.pass_time(minutes=10)
    mark = relay.mark()
    loose = changed_policy(
        tmp_path / "loose",
        "lifecycle.yaml",
        document="when: {signal.inquiry: {at_least: 1, since: stage_entered}}}\n  - {id: to_mql_bdr"
        " => when: {any: [{signal.inquiry: {at_least: 1, since: stage_entered}},"
        " {signal.document_request: {at_least: 1, since: stage_entered}}]}}\n  - {id: to_mql_bdr",
    )
    told = cli.json("backtest", loose)
    assert (told["running"]["entered"]["mql"], told["new"]["entered"]["mql"]) == (LEADS, LEADS + 1)
    assert (relay.our_writes(since=mark), relay.calls()["total"]) == ([], 0)
    assert relay.fields(document).get("TasukiStage__c") != "MQL"

"""I5, growth: two files score; stages, tasks, routing and a promise are switched on later, in the same installation.

The policies are those of the tutorial (docs/guide/ja), as they stand after each of its steps.
"""

from __future__ import annotations

from pathlib import Path

from connector.jobs.tasks import Jobs
from connector.policy.loader import load_policy
from connector.sync.sweep import sweep_slice, sweep_wanted
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import INQUIRY, MQL, BaseRelay, Relay
from tests.unit.policy.folders import MAPPINGS
from tests.unit.test_guide import TUTORIALS, followed

(GUIDE,) = [page for page in TUTORIALS if page.parent.name == "ja"]


def grown(folder: Path, until: str, points: int = 40) -> Path:
    """The tutorial's policy once it has this file; its team is the sandbox's, and it is on trial no more."""
    settings, files = b"", dict[str, bytes]()
    for block, found in followed(GUIDE):
        settings, files = settings or found["policy.yaml"], found
        if block.file == until:
            break
    folder.mkdir()
    for name, content in {**files, "policy.yaml": settings}.items():
        text = content.decode()
        for word in ("hubspot_team", "salesforce_group"):
            text = text.replace(f"{word}: インサイドセールス", f"{word}: インサイドセールスSDR")
        text = text.replace("signal: inquiry, points: 40", f"signal: inquiry, points: {points}")
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def inquire(relay: Relay, email: str) -> str:
    """A manager asks; returns the contact's id."""
    values = {"email": email, "lastname": "山田", "jobtitle": "営業課長"}
    submitted = relay.sandbox.submit(INQUIRY, values)
    relay.poll()
    relay.hear_and_settle()
    return str(submitted["contact_id"])


def catch_up(relay: BaseRelay) -> None:
    """As the worker does after an activation: what the policy newly reads is read, then every lead is decided."""
    while sweep_wanted(relay.line):
        sweep_slice(relay.line)
        relay.settle()
    relay.walk()
    relay.hear_and_settle()


def test_a_policy_of_two_files_grows_without_installing_again(make_relay: MakeRelay, tmp_path: Path) -> None:
    relay = make_relay(policy=MAPPINGS / "small-team")
    relay.listen()
    cli = CommandLine.of(relay)
    installation, connection = relay.installation_id, relay.connection_id

    first = inquire(relay, "first@example.co.jp")
    assert relay.contact(first)["tasuki_grade"] == "B"
    assert relay.live_tasks() == []
    assert cli.run("print", "sla").exit_code == 3

    relay.activate(grown(tmp_path / "work", "work.yaml"))
    catch_up(relay)
    assert relay.contact(first)["lifecyclestage"] == MQL, "the old lead catches up"
    assert relay.live_tasks() == [], "and nobody is sent after it"
    second = inquire(relay, "second@example.co.jp")
    assert relay.contact(second)["lifecyclestage"] == MQL
    (task,) = relay.open_tasks(second)
    assert task["hs_task_subject"].startswith("【MQL】")

    relay.activate(grown(tmp_path / "sla", "sla.yaml"))
    relay.refresh_owners()
    catch_up(relay)
    third = inquire(relay, "third@example.co.jp")
    relay.pass_time(days=8)
    relay.walk()
    relay.hear_and_settle()
    overdue = [task for task in relay.open_tasks(third) if task["hs_task_subject"].startswith("未対応")]
    assert len(overdue) == 1
    assert all(not task["hs_task_subject"].startswith("未対応") for task in relay.tasks(first) + relay.tasks(second))

    assert (relay.installation_id, relay.connection_id) == (installation, connection)
    printed = cli.run("print", "sla", "--format", "markdown")
    assert printed.exit_code == 0, printed.output
    assert "MQL発生から初回コンタクト" in printed.stdout
    assert load_policy(tmp_path / "sla").hash[:12] in printed.stdout


def test_leads_catch_up_after_what_the_policy_newly_reads_was_read(make_relay: MakeRelay, tmp_path: Path) -> None:
    relay = make_relay(policy=MAPPINGS / "small-team")
    relay.listen()
    contact_id = inquire(relay, "first@example.co.jp")
    catch_up(relay)
    jobs = Jobs(relay.runtime)
    relay.activate(grown(tmp_path / "work", "work.yaml"))
    assert sweep_wanted(relay.line), "the policy reads more than was read"
    jobs.walk(relay.installation_id)
    relay.settle()
    assert relay.lead(contact_id)["stage"] is None, "nobody catches up with half of what is known"
    catch_up(relay)
    assert relay.lead(contact_id)["stage"] == "mql"
    assert relay.live_tasks() == []

    relay.activate(grown(tmp_path / "points", "work.yaml", points=10))
    assert not sweep_wanted(relay.line), "nothing new is read: nothing is read again"
    jobs.walk(relay.installation_id)
    relay.settle()
    assert relay.lead(contact_id)["state"]["basis"]["total"] == 30

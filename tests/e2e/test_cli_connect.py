"""`tasuki connect` and `activate`: a plan that changes nothing, then the portal; a policy that runs only if it can."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connector.bootstrap import INSTALLATION
from connector.sandbox.handle import SandboxHandle, start_sandbox
from connector.settings import HubSpotSettings
from connector.store import connections, policies
from connector.store.clock import set_clock
from connector.store.database import Database
from connector.store.policies import ActivePolicy
from tests.e2e.command_line import CommandLine, environment

ROOT = Path(__file__).parents[2]
PROPERTIES = "/crm/properties/2026-03/contacts"


@pytest.fixture
def sandbox(unpaced: None) -> Iterator[SandboxHandle]:
    with start_sandbox(contacts=0, limits_enabled=False) as started:
        yield started


@pytest.fixture
def cli(sandbox: SandboxHandle, database: Database) -> CommandLine:
    portal = sandbox.settings()
    settings = HubSpotSettings(
        portal_id=portal["portal_id"],
        client_secrets=("sandbox-app-secret",),
        access_token=sandbox.token,
        base_url=sandbox.base_url,
        app_id=portal["app_id"],
    )
    return CommandLine(environment(database.dsn, Fernet.generate_key().decode(), settings))


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "mappings" / "small-team", tmp_path / "mine"))


def running(database: Database) -> ActivePolicy | None:
    with database.transaction(connections.ensure_installation(database, INSTALLATION)) as conn:
        return next(iter(policies.running(conn)), None)


def test_from_a_fresh_portal_to_a_running_policy(
    cli: CommandLine, sandbox: SandboxHandle, database: Database, policy: Path
) -> None:
    early = cli.run("activate", policy)
    assert (early.exit_code, running(database)) == (3, None)
    assert "run `tasuki connect DIR` first" in early.stderr
    before = sandbox.ledger()
    plan = cli.json("connect", policy, "--plan")
    assert plan["applied"] is False
    assert {one["action"] for one in plan["steps"]} >= {"create_group", "create_property"}
    assert sandbox.ledger() == before
    assert cli.json("connect", policy, "--plan")["steps"] == plan["steps"]
    told = cli.run("connect", policy)
    assert told.exit_code == 0, told.output
    assert all(step["says"] in told.stdout for step in plan["steps"])
    assert cli.json("connect", policy) | {"problems": []} == plan | {"steps": [], "applied": True, "problems": []}
    done = cli.json("activate", policy)
    assert done["changed"] is True
    active = running(database)
    assert active is not None
    assert active.hash == done["hash"]
    assert cli.json("activate", policy)["changed"] is False
    assert "nothing to change" in cli.run("connect").stdout  # without a folder: the running policy


def test_a_broken_policy_leaves_the_running_one(cli: CommandLine, database: Database, policy: Path) -> None:
    assert cli.run("connect", policy).exit_code == 0
    assert cli.run("activate", policy).exit_code == 0
    before = running(database)
    scoring = policy / "scoring.yaml"
    scoring.write_text(scoring.read_text(encoding="utf-8").replace("at_least", "at_leats"), encoding="utf-8")
    result = cli.run("activate", policy)
    assert result.exit_code == 4
    assert "scoring.yaml:" in result.stderr
    assert "Did you mean `at_least`?" in result.stderr
    assert running(database) == before
    assert cli.run("connect", policy).exit_code == 4


def test_a_policy_that_the_portal_lacks_something_of_is_not_activated(
    cli: CommandLine, database: Database, policy: Path
) -> None:
    assert cli.run("connect", policy).exit_code == 0
    assert cli.run("activate", policy).exit_code == 0
    before = running(database)
    fields = policy / "fields.yaml"
    text = fields.read_text(encoding="utf-8")
    more = "lead:\n  nickname: {label: Nickname, type: text, hubspot: contact.tasuki_nickname}\n"
    fields.write_text(text.replace("lead:\n", more, 1), encoding="utf-8")
    refused = cli.run("activate", policy)
    assert refused.exit_code == 3
    assert "create the property contact.tasuki_nickname (Nickname)" in refused.stderr
    assert running(database) == before
    assert [one["name"] for one in cli.json("connect", policy)["steps"]] == ["tasuki_nickname"]
    assert cli.json("activate", policy)["changed"] is True


def test_a_portal_that_cannot_hold_the_policy_stays_as_it_is(
    cli: CommandLine, sandbox: SandboxHandle, policy: Path
) -> None:
    fields = policy / "fields.yaml"
    text = fields.read_text(encoding="utf-8")
    wrong = "lead:\n  hobby: {label: Hobby, type: number, hubspot: contact.hobby}\n"
    fields.write_text(text.replace("lead:\n", wrong, 1), encoding="utf-8")
    before = sandbox.ledger()
    result = cli.run("connect", policy)
    assert result.exit_code == 1
    assert "HubSpot has no property contact.hobby" in result.stdout
    assert "is connected" not in result.stdout
    assert sandbox.ledger() == before
    assert cli.run("activate", policy).exit_code == 3


def test_connecting_again_ends_a_pause_for_dead_credentials(cli: CommandLine, database: Database, policy: Path) -> None:
    assert cli.run("connect", policy).exit_code == 0
    installation_id = connections.ensure_installation(database, INSTALLATION)
    with database.transaction(installation_id) as conn:
        assert connections.pause(conn, 1, reason="token_refused", seconds=None)
    assert cli.run("connect", policy, "--plan").exit_code == 0
    assert cli.json("outbox", "list")["paused_connections"]
    assert cli.run("connect", policy).exit_code == 0
    assert cli.json("outbox", "list")["paused_connections"] == []


def test_a_played_clock_never_meets_a_real_portal(cli: CommandLine, database: Database, policy: Path) -> None:
    assert cli.run("connect", policy).exit_code == 0
    with database.transaction(None) as conn:
        set_clock(conn, datetime(2026, 4, 1, tzinfo=UTC))
    assert cli.run("activate", policy).exit_code == 0  # a sandbox may have it
    real = {"TASUKI_HUBSPOT_BASE_URL": "https://hubspot.invalid", "TASUKI_PUBLIC_URL": "https://crm.example.co.jp"}
    for arguments in (("activate", policy), ("connect", policy), ("work",)):
        result = cli.run(*arguments, **real)
        assert result.exit_code == 3, arguments
        assert "business clock" in result.stderr


def test_a_vendor_that_is_away_is_told_so(cli: CommandLine, sandbox: SandboxHandle, policy: Path) -> None:
    sandbox.close()
    result = cli.run("connect", policy)
    assert result.exit_code == 5
    assert "run the command again" in result.stderr


def test_a_wrong_token_is_refused(cli: CommandLine, policy: Path) -> None:
    result = cli.run("connect", policy, TASUKI_HUBSPOT_ACCESS_TOKEN="pat-na1-wrong")
    assert result.exit_code == 6
    assert "HubSpot refuses the access token" in result.stderr
    assert "pat-na1-wrong" not in result.output


def test_without_a_portal_or_a_policy(cli: CommandLine, policy: Path) -> None:
    nobody = dict.fromkeys(("PORTAL_ID", "ACCESS_TOKEN", "CLIENT_SECRET"), "")
    result = cli.run("connect", policy, **{f"TASUKI_HUBSPOT_{name}": value for name, value in nobody.items()})
    assert (result.exit_code, "No HubSpot account is set" in result.stderr) == (3, True)
    result = cli.run("connect")
    assert (result.exit_code, "set TASUKI_POLICY" in result.stderr) == (3, True)
    assert cli.run("connect", "--plan", TASUKI_POLICY=str(policy)).exit_code == 0
    result = cli.run("activate", policy / "nothing")
    assert (result.exit_code, "tasuki init" in result.stderr) == (4, True)

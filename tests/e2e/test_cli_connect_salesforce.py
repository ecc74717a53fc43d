"""`tasuki connect salesforce`: a plan that changes nothing, what only an admin can mend, the org, and the package."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from cryptography.fernet import Fernet

from connector.sandbox.salesforce.handle import SalesforceHandle, start_salesforce
from connector.store.database import Database
from tests.e2e.command_line import CommandLine
from tests.e2e.relay import POLICY


def test_from_a_fresh_org_to_a_running_policy(database: Database, tmp_path: Path, unpaced: None) -> None:
    with start_salesforce(people=0, limits_enabled=False) as org:
        cli = CommandLine(
            {
                "TASUKI_DATABASE_URL": database.dsn,
                "TASUKI_SECRET_KEY": Fernet.generate_key().decode(),
                "TASUKI_SALESFORCE_LOGIN_URL": org.base_url,
                "TASUKI_SALESFORCE_CLIENT_ID": org.client_id,
                "TASUKI_SALESFORCE_CLIENT_SECRET": org.client_secret,
                "TASUKI_SALESFORCE_ORG_ID": org.organization_id,
            }
        )
        withheld = {"readonly_fields": {"Lead": ["Title"]}, "hidden_fields": {"Lead": ["Status"]}}
        org.control("PATCH", "/settings", withheld)
        told = cli.run("connect", "salesforce", POLICY, "--json")
        problems = {(one["severity"], one["reason"], one["property"]) for one in json.loads(told.stdout)["problems"]}
        assert {("error", "property_missing", "Status"), ("warning", "property_read_only", "Title")} <= problems
        assert (told.exit_code, org.records("PermissionSet")) == (1, [])

        org.control("PATCH", "/settings", {"readonly_fields": {}, "hidden_fields": {}})
        assert cli.run("connect", POLICY, "--plan").exit_code == 0  # the only CRM that is set
        assert org.records("PermissionSet") == []
        done = cli.json("connect", "salesforce", POLICY)
        assert (done["applied"], done["account_id"]) == (True, org.organization_id)
        assert "Lead.TasukiScore__c" in {f"{one['object_type']}.{one['name']}" for one in done["steps"]}
        assert cli.json("connect", "salesforce", POLICY)["steps"] == []
        assert cli.run("activate", POLICY).exit_code == 0

        _change_events_are_checked(cli, org)
        package = tmp_path / "package"
        assert cli.run("connect", "salesforce", POLICY, "--package", package).exit_code == 0
        assert (package / "force-app/main/default/objects/Lead/fields/TasukiScore__c.field-meta.xml").exists()
        assert cli.run("connect", "hubspot", POLICY).exit_code == 3

        # JWT bearer instead of the secret: a key, and the user it signs for; the session of before is not taken.
        key = tmp_path / "salesforce.pem"
        key.write_text(org.issue_key(), "utf-8")
        jwt = CommandLine({name: value for name, value in cli.environ.items() if not name.endswith("CLIENT_SECRET")})
        jwt.environ |= {
            "TASUKI_SALESFORCE_PRIVATE_KEY_FILE": str(key),
            "TASUKI_SALESFORCE_USERNAME": "nobody@example.jp",
        }
        refused = jwt.run("connect", "salesforce", POLICY)
        assert refused.exit_code not in (0, 1)
        assert "BEGIN" not in refused.output
        jwt.environ["TASUKI_SALESFORCE_USERNAME"] = org.username
        org.reset_calls()
        told = jwt.json("connect", "salesforce", POLICY)
        assert (told["applied"], told["steps"], told["account_id"]) == (True, [], org.organization_id)
        assert org.call_count("oauth.token") == 1


def _change_events_are_checked(cli: CommandLine, org: SalesforceHandle) -> None:
    """A channel that the org has not is told of; the poll does without it, so connecting goes on."""
    following = {"TASUKI_SALESFORCE_CHANGES": "Tasuki"}
    if importlib.util.find_spec("grpc") is None:
        refused = CommandLine(cli.environ | following).run("connect", "salesforce", POLICY)
        assert (refused.exit_code, "tasuki[cdc]" in refused.output) == (3, True)
        return
    following["TASUKI_SALESFORCE_PUBSUB"] = org.start_changes()
    for channel, reasons in (("Tasuki", ["changes_refused"]), ("ChangeEvents", [])):
        told = CommandLine(cli.environ | following | {"TASUKI_SALESFORCE_CHANGES": channel}).json("connect", POLICY)
        assert [one["reason"] for one in told["problems"] if one["object_type"] == "ChangeEvent"] == reasons
        assert told["applied"]

"""A whole relay on Salesforce alone: an org's sandbox over HTTP instead of a portal's; see `tests/e2e/relay.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connector.bootstrap import INSTALLATION, open_vault
from connector.bootstrap_salesforce import connect_salesforce
from connector.cli.demo_proof import rule_of
from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.settings import Settings
from connector.settings_salesforce import SalesforceSettings
from connector.store import connections
from connector.store.database import Database
from connector.sync.context import Limits
from tests.e2e.relay import BaseRelay

WEBHOOK_SECRET = "a-secret-of-the-address-that-the-org-calls"
KEY = "TasukiKey__c"


class SalesforceRelay(BaseRelay):
    """The product beside a Salesforce org."""

    def __init__(self, org: SalesforceHandle, database: Database, home: Path, policy: Path, limits: Limits) -> None:
        self.org = self.crm = org
        salesforce = SalesforceSettings(
            login_url=org.base_url,
            client_id=org.client_id,
            client_secret=org.client_secret,
            org_id=org.organization_id,
            webhook_secrets=(WEBHOOK_SECRET,),
        )
        super().__init__(database, policy, limits, Settings(home=home, salesforce=salesforce))

    def _connect(self) -> tuple[int, int]:
        assert self.settings.salesforce is not None
        installation_id = connections.ensure_installation(self.database, INSTALLATION)
        vault = open_vault(self.settings)
        return connect_salesforce(
            self.database, vault, self.settings.salesforce, self.policy, installation_id=installation_id
        )

    def hear(self) -> None:
        """Look for what changed: an org without outbound messages tells nothing by itself. Its time stamps
        are whole seconds, and the present one is not over."""
        self.pass_time(seconds=1)
        self.reconcile()

    def fields(self, record_id: str) -> dict[str, Any]:
        """A record's fields as the org holds them; blank ones are absent."""
        found: dict[str, Any] = self.org.record(record_id)["fields"]
        return found

    def tasks(self, person_id: str) -> list[dict[str, Any]]:
        """The tasks of a lead or contact that are ours and no notes."""
        return [
            one["fields"]
            for one in self.org.records("Task")
            if one["fields"].get("WhoId") == person_id and one["fields"].get(KEY) and one["fields"].get("TaskSubtype")
        ]

    def tasks_of(self, person_id: str, rule: str) -> list[dict[str, Any]]:
        """Those of them that this rule or cadence asked for."""
        return [task for task in self.tasks(person_id) if rule_of(task[KEY]) == rule]

    def our_writes(self, *, since: int = 0, type: str = "Lead") -> list[dict[str, Any]]:
        """The sandbox's ledger of what we wrote."""
        return self.org.ledger(since=since, type=type, source="API")

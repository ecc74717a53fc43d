"""A whole relay on Salesforce alone: an org's sandbox over HTTP instead of a portal's; see `tests/e2e/relay.py`."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import orjson
import urllib3

from connector.bootstrap import INSTALLATION, open_vault
from connector.bootstrap_salesforce import connect_salesforce
from connector.cli.demo_proof import rule_of
from connector.jobs.listening import Listener
from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.settings import Settings
from connector.settings_salesforce import SalesforceSettings
from connector.store import connections
from connector.store.database import Database
from connector.sync.context import Limits
from connector.sync.reconcile import reconcile_due, reconcile_slice
from connector.vendors.salesforce.names import Names
from connector.vendors.signed import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.e2e.connected_before import org_connected_before
from tests.e2e.receiver import receiver
from tests.e2e.relay import BaseRelay
from tests.patience import until
from webhooks.services import machine_clock
from webhooks.settings import ORG, from_settings

WEBHOOK_SECRET = "a-secret-of-the-address-that-the-org-calls"
KEY = "TasukiKey__c"


class SalesforceRelay(BaseRelay):
    """The product beside a Salesforce org."""

    def __init__(self, org: SalesforceHandle, database: Database, home: Path, policy: Path, limits: Limits) -> None:
        self.org = self.crm = org
        self.url = ""
        self.listener: threading.Thread | None = None
        salesforce = SalesforceSettings(
            login_url=org.base_url,
            client_id=org.client_id,
            client_secret=org.client_secret,
            org_id=org.organization_id,
            webhook_secrets=(WEBHOOK_SECRET,),
        )
        super().__init__(database, policy, limits, Settings(home=home, salesforce=salesforce))

    def close(self) -> None:
        """Stop everything."""
        if self.listener is not None:
            self.stop_listener()
        super().close()

    def _connect(self) -> tuple[int, int]:
        assert self.settings.salesforce is not None
        installation_id = connections.ensure_installation(self.database, INSTALLATION)
        vault = open_vault(self.settings)
        with org_connected_before(self.org, self.policy):
            return connect_salesforce(
                self.database, vault, self.settings.salesforce, self.policy, installation_id=installation_id
            )

    def follow(self) -> None:
        """From now on the org's change events are followed, and `hear` waits for them: no message, no poll."""
        address = self.org.start_changes()
        assert self.settings.salesforce is not None
        salesforce = dataclasses.replace(self.settings.salesforce, changes="ChangeEvents", pubsub=address)
        self.settings = dataclasses.replace(self.settings, salesforce=salesforce)
        self.runtime.close()
        self.runtime = self._runtime()
        self.pass_time(seconds=1)
        self.start_listener()

    def start_listener(self) -> None:
        """A worker's listener, in a thread of this process; `stop_listener` ends it."""
        self.stop = threading.Event()
        listener = Listener(self.database.dsn, self.runtime.followed, look_seconds=0.1, first_pause_seconds=0.05)
        self.listener = threading.Thread(target=listener.run, args=(self.stop,), daemon=True)
        self.listener.start()
        until(lambda: self.org.changes()["subscribers"] == 1)

    def reconcile_due(self) -> None:
        """The looks that are due, as the clerk would have them done; the present second is not over (see `hear`)."""
        self.pass_time(seconds=1)
        while reconcile_due(self.line):
            reconcile_slice(self.line)

    def stop_listener(self) -> None:
        """As a worker that is stopped in order."""
        assert self.listener is not None
        self.stop.set()
        self.listener.join(10.0)
        assert not self.listener.is_alive()
        self.listener = None

    def place(self) -> int:
        """How far the change events are stored; the sandbox's replay ids are numbers."""
        rows = self.rows("SELECT position FROM poll_cursor WHERE kind = 'changes'")
        return int.from_bytes(bytes.fromhex(rows[0]["position"]["position"]), "big") if rows else 0

    def hear(self) -> None:
        """Look for what changed: an org without outbound messages tells nothing by itself. Its time stamps
        are whole seconds, and the present one is not over."""
        if self.listener is not None:
            until(lambda: self.place() == self.org.changes()["last"])
            return
        if self.url:
            self.org.flush_messages()
            assert self.org.wait_messages(20.0)
            return
        self.pass_time(seconds=1)
        self.reconcile()

    def listen(self) -> None:
        """From now on the org sends outbound messages to a real receiver, and `hear` waits for them: no poll."""
        senders = from_settings(dataclasses.replace(self.settings, public_url="http://127.0.0.1:1")).salesforce
        self.url = self.open.enter_context(receiver(self.database, senders))
        binding, words = self.line.binding, ["Id", "SystemModstamp", "LastModifiedById"]
        names = Names.of(self.policy)
        told = {
            "Lead": [one for one in binding.person_properties if one != "AccountId"],
            "Contact": [name for one in binding.person_properties if (name := names.contact(one)) is not None],
            "Task": ["Status", "ActivityDate", "OwnerId", "Subject", "Priority", "CallDisposition", "TaskSubtype"],
            "Opportunity": list(binding.deal_properties),
        }
        for name, fields in told.items():
            target = f"{self.url}/webhooks/salesforce/{ORG}/{WEBHOOK_SECRET}"
            self.org.message_action(name, target, list(dict.fromkeys((*words, *fields))))
        self.org.messages(linger_seconds=0.01)
        self.pass_time(seconds=1)  # what comes in now is later than the activation by Salesforce's seconds too

    def call_out(self, *events: dict[str, Any]) -> None:
        """As a flow or a trigger of the org posts."""
        body = orjson.dumps({"organization_id": self.org.organization_id, "events": list(events)})
        stamp = str(int(machine_clock().timestamp()))
        headers = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: sign(WEBHOOK_SECRET, stamp, body)}
        reply = urllib3.request("POST", f"{self.url}/webhooks/salesforce/{ORG}", body=body, headers=headers)
        assert reply.status == 200, reply.data

    def fields(self, record_id: str) -> dict[str, Any]:
        """A record's fields as the org holds them; blank ones are absent."""
        found: dict[str, Any] = self.org.record(record_id)["fields"]
        return found

    def new_mql(self, email: str = "yamada@example.co.jp", **values: Any) -> str:
        """A lead whose Web-to-Lead form is an inquiry, out of a queue and worked on: MQL, with an open call.

        Returns its id.
        """
        queue = next(one["id"] for one in self.org.records("Group") if one["fields"]["Type"] == "Queue")
        form = {
            "LastName": "山田",
            "Company": "株式会社サンプル",
            "Email": email,
            "LeadSource": "Web",
            "OwnerId": queue,
        }
        lead = self.org.create("Lead", form | values, web=True)
        self.hear_and_settle()
        assert self.fields(lead)["TasukiStage__c"] == "MQL"
        return lead

    def tasks(self, person_id: str) -> list[dict[str, Any]]:
        """The tasks of a lead or contact that are ours and no notes."""
        return [
            one["fields"]
            for one in self.org.records("Task")
            if one["fields"].get("WhoId") == person_id and one["fields"].get(KEY) and one["fields"].get("TaskSubtype")
        ]

    def pool(self, pool: str) -> list[str]:
        """The users in the group of a pool."""
        assert self.policy.routing is not None
        name = self.policy.routing.pools[pool].members["salesforce"]
        groups = {one["id"] for one in self.org.records("Group") if one["fields"]["Name"] == name}
        return [
            one["fields"]["UserOrGroupId"]
            for one in self.org.records("GroupMember")
            if one["fields"]["GroupId"] in groups
        ]

    def tasks_of(self, person_id: str, rule: str) -> list[dict[str, Any]]:
        """Those of them that this rule or cadence asked for."""
        return [task for task in self.tasks(person_id) if rule_of(task[KEY]) == rule]

    def our_writes(self, *, since: int = 0, type: str = "Lead") -> list[dict[str, Any]]:
        """The sandbox's ledger of what we wrote."""
        return self.org.ledger(since=since, type=type, source="API")

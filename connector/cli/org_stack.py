"""The whole product beside a Salesforce org's sandbox, as processes of its own; see `stack.py` for HubSpot's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from connector.bootstrap import INSTALLATION, Runtime, open_store, open_vault
from connector.bootstrap_salesforce import connect_salesforce
from connector.cli.stack import FORM_SECRET, FORM_SOURCE, Stack, begin, first_line, free_port, make_home, stop, wait_for
from connector.policy.loader import load_policy
from connector.policy.source import read_folder
from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.sandbox.salesforce.handle import connect_salesforce as handle_of
from connector.settings import Settings
from connector.store import connections
from connector.store.database import Database
from connector.store.embedded import embedded_database
from connector.sync.activate import activate
from connector.vendors.salesforce.names import Names

WEBHOOK_SECRET = "demo-secret-of-the-address-that-the-org-calls"  # noqa: S105 - the demo's own, on loopback
_ORDER = ("SystemModstamp", "LastModifiedById")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgStack:
    """What runs: addresses, the org's controls and the store."""

    url: str
    org: SalesforceHandle
    settings: Settings
    database: Database
    installation_id: int
    connection_id: int

    def runtime(self) -> Runtime:
        """The product's parts in this process, to look with."""
        return Runtime(self.database, self.settings)


@contextlib.contextmanager
def running_org(home: Path, policy: Path, *, sandbox_options: Sequence[str] = ()) -> Iterator[OrgStack]:
    """Start everything, connected and with the policy active; stop it all at the end."""
    make_home(home)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _sandbox(home, sandbox_options) as org, embedded_database(home / "postgres"):
        environment = _environment(home, url, port, org)
        settings = Settings.from_environ(environment)
        with open_store(settings) as database:
            stack = _prepare(url, org, settings, database, policy)
            processes = {name: begin(home, environment, name, [name]) for name in ("serve", "work")}
            try:
                wait_for(f"{url}/readyz", processes["serve"], home / "serve.log")
                _listen(stack)
                yield stack
            finally:
                stop(list(processes.values()))


@contextlib.contextmanager
def joined(stack: Stack, *, people: int, latency_ms: float = 0.0) -> Iterator[OrgStack]:
    """Connect an org with so many people to what runs beside a portal: service and worker start again, for both CRMs.

    Its calls take their time from then on: making some hundred fields is not what is shown.
    """
    with _sandbox(stack.home, ["--contacts", str(people)]) as org:
        for name in ("work", "serve"):
            stack.stop(name)
        stack.environment = {**stack.environment, **_of_org(org)}
        stack.settings = Settings.from_environ(stack.environment)
        found = _connected(stack, org)
        org.settings(latency_ms=latency_ms)
        service = stack.start("serve", ["serve"])
        wait_for(f"{stack.url}/readyz", service, stack.home / "serve.log")
        _listen(found)
        stack.start("work", ["work"])
        yield found


def _connected(stack: Stack, org: SalesforceHandle) -> OrgStack:
    """The org, made fit for the policy that runs."""
    assert stack.settings.salesforce is not None
    vault = open_vault(stack.settings)
    _, connection_id = connect_salesforce(
        stack.database, vault, stack.settings.salesforce, stack.policy, installation_id=stack.installation_id
    )
    return OrgStack(
        url=stack.url,
        org=org,
        settings=stack.settings,
        database=stack.database,
        installation_id=stack.installation_id,
        connection_id=connection_id,
    )


def _prepare(url: str, org: SalesforceHandle, settings: Settings, database: Database, folder: Path) -> OrgStack:
    policy = load_policy(folder)
    assert settings.salesforce is not None
    installation_id = connections.ensure_installation(database, INSTALLATION)
    vault = open_vault(settings)
    _, connection_id = connect_salesforce(database, vault, settings.salesforce, policy, installation_id=installation_id)
    activate(database, installation_id, policy, read_folder(folder))
    return OrgStack(
        url=url,
        org=org,
        settings=settings,
        database=database,
        installation_id=installation_id,
        connection_id=connection_id,
    )


def _listen(stack: OrgStack) -> None:
    """Let the org send messages of what the policy reads, as an admin's flow would."""
    runtime = stack.runtime()
    tenant = runtime.tenant(stack.installation_id)
    assert tenant is not None
    binding = tenant.bindings[stack.connection_id]
    names = Names.of(tenant.plan.policy)
    told = {
        "Lead": [one for one in binding.person_properties if one != binding.dialect.company_property],
        "Contact": [name for one in binding.person_properties if (name := names.contact(one)) is not None],
        "Task": list(binding.dialect.task_properties),
        "Opportunity": list(binding.deal_properties),
    }
    for name, fields in told.items():
        target = f"{stack.url}/webhooks/salesforce/org/{WEBHOOK_SECRET}"
        stack.org.message_action(name, target, list(dict.fromkeys(("Id", *_ORDER, *fields))))
    runtime.close()


@contextlib.contextmanager
def _sandbox(home: Path, options: Sequence[str]) -> Iterator[SalesforceHandle]:
    arguments = ["sandbox", "--vendor", "salesforce", "--json", "--port", "0", *options]
    command = [sys.executable, "-m", "connector.cli.begin", *arguments]
    output = home / "sandbox-salesforce.log"
    with output.open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)  # noqa: S603
    try:
        yield handle_of(orjson.loads(first_line(process, output))["base_url"])
    finally:
        stop([process])


def _environment(home: Path, url: str, port: int, org: SalesforceHandle) -> Mapping[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TASUKI_")}
    return mine | {
        "TASUKI_HOME": str(home),
        "TASUKI_PORT": str(port),
        "TASUKI_PUBLIC_URL": url,
        "TASUKI_FORM_SECRETS": f"{FORM_SOURCE}={FORM_SECRET}",
        **_of_org(org),
    }


def _of_org(org: SalesforceHandle) -> Mapping[str, str]:
    """The settings that connect an org."""
    return {
        "TASUKI_SALESFORCE_LOGIN_URL": org.base_url,
        "TASUKI_SALESFORCE_CLIENT_ID": org.client_id,
        "TASUKI_SALESFORCE_CLIENT_SECRET": org.client_secret,
        "TASUKI_SALESFORCE_ORG_ID": org.organization_id,
        "TASUKI_SALESFORCE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "TASUKI_SALESFORCE_POLL_SECONDS": "10",
    }

"""A whole relay in one process: the sandbox over HTTP, a real database, and the engine's slices run by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import Runtime, connect_hubspot
from connector.policy.loader import load_policy
from connector.policy.source import read_folder
from connector.sandbox.handle import SandboxHandle, start_sandbox
from connector.settings import HubSpotSettings, Settings
from connector.store.database import Database
from connector.store.inbox import Delivery, add
from connector.sync.activate import activate, walk_slice
from connector.sync.context import Limits, Line, Tenant
from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.poll import poll_submissions
from connector.sync.reading import read_slice
from connector.vendors.base import Lane

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "mappings" / "b2b-ja"

QUICK = Limits(settle_seconds=0.0, retry_seconds=0.0, retry_seconds_most=0.0, fresh_seconds=60.0)


class Relay:
    """The product beside a sandbox. `settle()` runs slices until nothing is left to do."""

    def __init__(self, sandbox: SandboxHandle, database: Database, home: Path, policy: Path, limits: Limits) -> None:
        self.sandbox = sandbox
        self.database = database
        portal = sandbox.control("GET", "/settings")
        self.settings = Settings(
            home=home,
            hubspot=HubSpotSettings(
                portal_id=portal["portal_id"],
                client_secrets=("sandbox-app-secret",),
                access_token=sandbox.token,
                base_url=sandbox.base_url,
                app_id=portal["app_id"],
            ),
        )
        assert self.settings.hubspot is not None
        self.policy = load_policy(policy)
        self.installation_id, self.connection_id = connect_hubspot(database, self.settings.hubspot, self.policy)
        activate(database, self.installation_id, self.policy, read_folder(policy))
        self.runtime = Runtime(database, self.settings, limits=limits)

    @property
    def tenant(self) -> Tenant:
        """The installation with its running policy."""
        tenant = self.runtime.tenant(self.installation_id)
        assert tenant is not None
        return tenant

    @property
    def line(self) -> Line:
        """The sandbox's connection."""
        return self.runtime.lines(self.tenant)[self.connection_id]

    def deliver(self, body: bytes, source: str = "hubspot") -> None:
        """Put a delivery into the inbox as the receiver does."""
        add(self.database, Delivery(source=source, body=body))

    def settle(self, *, rounds: int = 60) -> None:
        """Run every kind of slice until a whole round finds nothing to do."""
        for _ in range(rounds):
            if not self.round():
                return
        raise AssertionError("the relay did not come to rest")

    def round(self) -> int:
        """One slice of every kind."""
        done = self.runtime.ingest()
        line = self.line
        for lane in Lane:
            done += read_slice(line, lane)
        done += evaluate_slice(line.tenant)
        for lane in Lane:
            done += deliver_slice(line, lane)
        return done

    def poll(self) -> int:
        """Look for submissions that no event told of."""
        return poll_submissions(self.line)

    def walk(self) -> None:
        """Let every lead catch up with the running policy."""
        while walk_slice(self.tenant):
            self.settle()
        self.settle()

    def contact(self, contact_id: str) -> dict[str, Any]:
        """The contact's properties as the CRM shows them."""
        found: dict[str, Any] = self.sandbox.record("contacts", contact_id)["properties"]
        return found

    def tasks(self, contact_id: str) -> list[dict[str, Any]]:
        """The tasks associated with a contact, as the CRM shows them."""
        ids = self.line.vendor.associated("contact", [contact_id], "task", lane=Lane.HOT)[contact_id]
        return [self.sandbox.record("tasks", one)["properties"] | {"id": one} for one in ids]

    def rows(self, query: str, values: list[object] | None = None) -> list[dict[str, Any]]:
        """Rows of our own store."""
        with self.database.transaction(self.installation_id) as conn:
            return list(conn.execute(query, values or []))


MakeRelay = Callable[..., Relay]


@pytest.fixture
def make_relay(database: Database, tmp_path: Path) -> Iterator[MakeRelay]:
    """Makes a relay; keywords are the sandbox's switches, `contacts`, `policy` and `limits`."""
    made: list[Relay] = []

    def make(*, policy: Path = POLICY, limits: Limits = QUICK, **switches: Any) -> Relay:
        sandbox = start_sandbox(**({"contacts": 0, "limits_enabled": False} | switches))
        relay = Relay(sandbox, database, tmp_path, policy, limits)
        sandbox.reset_calls()
        made.append(relay)
        return relay

    yield make
    for relay in made:
        relay.runtime.close()
        relay.sandbox.close()


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    """A relay with an empty portal and the shipped policy b2b-ja."""
    return make_relay()


def quick(**changes: Any) -> Limits:
    """Limits for tests: nothing waits, with these changes."""
    return dataclasses.replace(QUICK, **changes)

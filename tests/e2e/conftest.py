"""Fixtures that make a relay: see `tests/e2e/relay.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina

from connector import bootstrap_hubspot, bootstrap_salesforce
from connector.sandbox.handle import start_sandbox
from connector.sandbox.salesforce.handle import start_salesforce
from connector.store.database import Database
from connector.sync.context import Limits
from connector.vendors.hubspot.api import ATTEMPTS
from tests.e2e.both_relay import TWO_CRMS, BothRelay
from tests.e2e.relay import POLICY, QUICK, Relay
from tests.e2e.salesforce_relay import SalesforceRelay

MakeRelay = Callable[..., Relay]
MakeBoth = Callable[..., BothRelay]
MakeSalesforceRelay = Callable[..., SalesforceRelay]


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No vendor limits calls, nor does its sandbox, and a call that failed is made again without a pause: what is
    waited for, and how long, is proven in the quota's and the clients' own tests."""
    for module, name in ((bootstrap_hubspot, "HUBSPOT_LIMITS"), (bootstrap_salesforce, "SALESFORCE_LIMITS")):
        monkeypatch.setattr(module, name, dict.fromkeys(getattr(module, name), (1e6, 1.0)))
    stamina.set_testing(True, attempts=ATTEMPTS, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture
def make_relay(database: Database, tmp_path: Path, unpaced: None) -> Iterator[MakeRelay]:
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
        relay.close()


@pytest.fixture
def make_salesforce_relay(database: Database, tmp_path: Path, unpaced: None) -> Iterator[MakeSalesforceRelay]:
    """Makes a relay on Salesforce; keywords are the sandbox's switches, `people`, `policy` and `limits`."""
    made: list[SalesforceRelay] = []

    def make(*, policy: Path = POLICY, limits: Limits = QUICK, **switches: Any) -> SalesforceRelay:
        org = start_salesforce(**({"people": 0, "limits_enabled": False} | switches))
        relay = SalesforceRelay(org, database, tmp_path, policy, limits)
        org.reset_calls()
        made.append(relay)
        return relay

    yield make
    for relay in made:
        relay.close()


@pytest.fixture
def salesforce_relay(make_salesforce_relay: MakeSalesforceRelay) -> SalesforceRelay:
    """A relay with an empty org and the shipped policy b2b-ja."""
    return make_salesforce_relay()


@pytest.fixture
def make_both(database: Database, tmp_path: Path, unpaced: None) -> Iterator[MakeBoth]:
    """Makes a relay between a portal and an org; keywords are `policy`, `limits`, and the sandboxes' switches by
    `hubspot` and `salesforce`."""
    made: list[BothRelay] = []

    def make(
        *,
        policy: Path = TWO_CRMS,
        limits: Limits = QUICK,
        hubspot: dict[str, Any] | None = None,
        salesforce: dict[str, Any] | None = None,
        org_later: bool = False,
    ) -> BothRelay:
        sandbox = start_sandbox(**({"contacts": 0, "limits_enabled": False} | (hubspot or {})))
        org = start_salesforce(**({"people": 0, "limits_enabled": False} | (salesforce or {})))
        relay = BothRelay(sandbox, org, database, tmp_path, policy, limits, org_later=org_later)
        made.append(relay)
        return relay

    yield make
    for relay in made:
        relay.close()


@pytest.fixture
def both(make_both: MakeBoth) -> BothRelay:
    """A relay between an empty portal and an empty org."""
    return make_both()


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    """A relay with an empty portal and the shipped policy b2b-ja."""
    return make_relay()

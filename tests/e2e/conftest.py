"""Fixtures that make a relay: see `tests/e2e/relay.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector import bootstrap
from connector.sandbox.handle import start_sandbox
from connector.store.database import Database
from connector.sync.context import Limits
from tests.e2e.relay import POLICY, QUICK, Relay

MakeRelay = Callable[..., Relay]


@pytest.fixture
def make_relay(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRelay]:
    """Makes a relay; keywords are the sandbox's switches, `contacts`, `policy` and `limits`."""
    made: list[Relay] = []
    # The sandbox enforces no limits here either: pacing calls is proven in the quota's and the client's own tests.
    monkeypatch.setattr(bootstrap, "HUBSPOT_LIMITS", dict.fromkeys(bootstrap.HUBSPOT_LIMITS, (1e6, 1.0)))

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
def relay(make_relay: MakeRelay) -> Relay:
    """A relay with an empty portal and the shipped policy b2b-ja."""
    return make_relay()

"""Asking Salesforce for a session: what the contract tests cannot wait for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from connector.errors import RetryableError, UncertainError
from connector.vendors.http import READ_SECONDS, Timeouts
from connector.vendors.salesforce import oauth
from connector.vendors.salesforce.oauth import Grant, RefreshToken


@pytest.mark.fault("T10", "F43")
def test_a_token_is_waited_for_longer_than_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer may hold the only token that still counts; what it takes is 15 seconds at times."""
    given: list[Timeouts] = []

    def send(*_: Any, timeouts: Timeouts, **__: Any) -> Any:
        given.append(timeouts)
        raise UncertainError(reason="connection_lost")

    monkeypatch.setattr(oauth, "send", send)
    held = Grant(access_token="a", instance_url="https://x.example", refresh_token="r", account_id=None, user_id=None)
    with pytest.raises(RetryableError):
        RefreshToken(client_id="c").ask(held, pool=urllib3.PoolManager(), now=datetime(2026, 4, 1, tzinfo=UTC))
    (timeouts,) = given
    assert min(timeouts.read_seconds, timeouts.total_seconds) >= 4 * 15 > READ_SECONDS

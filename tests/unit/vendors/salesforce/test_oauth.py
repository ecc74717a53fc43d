"""Asking Salesforce for a session: what the contract tests cannot wait for."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from connector.errors import RetryableError, UncertainError
from connector.vendors.http import READ_SECONDS, Timeouts
from connector.vendors.salesforce import oauth
from connector.vendors.salesforce.oauth import Grant, RefreshToken, SessionTokens


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


class Store:
    """Where grants are kept; out of order for so many times."""

    def __init__(self, broken: int) -> None:
        self.broken = broken
        self.kept = grant(0)
        self.asked: list[str | None] = []

    def ask(self, held: Grant | None, **_: Any) -> Grant:
        self.asked.append(held.refresh_token if held else None)
        return grant(len(self.asked))

    def save(self, fresh: Grant) -> None:
        if self.broken:
            self.broken -= 1
            raise RetryableError(reason="database_away")
        self.kept = fresh

    def tokens(self) -> SessionTokens:
        return SessionTokens(
            self,
            load=lambda: self.kept,
            save=self.save,
            lock=nullcontext,
            clock=lambda: datetime(2026, 4, 1, tzinfo=UTC),
        )


def grant(number: int) -> Grant:
    return Grant(
        access_token=f"a{number}",
        instance_url="https://x.example",
        refresh_token=f"r{number}",
        account_id=None,
        user_id=None,
    )


@pytest.mark.fault("F43")
def test_a_grant_that_cannot_be_kept_at_once_is_kept_in_the_end_and_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(broken=2)
    assert store.tokens().renew("a0") == "a1"
    assert (store.kept, store.asked) == (grant(1), ["r0"])

    monkeypatch.setattr(oauth, "KEEPING_SECONDS", 0.3)
    store = Store(broken=1_000)
    tokens = store.tokens()
    with pytest.raises(RetryableError):
        tokens.renew("a0")
    store.broken = 0
    assert tokens.renew("a0") == "a1"
    assert (store.kept, store.asked) == (grant(1), ["r0"]), "the spent one is not shown again"
    assert tokens.renew("a1") == "a2"
    assert store.asked == ["r0", "r1"]


@pytest.mark.fault("F43")
def test_a_consent_that_was_given_meanwhile_counts_more_than_what_was_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oauth, "KEEPING_SECONDS", 0.1)
    store = Store(broken=1_000)
    tokens = store.tokens()
    with pytest.raises(RetryableError):
        tokens.renew("a0")
    store.broken, store.kept = 0, grant(50)
    assert tokens.renew("a0") == "a50"
    assert store.asked == ["r0"]

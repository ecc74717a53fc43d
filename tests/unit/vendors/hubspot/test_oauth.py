"""OAuth on the sandbox: consent, one refresh however many ask, dead grants told from refused apps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from connector.errors import AuthError, RetryableError, UsageError
from connector.sandbox.handle import SandboxHandle, start_sandbox
from connector.vendors.hubspot.oauth import Consent, Grant, GrantTokens, OAuthApp, begin_consent, finish_consent

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
REDIRECT = "https://crm.example.co.jp/oauth/hubspot"


@pytest.fixture
def sandbox() -> Iterator[SandboxHandle]:
    with start_sandbox() as handle:
        yield handle


@pytest.fixture
def app(sandbox: SandboxHandle) -> OAuthApp:
    return OAuthApp(
        client_id=sandbox.client_id,
        client_secret=sandbox.app_secret,
        redirect_uri=REDIRECT,
        base_url=sandbox.base_url,
    )


class Vault:
    """Where a grant is kept, behind one lock, as the database does it."""

    def __init__(self, app: OAuthApp, grant: Grant) -> None:
        self.grant = grant
        self.now = NOW
        self.lock = threading.Lock()
        self.app = app

    def tokens(self) -> GrantTokens:
        return GrantTokens(
            self.app,
            load=lambda: self.grant,
            save=lambda grant: setattr(self, "grant", grant),
            lock=lambda: self.lock,
            clock=lambda: self.now,
        )


@pytest.fixture
def vault(sandbox: SandboxHandle, app: OAuthApp) -> Vault:
    return Vault(app, _connected(sandbox, app))


def _connected(sandbox: SandboxHandle, app: OAuthApp) -> Grant:
    consent = begin_consent(app)
    code = sandbox.issue_code(redirect_uri=REDIRECT)
    return finish_consent(app, consent, state=consent.state, code=code, pool=urllib3.PoolManager(), now=NOW)


def test_the_consent_address_carries_state_and_challenge_and_no_secret(app: OAuthApp) -> None:
    one, other = begin_consent(app), begin_consent(app)
    query = parse_qs(urlsplit(one.url).query)
    assert query["state"] == [one.state]
    assert query["code_challenge_method"] == ["S256"]
    assert one.verifier not in one.url
    assert app.client_secret not in one.url
    assert one.state != other.state


def test_a_code_becomes_a_grant_once(sandbox: SandboxHandle, app: OAuthApp) -> None:
    consent = begin_consent(app)
    code = sandbox.issue_code(redirect_uri=REDIRECT)
    pool = urllib3.PoolManager()
    grant = finish_consent(app, consent, state=consent.state, code=code, pool=pool, now=NOW)
    assert grant.account_id == str(sandbox.portal_id)
    assert grant.expires_at == NOW + timedelta(seconds=1800)
    with pytest.raises(AuthError) as caught:
        finish_consent(app, consent, state=consent.state, code=code, pool=pool, now=NOW)
    assert caught.value.reason == "grant_dead"


@pytest.mark.parametrize("state", ["", "x", "é", "another-state"])
def test_another_state_is_refused_before_anything_is_sent(app: OAuthApp, state: str) -> None:
    consent = Consent(url="", state="the-state", verifier="v")
    closed = replace(app, base_url="http://127.0.0.1:9")
    with pytest.raises(UsageError):
        finish_consent(closed, consent, state=state, code="c", pool=urllib3.PoolManager(), now=NOW)


def test_a_token_is_renewed_when_its_time_is_nearly_up(vault: Vault, sandbox: SandboxHandle) -> None:
    tokens = vault.tokens()
    first = tokens.token()
    vault.now = NOW + timedelta(seconds=1600)
    assert tokens.token() == first
    vault.now = NOW + timedelta(seconds=1700)
    assert tokens.token() != first
    assert sandbox.call_count("oauth.token") == 2


@pytest.mark.fault("T10")
def test_many_askers_make_one_refresh(vault: Vault, sandbox: SandboxHandle) -> None:
    sandbox.settings(rotate_refresh_tokens=True)
    vault.now = NOW + timedelta(seconds=1800)
    providers = [vault.tokens() for _ in range(20)]
    with ThreadPoolExecutor(20) as threads:
        found = set(threads.map(lambda provider: provider.token(), providers))
    assert len(found) == 1
    assert sandbox.call_count("oauth.token") == 2


def test_a_refused_token_is_replaced_once_for_everybody(vault: Vault, sandbox: SandboxHandle) -> None:
    one, other = vault.tokens(), vault.tokens()
    rejected = one.token()
    assert other.token() == rejected
    fresh = one.renew(rejected)
    assert fresh != rejected
    assert other.renew(rejected) == fresh
    assert sandbox.call_count("oauth.token") == 2


def test_a_removed_app_is_dead_and_a_wrong_secret_is_another_matter(vault: Vault, sandbox: SandboxHandle) -> None:
    vault.app = replace(vault.app, client_secret="wrong")
    with pytest.raises(AuthError) as caught:
        vault.tokens().renew(vault.grant.access_token)
    assert caught.value.reason == "app_refused"
    vault.app = replace(vault.app, client_secret=sandbox.app_secret)
    sandbox.revoke_token()
    with pytest.raises(AuthError) as caught:
        vault.tokens().renew(vault.grant.access_token)
    assert caught.value.reason == "grant_dead"


@pytest.mark.fault("F43")
@pytest.mark.parametrize("fault", [{"effect": "drop"}, {"effect": "html"}, {"effect": "status", "status": 503}])
def test_no_clear_answer_is_no_death(vault: Vault, sandbox: SandboxHandle, fault: dict[str, object]) -> None:
    sandbox.fault(str(fault.pop("effect")), kind="oauth.token", **fault)
    tokens = vault.tokens()
    with pytest.raises(RetryableError):
        tokens.renew(vault.grant.access_token)
    assert tokens.renew(vault.grant.access_token)


def test_secrets_do_not_show_in_reprs(vault: Vault, app: OAuthApp) -> None:
    shown = repr(app) + repr(vault.grant) + repr(begin_consent(app))
    assert app.client_secret not in shown
    assert vault.grant.access_token not in shown
    assert vault.grant.refresh_token not in shown

"""OAuth with HubSpot: the consent address, the code's exchange, and access tokens that renew themselves.

The token endpoint takes a form body (`/oauth/2026-03/token`; `/oauth/v1/token` ends in February 2027). An access token
lives 30 minutes. A grant that somebody removed answers BAD_REFRESH_TOKEN: that is an `AuthError`, and the only one
that asks a person to connect again. Refreshing is single-flight: the caller's `lock` covers every process, and whoever
gets it looks first whether another one has renewed the grant meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from connector.errors import AuthError, RetryableError, UncertainError, UsageError
from connector.texts import say
from connector.vendors.http import Answer, refuse_insecure, send
from connector.vendors.hubspot import protocol
from connector.vendors.hubspot.failures import error_body, failure

AUTHORIZE_URL: Final = "https://app.hubspot.com/oauth/authorize"
EARLY_SECONDS: Final = 120.0
"""A token this close to its end is renewed before it is used."""

_DEAD_GRANT = ("BAD_REFRESH_TOKEN", "invalid_grant", "BAD_AUTH_CODE")

#: Least scopes of the product; docs/hubspot.md says what each is for.
SCOPES: Final = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.owners.read",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
    "crm.schemas.deals.read",
    "crm.schemas.deals.write",
    "forms",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """Our app as HubSpot knows it."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...] = SCOPES
    api_version: str = "2026-03"
    base_url: str = "https://api.hubapi.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a portal has given us. Sealed wherever it is kept."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    account_id: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One consent under way: kept by us (in the admin's session), never sent whole. `state` proves the return."""

    url: str
    state: str
    verifier: str = field(repr=False)


def begin_consent(app: OAuthApp, *, authorize_url: str = AUTHORIZE_URL) -> Consent:
    """The address to send the admin to, with a fresh state and PKCE challenge."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": " ".join(app.scopes),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return Consent(url=f"{authorize_url}?{urlencode(query)}", state=state, verifier=verifier)


def finish_consent(
    app: OAuthApp, consent: Consent, *, state: str, code: str, pool: urllib3.PoolManager, now: datetime
) -> Grant:
    """The grant for the code that came back. Raises `UsageError` for another state and `AuthError` for a spent code."""
    if not secrets.compare_digest(consent.state.encode(), state.encode("utf-8", "replace")):
        raise UsageError("This consent was not begun here; begin again from the console.", reason="state_mismatch")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
        "code_verifier": consent.verifier,
    }
    return _grant(_post(app, form, pool), now)


def refresh(app: OAuthApp, grant: Grant, *, pool: urllib3.PoolManager, now: datetime) -> Grant:
    """The grant renewed. Raises `AuthError` when it is dead and `RetryableError` when HubSpot gave no clear answer."""
    form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    return _grant(_post(app, form, pool), now)


class GrantTokens:
    """A `TokenProvider` over a grant that is kept elsewhere (sealed, in the database).

    `load` and `save` read and keep the grant; `lock` is exclusive over all processes (a row lock); `clock` is machine
    time, since HubSpot's expiry is.
    """

    def __init__(
        self,
        app: OAuthApp,
        *,
        load: Callable[[], Grant],
        save: Callable[[Grant], None],
        lock: Callable[[], AbstractContextManager[Any]],
        clock: Callable[[], datetime],
        pool: urllib3.PoolManager | None = None,
    ) -> None:
        self._app = app
        self._load = load
        self._save = save
        self._lock = lock
        self._clock = clock
        self._pool = pool or urllib3.PoolManager(maxsize=1)
        self._held: Grant | None = None

    def token(self) -> str:
        """A token with time left; renewed first when it has none."""
        held = self._held
        if held is None or not self._lasts(held):
            held = self._renewed(rejected=None)
        return held.access_token

    def renew(self, rejected: str) -> str:
        """Another token than the one that was refused: another process's, or a fresh one."""
        return self._renewed(rejected=rejected).access_token

    def _renewed(self, *, rejected: str | None) -> Grant:
        with self._lock():
            stored = self._load()
            if stored.access_token != rejected and self._lasts(stored):
                self._held = stored  # somebody else was faster
                return stored
            fresh = refresh(self._app, stored, pool=self._pool, now=self._clock())
            self._save(fresh)
            self._held = fresh
            return fresh

    def _lasts(self, grant: Grant) -> bool:
        return grant.expires_at - self._clock() > timedelta(seconds=EARLY_SECONDS)


def _post(app: OAuthApp, form: dict[str, str], pool: urllib3.PoolManager) -> dict[str, Any]:
    path = protocol.family(app.api_version).oauth_token
    body = urlencode({**form, "client_id": app.client_id, "client_secret": app.client_secret}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        answer = send(pool, "POST", refuse_insecure(app.base_url) + path, headers=headers, body=body)
    except UncertainError as error:
        raise RetryableError("HubSpot's token endpoint gave no answer.", reason=error.reason) from error
    if answer.status != 200:
        raise _refusal(answer)
    try:
        found = answer.json()
    except ValueError as error:
        raise RetryableError("HubSpot's token endpoint answered no JSON.", reason="answer_not_json") from error
    return found if isinstance(found, dict) else {}


def _refusal(answer: Answer) -> Exception:
    body = error_body(answer)
    words = (str(body.get("status")), str(body.get("error")))
    if answer.status in (400, 401) and any(word in _DEAD_GRANT for word in words):
        return AuthError(say("HubSpot no longer knows this grant; connect the account again."), reason="grant_dead")
    if answer.status in (400, 401):
        return AuthError(
            say("HubSpot refuses the app itself; check its client id, client secret and redirect address."),
            reason="app_refused",
        )
    return failure(answer, repeatable=True)


def _grant(raw: dict[str, Any], now: datetime) -> Grant:
    try:
        return Grant(
            access_token=str(raw["access_token"]),
            refresh_token=str(raw["refresh_token"]),
            expires_at=now + timedelta(seconds=float(raw["expires_in"])),
            account_id=str(raw["hub_id"]) if raw.get("hub_id") else None,
            scopes=tuple(raw.get("scopes") or ()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RetryableError("HubSpot's token answer is incomplete.", reason="token_answer_incomplete") from error

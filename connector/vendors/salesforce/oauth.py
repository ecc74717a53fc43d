"""Sessions with Salesforce: by JWT bearer, client credentials or refresh token, and one process at a time asks.

No answer says when a session ends: only a 401 does. Asking is single-flight: the caller's `lock` covers every process,
and whoever gets it looks first whether another one has a new session already. A refresh token is rotated at every use,
and using an old one revokes everything: that is why `save` comes before anybody uses the new session.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import jwt
import stamina
import urllib3

from connector.errors import AuthError, RetryableError, UncertainError, UsageError
from connector.texts import say
from connector.vendors.http import Answer, Timeouts, refuse_insecure, send
from connector.vendors.salesforce.failures import body_of

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_URL: Final = "https://login.salesforce.com"
ASSERTION_SECONDS: Final = 180
_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_APP_AT_FAULT = ("invalid_client", "invalid_client_id", "invalid_app_access", "unsupported_grant_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A session, and where it is good. Sealed wherever it is kept."""

    access_token: str = field(repr=False)
    instance_url: str
    refresh_token: str | None = field(repr=False, default=None)
    account_id: str | None = None
    user_id: str | None = None


class Source(Protocol):
    """A way to a session."""

    def ask(self, held: Grant | None, *, pool: urllib3.PoolManager, now: datetime) -> Grant:
        """A new session. Raises `AuthError` when a person must act, `RetryableError` when there was no clear answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """The app's own key and secret; `base_url` is the org's My Domain. The app runs as a user that it names."""

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)

    def ask(self, held: Grant | None, *, pool: urllib3.PoolManager, now: datetime) -> Grant:
        """See `Source.ask`."""
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        return _asked(self.base_url, form, pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBearer:
    """A signed assertion for a user who has approved the app beforehand. `login_url` is the audience too."""

    login_url: str = LOGIN_URL
    client_id: str
    username: str
    private_key: str = field(repr=False)

    def ask(self, held: Grant | None, *, pool: urllib3.PoolManager, now: datetime) -> Grant:
        """See `Source.ask`. `now` is machine time, which Salesforce compares with its own."""
        audience = LOGIN_URL if urlsplit(self.login_url).hostname in _LOOPBACK else self.login_url
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": audience,
            "exp": int((now + timedelta(seconds=ASSERTION_SECONDS)).timestamp()),
        }
        try:
            assertion = jwt.encode(claims, self.private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise UsageError(
                say("The private key for Salesforce cannot be read; it must be a PEM of an RSA key."),
                reason="private_key",
            ) from error
        return _asked(self.login_url, {"grant_type": JWT_BEARER, "assertion": assertion}, pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A consent that a person gave; the token at hand is in the held grant."""

    login_url: str = LOGIN_URL
    client_id: str
    client_secret: str | None = field(repr=False, default=None)

    def ask(self, held: Grant | None, *, pool: urllib3.PoolManager, now: datetime) -> Grant:
        """See `Source.ask`."""
        if held is None or held.refresh_token is None:
            raise AuthError(say("There is no consent of Salesforce's; connect the org."), reason="no_grant")
        form = {"grant_type": "refresh_token", "refresh_token": held.refresh_token, "client_id": self.client_id}
        if self.client_secret is not None:
            form["client_secret"] = self.client_secret
        return _asked(self.login_url, form, pool, refresh_token=held.refresh_token)


PATIENCE = Timeouts(read_seconds=60.0, total_seconds=3_600.0)
"""An answer that is not waited for is lost, and with it the token that takes the place of the one just used: Salesforce
takes the old one for stolen then, and a person has to give consent anew. Nor is one thrown away that is there when we
wake up: a machine may stand still for minutes within the call."""


KEEPING_SECONDS = 30.0


class SessionTokens:
    """A `TokenProvider` over a grant that is kept elsewhere (sealed, in the database).

    `load` and `save` read and keep the grant (None: there is none yet); `lock` is exclusive over all processes (a row
    lock); `clock` is machine time.
    """

    def __init__(
        self,
        source: Source,
        *,
        load: Callable[[], Grant | None],
        save: Callable[[Grant], None],
        lock: Callable[[], AbstractContextManager[Any]],
        clock: Callable[[], datetime],
        pool: urllib3.PoolManager | None = None,
    ) -> None:
        self._source = source
        self._load = load
        self._save = save
        self._lock = lock
        self._clock = clock
        self._pool = pool or urllib3.PoolManager(maxsize=1)
        self._held: Grant | None = None
        self._unkept: tuple[str | None, Grant] | None = (
            None  #: The refresh token that was used up, and what came of it.
        )

    def token(self) -> str:
        """The present session; the first one is asked for."""
        held = self._held
        return held.access_token if held is not None else self._renewed(rejected=None).access_token

    def renew(self, rejected: str) -> str:
        """Another session than the one that was refused: another process's, or a new one."""
        return self._renewed(rejected=rejected).access_token

    def grant(self) -> Grant:
        """The grant behind the present session: which org, which user, where."""
        return self._held or self._renewed(rejected=None)

    def _renewed(self, *, rejected: str | None) -> Grant:
        with self._lock():
            stored = self._load()
            if self._unkept is not None and stored is not None and stored.refresh_token == self._unkept[0]:
                stored = self._kept(self._unkept[1])
            if stored is not None and stored.access_token and stored.access_token != rejected:
                self._held = stored  # somebody else was faster
                return stored
            fresh = self._source.ask(stored, pool=self._pool, now=self._clock())
            self._unkept = (stored.refresh_token if stored is not None else None, fresh)
            self._held = self._kept(fresh)
            return fresh

    def _kept(self, fresh: Grant) -> Grant:
        """Keep what was given, for as long as the lock may be held: what it takes the place of counts no more. What
        cannot be kept all the same is remembered for the next time."""
        for attempt in stamina.retry_context(on=RetryableError, attempts=None, timeout=KEEPING_SECONDS, wait_max=2.0):
            with attempt:
                self._save(fresh)
        self._unkept = None
        return fresh


def _asked(
    base_url: str, form: dict[str, str], pool: urllib3.PoolManager, *, refresh_token: str | None = None
) -> Grant:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    url, body = refuse_insecure(base_url) + _TOKEN_PATH, urlencode(form).encode()
    try:
        answer = send(pool, "POST", url, headers=headers, body=body, timeouts=PATIENCE)
    except UncertainError as error:
        raise RetryableError(say("Salesforce's token endpoint gave no answer."), reason=error.reason) from error
    if answer.status != 200:
        raise _refusal(answer)
    try:
        raw = answer.json()
        path = urlsplit(str(raw.get("id") or "")).path.split("/")
        return Grant(
            access_token=str(raw["access_token"]),
            instance_url=refuse_insecure(str(raw["instance_url"])),
            refresh_token=raw.get("refresh_token") or refresh_token,
            account_id=path[-2] if len(path) > 2 else None,
            user_id=path[-1] if len(path) > 2 else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RetryableError(
            say("Salesforce's token answer is incomplete."), reason="token_answer_incomplete"
        ) from error


def _refusal(answer: Answer) -> Exception:
    body = body_of(answer.body)
    said = str(body.get("error") or "") if isinstance(body, dict) else ""
    if answer.status in (400, 401, 403) and said in _APP_AT_FAULT:
        return AuthError(
            say("Salesforce refuses the app itself; check its consumer key, its secret and which flows it allows."),
            reason="app_refused",
        )
    if answer.status in (400, 401, 403) and said:
        return AuthError(
            say(
                "Salesforce gives no session ({said}); check that the integration user is active and has approved the "
                "app, then connect the org again.",
                said=said,
            ),
            reason="grant_dead",
        )
    return RetryableError(say("Salesforce's token endpoint is out of order."), reason=f"http_{answer.status}")

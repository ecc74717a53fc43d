"""Sessions and how they are had: JWT bearer, client credentials, refresh with rotation, authorisation code with PKCE.

Username and password are refused, as in orgs of today. A session lives until it has rested for `session_seconds`; no
answer says when it ends.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.sandbox.clock import machine_ms
from connector.sandbox.dice import seeded
from connector.sandbox.exchange import form
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.wire import Actor, Call, Json, RefusalError, Reply, invalid_session, refusal

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_ASSERTION_SECONDS = 300


@dataclass
class Session:
    """An access token."""

    token: str
    user_id: str
    used_at: int
    family: int = 0
    revoked: bool = False


@dataclass
class Sessions:
    """The External Client App, and everything it was given."""

    org: Org
    client_id: str = "3MVG9sandbox.tasuki"
    client_secret: str = "sandbox-consumer-secret"  # noqa: S105 - the sandbox's own, known to all
    username: str = "tasuki.integration@tasuki.example"
    known: dict[str, Session] = field(default_factory=dict)
    #: refresh token -> the family of the consent it came from; a used one is kept to know it again
    refresh: dict[str, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    public_key: Any = None
    families: int = 0
    #: an admin blocked the app
    blocked: bool = False

    def __post_init__(self) -> None:
        self._rng = seeded(self.org.settings.seed + 3)

    def key(self) -> str:
        """A fresh private key (PEM) whose certificate the app then has."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_key = private.public_key()
        return private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def open(self, family: int = 0) -> Session:
        """A session of the integration user."""
        token = f"{self.org.id[:15]}!{self._rng.getrandbits(160):040x}"
        made = self.known[token] = Session(token, self.org.me, self.org.now(), family)
        return made

    def consent(self) -> str:
        """A refresh token, as after a person's consent."""
        self.families += 1
        return self._refresh_token(self.families)

    def code(self, redirect_uri: str, challenge: str = "") -> str:
        """An authorisation code, as after a person's consent."""
        made = f"aPrx{self._rng.getrandbits(128):032x}"
        self.codes[made] = (redirect_uri, challenge)
        return made

    def revoke_all(self, *, block: bool = False) -> None:
        """An admin ends every session and every consent; with `block` the app gets no new ones either."""
        self.blocked = self.blocked or block
        for one in self.known.values():
            one.revoked = True
        self.refresh.clear()

    def actor(self, call_token: str) -> Actor:
        """Who stands behind a bearer token; 401 INVALID_SESSION_ID."""
        found = self.known.get(call_token)
        now = self.org.now()
        if found is None or found.revoked or now - found.used_at > self.org.settings.session_seconds * 1000:
            raise invalid_session()
        found.used_at = now
        return Actor(source="API", user_id=found.user_id, label="tasuki")

    # ── endpoints ────────────────────────────────────────────────────────────────────────────────────────────

    def token_endpoint(self, call: Call) -> Reply:
        """POST /services/oauth2/token"""
        given = form(call.raw_body)
        kind = given.get("grant_type")
        if self.blocked:
            raise _bad("invalid_grant", "user is not admin approved to access this app")
        if kind == JWT_BEARER:
            return self._granted(call, self._asserted(given.get("assertion", ""), call.base_url))
        if kind == "password":
            raise _bad("invalid_grant", "authentication failure")
        if given.get("client_id") != self.client_id:
            raise _bad("invalid_client_id", "client identifier invalid")
        if kind == "client_credentials":
            self._check_secret(given)
            return self._granted(call, self.open())
        if kind == "refresh_token":
            return self._refreshed(call, given)
        if kind == "authorization_code":
            return self._exchanged(call, given)
        raise _bad("unsupported_grant_type", "grant type not supported")

    def revoke_endpoint(self, call: Call) -> Reply:
        """POST /services/oauth2/revoke"""
        token = form(call.raw_body).get("token", "") or call.one("token")
        self.refresh.pop(token, None)
        if token in self.known:
            self.known[token].revoked = True
        return Reply(status=200)

    def user_info(self, call: Call) -> Reply:
        """GET /services/oauth2/userinfo, and /id/{organisation}/{user} as the token's answer names it"""
        user = self.org.find(call.actor.user_id)
        name = user.get("Name") if user is not None else ""
        shown = {"user_id": call.actor.user_id, "organization_id": self.org.id, "name": name}
        return Reply(body=shown | {"preferred_username": self.username, "active": True})

    def authorize(self, call: Call) -> Reply:
        """GET /services/oauth2/authorize: the sandbox's person always consents."""
        back = call.one("redirect_uri")
        if call.one("client_id") != self.client_id or not back:
            raise _bad("invalid_client_id", "client identifier invalid")
        query = {"code": self.code(back, call.one("code_challenge"))}
        if call.one("state"):
            query["state"] = call.one("state")
        return Reply(status=302, headers={"Location": f"{back}{'&' if '?' in back else '?'}{urlencode(query)}"})

    # ── grants ───────────────────────────────────────────────────────────────────────────────────────────────

    def _asserted(self, assertion: str, base_url: str) -> Session:
        if self.public_key is None:
            raise _bad("invalid_grant", "user hasn't approved this consumer")
        audience = ["https://login.salesforce.com", "https://test.salesforce.com", base_url]
        try:
            claims = jwt.decode(
                assertion,
                self.public_key,
                algorithms=["RS256"],
                audience=audience,
                options={"require": ["iss", "sub", "aud", "exp"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise _bad("invalid_grant", "expired authorization code") from error
        except jwt.InvalidAudienceError as error:
            raise _bad("invalid_grant", "audience is invalid") from error
        except jwt.InvalidTokenError as error:
            raise _bad("invalid_grant", "invalid assertion") from error
        if claims["iss"] != self.client_id:
            raise _bad("invalid_client_id", "client identifier invalid")
        if claims["sub"] != self.username:
            raise _bad("invalid_grant", "user hasn't approved this consumer")
        if claims["exp"] - machine_ms() / 1000 > _LONGEST_ASSERTION_SECONDS + 5:
            raise _bad("invalid_grant", "assertion lives too long")
        return self.open()

    def _refreshed(self, call: Call, given: dict[str, str]) -> Reply:
        token = given.get("refresh_token", "")
        if token in self.spent:  # somebody uses a token a second time: everything of that consent dies
            family = self.spent[token]
            self.refresh = {one: other for one, other in self.refresh.items() if other != family}
            for one in self.known.values():
                one.revoked = one.revoked or one.family == family
        family_now = self.refresh.get(token)
        if family_now is None:
            raise _bad("invalid_grant", "expired access/refresh token")
        session = self.open(family_now)
        if not self.org.settings.rotate_refresh_tokens:
            return self._granted(call, session)
        del self.refresh[token]
        self.spent[token] = family_now
        return self._granted(call, session, self._refresh_token(family_now))

    def _exchanged(self, call: Call, given: dict[str, str]) -> Reply:
        redirect_uri, challenge = self.codes.pop(given.get("code", ""), ("", ""))
        if not redirect_uri:
            raise _bad("invalid_grant", "expired authorization code")
        if redirect_uri != given.get("redirect_uri"):
            raise _bad("redirect_uri_mismatch", "redirect_uri must match configuration")
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            raise _bad("invalid_grant", "invalid code verifier")
        if "client_secret" in given:
            self._check_secret(given)
        self.families += 1
        return self._granted(call, self.open(self.families), self._refresh_token(self.families))

    def _check_secret(self, given: dict[str, str]) -> None:
        if given.get("client_secret") != self.client_secret:
            raise _bad("invalid_client", "invalid client credentials")

    def _refresh_token(self, family: int) -> str:
        made = f"5Aep{self._rng.getrandbits(200):050x}"
        self.refresh[made] = family
        return made

    def _granted(self, call: Call, session: Session, refresh: str = "") -> Reply:
        body: Json = {
            "access_token": session.token,
            "instance_url": call.base_url,
            "id": f"{call.base_url}/id/{self.org.id}/{session.user_id}",
            "token_type": "Bearer",
            "issued_at": str(self.org.now()),
            "signature": "c2FuZGJveA==",
            "scope": "api refresh_token",
        }
        return Reply(body=body | ({"refresh_token": refresh} if refresh else {}))


def _bad(error: str, description: str) -> RefusalError:
    """400 in OAuth's own shape."""
    found = refusal(400, error, description)
    found.reply = Reply(status=400, body={"error": error, "error_description": description})
    return found

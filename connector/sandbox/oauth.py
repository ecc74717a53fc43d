"""Tokens: the private app's, OAuth access and refresh tokens, authorisation codes, and the endpoints around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from connector.sandbox.clock import iso
from connector.sandbox.dice import seeded
from connector.sandbox.exchange import form
from connector.sandbox.portal import Portal
from connector.sandbox.wire import ApiRefusalError, Call, Json, Reply, correlation_id, not_found_json, refusal

ALL = "*"
DEFAULT_SCOPES = (
    "oauth crm.objects.contacts.read crm.objects.contacts.write crm.objects.companies.read "
    "crm.objects.companies.write crm.objects.deals.read crm.objects.deals.write crm.objects.owners.read "
    "crm.schemas.contacts.read crm.schemas.contacts.write crm.schemas.companies.read crm.schemas.companies.write "
    "crm.schemas.deals.read crm.schemas.deals.write crm.objects.users.read forms settings.users.teams.read "
    "crm.lists.read crm.lists.write automation.sequences.read automation.sequences.enrollments.write"
)


@dataclass(kw_only=True)
class Token:
    """One access token."""

    token: str
    #: "private" or "oauth": they have limits of their own
    app: str
    scopes: frozenset[str]
    #: sandbox ms; None never
    expires_at: int | None = None
    revoked: bool = False
    user_id: int = 1001


@dataclass(kw_only=True)
class Grant:
    """An authorisation: what a code or a refresh token stands for."""

    scopes: frozenset[str]
    redirect_uri: str = ""
    revoked: bool = False


@dataclass(kw_only=True)
class Tokens:
    """All tokens of the sandbox. Guarded by the portal's lock."""

    seed: int
    client_id: str = "sandbox-client-id"
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = seeded(self.seed + 3)
        self.private = self.issue_private("pat-na1-sandbox-private-app")

    def _fresh(self, stem: str) -> str:
        return f"{stem}-{self._rng.getrandbits(128):032x}"

    def issue_private(self, token: str = "", scopes: str = ALL) -> Token:
        """A private app's token; it never expires."""
        made = Token(token=token or self._fresh("pat-na1"), app="private", scopes=frozenset(scopes.split()))
        self.access[made.token] = made
        return made

    def issue_code(self, scopes: str, redirect_uri: str) -> str:
        """An authorisation code, as after a person's consent."""
        code = self._fresh("code")
        self.codes[code] = Grant(scopes=frozenset(scopes.split()), redirect_uri=redirect_uri)
        return code

    def issue_oauth(self, grant: Grant, now: int, seconds: int) -> Token:
        """An access token of an OAuth app."""
        made = Token(token=self._fresh("CJ"), app="oauth", scopes=grant.scopes, expires_at=now + seconds * 1000)
        self.access[made.token] = made
        return made

    def issue_refresh(self, grant: Grant) -> str:
        """A refresh token for the grant."""
        token = self._fresh("na1")
        self.refresh[token] = grant
        return token

    def revoke_all(self) -> None:
        """As after an uninstall: every OAuth grant and every token is dead."""
        for token in self.access.values():
            token.revoked = True
        for grant in self.refresh.values():
            grant.revoked = True


def authenticate(tokens: Tokens, authorization: str, now: int) -> Token:
    """The token behind the header; 401 as HubSpot words it."""
    scheme, _, value = authorization.partition(" ")
    token = tokens.access.get(value.strip()) if scheme.lower() == "bearer" else None
    if token is None or token.revoked:
        raise refusal(
            401,
            "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
            "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            "INVALID_AUTHENTICATION",
        )
    if token.expires_at is not None and token.expires_at <= now:
        raise refusal(
            401,
            f"The OAuth token used to make this call expired {(now - token.expires_at) // 1000} second(s) ago.",
            "EXPIRED_AUTHENTICATION",
            context={"expire time": [iso(token.expires_at)]},
        )
    return token


def check_scope(token: Token, needed: str) -> None:
    """403 MISSING_SCOPES."""
    if not needed or ALL in token.scopes or needed in token.scopes:
        return
    message = (
        "This app hasn't been granted all required scopes to make this call. "
        "Read more about required scopes here: https://developers.hubspot.com/scopes."
    )
    raise refusal(
        403,
        message,
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": [needed]},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def _bad(status: str, message: str, error: str = "invalid_grant") -> ApiRefusalError:
    body = {
        "status": status,
        "message": message,
        "correlationId": correlation_id(),
        "error": error,
        "error_description": message,
    }
    return ApiRefusalError(Reply(status=400, body=body), reason=status.lower())


def token_endpoint(portal: Portal, tokens: Tokens, call: Call) -> Reply:
    """POST /oauth/v1/token, /oauth/v3/token, /oauth/2026-03/token (form body)."""
    given = form(call.raw_body)
    if given.get("client_id") != tokens.client_id:
        raise _bad("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
    if given.get("client_secret") != portal.webhooks.settings.app_secret:
        raise _bad("BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client")
    kind = given.get("grant_type")
    if kind == "authorization_code":
        grant = tokens.codes.pop(given.get("code", ""), None)
        if grant is None:
            raise _bad("BAD_AUTH_CODE", "missing or unknown auth code")
        if grant.redirect_uri and grant.redirect_uri != given.get("redirect_uri"):
            raise _bad("MISMATCH_REDIRECT_URI_AUTH_CODE", "redirect uri does not match the one of the code")
        return _granted(portal, tokens, grant, tokens.issue_refresh(grant))
    if kind == "refresh_token":
        refresh = given.get("refresh_token", "")
        grant = tokens.refresh.get(refresh)
        if grant is None or grant.revoked:
            raise _bad("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        if portal.settings.rotate_refresh_tokens:
            del tokens.refresh[refresh]
            refresh = tokens.issue_refresh(grant)
        return _granted(portal, tokens, grant, refresh)
    raise _bad("BAD_GRANT_TYPE", "grant_type must be authorization_code or refresh_token", "unsupported_grant_type")


def _granted(portal: Portal, tokens: Tokens, grant: Grant, refresh: str) -> Reply:
    seconds = portal.settings.access_token_seconds
    made = tokens.issue_oauth(grant, portal.now(), seconds)
    return Reply(
        body={
            "token_type": "bearer",
            "refresh_token": refresh,
            "access_token": made.token,
            "hub_id": portal.settings.portal_id,
            "scopes": sorted(grant.scopes),
            "expires_in": seconds,
        }
    )


def _token_json(portal: Portal, token: Token) -> Json:
    left = 0 if token.expires_at is None else max(0, (token.expires_at - portal.now()) // 1000)
    return {
        "token": token.token,
        "user": "admin@tasuki.example",
        "hub_domain": "tasuki-sandbox.example",
        "scopes": sorted(token.scopes),
        "hub_id": portal.settings.portal_id,
        "app_id": portal.settings.app_id,
        "expires_in": left,
        "user_id": token.user_id,
        "token_type": "access",
    }


def access_token_info(portal: Portal, tokens: Tokens, call: Call) -> Reply:
    """GET /oauth/v1/access-tokens/{token}"""
    found = tokens.access.get(call.args[0])
    if found is None or found.revoked or (found.expires_at is not None and found.expires_at <= portal.now()):
        raise not_found_json("the access token is invalid or expired")
    return Reply(body=_token_json(portal, found))


def introspect(portal: Portal, tokens: Tokens, call: Call) -> Reply:
    """POST /oauth/2026-03/token/introspect (form body `token`)."""
    found = tokens.access.get(form(call.raw_body).get("token", ""))
    if found is None or found.revoked or (found.expires_at is not None and found.expires_at <= portal.now()):
        return Reply(body={"active": False})
    return Reply(body={"active": True, **_token_json(portal, found)})


def revoke(tokens: Tokens, call: Call) -> Reply:
    """POST /oauth/2026-03/token/revoke (form body `token`), DELETE /oauth/v1/refresh-tokens/{token}."""
    wanted = call.args[0] if call.args else form(call.raw_body).get("token", "")
    grant = tokens.refresh.pop(wanted, None)
    if grant is not None:
        grant.revoked = True
    token = tokens.access.get(wanted)
    if token is not None:
        token.revoked = True
    return Reply(status=204)


def authorize(tokens: Tokens, call: Call) -> Reply:
    """GET /oauth/authorize: the sandbox's person always consents and is sent back with a code."""
    if call.one("client_id") != tokens.client_id or not call.one("redirect_uri"):
        raise refusal(400, "client_id is unknown or redirect_uri is missing")
    code = tokens.issue_code(call.one("scope") or DEFAULT_SCOPES, call.one("redirect_uri"))
    query = {"code": code}
    if call.one("state"):
        query["state"] = call.one("state")
    mark = "&" if "?" in call.one("redirect_uri") else "?"
    return Reply(status=302, headers={"Location": call.one("redirect_uri") + mark + urlencode(query)})

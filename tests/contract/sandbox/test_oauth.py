"""Tokens: codes, refresh, expiry on the sandbox's clock, revocation, scopes."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlparse

import pytest

from connector.sandbox.handle import SandboxHandle

from .conftest import Answer, Api

CALLBACK = "https://tasuki.example/oauth/hubspot"


def grant(api: Api, path: str = "/oauth/2026-03/token", **form: str) -> Answer:
    given = {"client_id": api.sandbox.client_id, "client_secret": api.sandbox.app_secret, **form}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
    return api("POST", path, urlencode(given).encode(), headers=headers)


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token"])
def test_a_code_becomes_tokens_once(api: Api, sandbox: SandboxHandle, path: str) -> None:
    code = sandbox.issue_code(redirect_uri=CALLBACK)
    got = grant(api, path, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert got.status == 200
    assert got.json["expires_in"] == 1800
    api.token = got.json["access_token"]
    assert api("GET", "/crm/v3/objects/contacts").status == 200
    again = grant(api, path, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert (again.status, again.json["status"]) == (400, "BAD_AUTH_CODE")


def test_consent_comes_back_with_code_and_state(api: Api, sandbox: SandboxHandle) -> None:
    query = urlencode({"client_id": sandbox.client_id, "redirect_uri": CALLBACK, "scope": "oauth", "state": "s 1"})
    sent = api("GET", f"/oauth/authorize?{query}")
    assert sent.status == 302
    back = parse_qs(urlparse(sent.headers["Location"]).query)
    assert back["state"] == ["s 1"]
    wrong = grant(api, grant_type="authorization_code", code=back["code"][0], redirect_uri="https://evil.example")
    assert wrong.status == 400


def test_a_token_lives_thirty_minutes_of_the_sandbox_clock(api: Api, sandbox: SandboxHandle) -> None:
    tokens = sandbox.issue_token(oauth=True)
    api.token = tokens["token"]
    assert api("GET", "/crm/v3/owners").status == 200
    sandbox.set_clock(advance_seconds=1801)
    expired = api("GET", "/crm/v3/owners")
    assert (expired.status, expired.json["category"]) == (401, "EXPIRED_AUTHENTICATION")
    fresh = grant(api, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert fresh.json["refresh_token"] == tokens["refresh_token"]
    api.token = fresh.json["access_token"]
    assert api("GET", "/crm/v3/owners").status == 200


def test_dead_grants(api: Api, sandbox: SandboxHandle) -> None:
    tokens = sandbox.issue_token(oauth=True)
    sandbox.revoke_token()
    api.token = tokens["token"]
    assert api("GET", "/crm/v3/owners").json["category"] == "INVALID_AUTHENTICATION"
    dead = grant(api, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert dead.status == 400
    assert (dead.json["error"], dead.json["status"]) == ("invalid_grant", "BAD_REFRESH_TOKEN")
    assert grant(api, grant_type="refresh_token", client_secret="no").json["status"] == "BAD_CLIENT_SECRET"
    assert grant(api, grant_type="refresh_token", client_id="no").json["status"] == "BAD_CLIENT_ID"


def test_rotation_kills_the_old_refresh_token(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(rotate_refresh_tokens=True)
    old = sandbox.issue_token(oauth=True)["refresh_token"]
    fresh = grant(api, grant_type="refresh_token", refresh_token=old).json["refresh_token"]
    assert fresh != old
    assert grant(api, grant_type="refresh_token", refresh_token=old).status == 400
    assert grant(api, grant_type="refresh_token", refresh_token=fresh).status == 200


def test_what_a_token_is_and_its_end(api: Api, sandbox: SandboxHandle) -> None:
    token = sandbox.issue_token(oauth=True, scopes="oauth forms")["token"]
    about = api("GET", f"/oauth/v1/access-tokens/{token}").json
    assert (about["hub_id"], about["scopes"]) == (sandbox.portal_id, ["forms", "oauth"])
    assert grant(api, "/oauth/2026-03/token/introspect", token=token).json["active"] is True
    assert grant(api, "/oauth/2026-03/token/revoke", token=token).status == 204
    assert grant(api, "/oauth/2026-03/token/introspect", token=token).json == {"active": False}
    assert api("GET", f"/oauth/v1/access-tokens/{token}").status == 404


def test_scopes_are_needed(api: Api, sandbox: SandboxHandle) -> None:
    api.token = sandbox.issue_token(scopes="crm.objects.contacts.read")["token"]
    assert api("GET", "/crm/v3/objects/contacts").status == 200
    refused = api("POST", "/crm/v3/objects/contacts", {"properties": {}})
    assert (refused.status, refused.json["category"]) == (403, "MISSING_SCOPES")
    assert refused.json["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]
    assert not [name for name in refused.headers if "RateLimit" in name]


def test_nobody_gets_in_without_a_token(api: Api) -> None:
    for value in ("", "Bearer", "Bearer nonsense", "Basic abc"):
        refused = api("GET", "/crm/v3/objects/contacts", headers={"Authorization": value})
        assert (refused.status, refused.json["category"]) == (401, "INVALID_AUTHENTICATION")

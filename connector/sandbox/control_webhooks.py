"""Control actions of webhooks and tokens."""

from __future__ import annotations

from connector.sandbox.control_calls import Actions, Query
from connector.sandbox.oauth import DEFAULT_SCOPES, Grant
from connector.sandbox.object_types import object_type
from connector.sandbox.service import SandboxService
from connector.sandbox.wire import Json


class WebhookControl:
    """The sender's switches, subscriptions, and the tokens that the portal has given out."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.portal = service.portal

    def actions(self) -> Actions:
        """(method, path) -> action."""
        return {
            ("GET", "/webhooks"): self._webhooks,
            ("PATCH", "/webhooks"): self._patch_webhooks,
            ("PUT", "/webhooks/subscriptions"): self._subscribe,
            ("POST", "/webhooks/flush"): self._flush,
            ("POST", "/webhooks/redeliver"): self._redeliver,
            ("GET", "/webhooks/log"): self._webhook_log,
            ("GET", "/tokens"): self._tokens,
            ("POST", "/tokens"): self._issue_token,
            ("POST", "/tokens/revoke"): self._revoke,
            ("POST", "/tokens/code"): self._code,
        }

    def _webhooks(self, body: Json, query: Query) -> Json:
        hooks = self.portal.webhooks
        return {
            "settings": hooks.settings.as_json(),
            "subscriptions": [one.as_json() for one in hooks.subscriptions.values()],
            "emitted": dict(hooks.emitted),
            "state": hooks.sender.state(),
        }

    def _patch_webhooks(self, body: Json, query: Query) -> Json:
        self.portal.webhooks.settings.update(body)
        self.portal.webhooks.sender.wake()
        return self._webhooks(body, query)

    def _subscribe(self, body: Json, query: Query) -> Json:
        """{"contacts": ["email", …], "tasks": ["hs_task_status"]}: every event of the type and these properties."""
        if body.get("replace", True):
            self.portal.webhooks.clear()
        for name, properties in body["objects"].items():
            self.portal.webhooks.subscribe_type(object_type(name), [str(one) for one in properties])
        return self._webhooks(body, {})

    def _flush(self, body: Json, query: Query) -> Json:
        self.portal.webhooks.sender.flush()
        return {}

    def _redeliver(self, body: Json, query: Query) -> Json:
        self.portal.webhooks.sender.redeliver(int(body.get("last") or 1))
        return {}

    def _webhook_log(self, body: Json, query: Query) -> Json:
        rows = list(self.portal.webhooks.sender.log)
        return {"attempts": rows[-int(query.get("last", "1000")) :]}

    def wait(self, body: Json) -> Json:
        timeout = float(body.get("timeout_seconds") or 10.0)
        idle = self.portal.webhooks.sender.wait_idle(timeout, retries=bool(body.get("retries")))
        return {"idle": idle, **self.portal.webhooks.sender.state()}

    def _tokens(self, body: Json, query: Query) -> Json:
        tokens = self.service.tokens
        return {
            "access": [
                {
                    "token": one.token,
                    "app": one.app,
                    "scopes": sorted(one.scopes),
                    "expires_at": one.expires_at,
                    "revoked": one.revoked,
                }
                for one in tokens.access.values()
            ],
            "refresh": [token for token, grant in tokens.refresh.items() if not grant.revoked],
        }

    def _issue_token(self, body: Json, query: Query) -> Json:
        """A private token, or with {"oauth": true} an access and a refresh token."""
        tokens = self.service.tokens
        if not body.get("oauth"):
            return {"token": tokens.issue_private(scopes=str(body.get("scopes") or "*")).token}
        grant = Grant(scopes=frozenset(str(body.get("scopes") or DEFAULT_SCOPES).split()))
        made = tokens.issue_oauth(grant, self.portal.now(), self.service.settings.access_token_seconds)
        return {"token": made.token, "refresh_token": tokens.issue_refresh(grant)}

    def _revoke(self, body: Json, query: Query) -> Json:
        """One token (access or refresh), or with an empty body all of them, as after an uninstall."""
        tokens = self.service.tokens
        wanted = str(body.get("token") or "")
        if not wanted:
            tokens.revoke_all()
        if wanted in tokens.access:
            tokens.access[wanted].revoked = True
        if wanted in tokens.refresh:
            tokens.refresh[wanted].revoked = True
        return {}

    def _code(self, body: Json, query: Query) -> Json:
        code = self.service.tokens.issue_code(
            str(body.get("scopes") or DEFAULT_SCOPES), str(body.get("redirect_uri") or "")
        )
        return {"code": code}

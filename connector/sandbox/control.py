"""HubSpot's control API under /control: people, webhooks, tokens, limits besides what every stand-in has."""

from __future__ import annotations

from typing import Any

from connector.errors import RejectedError
from connector.sandbox import people
from connector.sandbox.control_calls import Json, Query
from connector.sandbox.control_common import CommonControl
from connector.sandbox.control_look import LookControl
from connector.sandbox.control_people import PeopleControl
from connector.sandbox.control_webhooks import WebhookControl
from connector.sandbox.inputs import checked_properties
from connector.sandbox.object_types import object_type
from connector.sandbox.service import SandboxService
from connector.sandbox.wire import ApiRefusalError
from connector.sandbox.world import WorldSettings, build_world, describe


class Control(CommonControl):
    """The common actions and those of a portal."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.portal = service.portal
        super().__init__(
            lock=self.portal.lock,
            clock=self.portal.clock,
            ledger=self.portal.ledger,
            faults=service.faults,
            carrier=service.carrier,
            settings=service.settings,
        )
        webhooks = WebhookControl(service)
        self.waiting[("POST", "/webhooks/wait")] = lambda body, query: webhooks.wait(body)
        self.actions |= {
            ("POST", "/limits/reset"): self._reset_limits,
            ("POST", "/limits/spend"): self._spend,
            ("POST", "/world"): self._world,
            ("GET", "/world"): lambda body, query: describe(self.portal),
            **PeopleControl(self.portal).actions(),
            **LookControl(self.portal).actions(),
            **webhooks.actions(),
        }

    def about(self) -> Json:
        """See `CommonControl.about`."""
        return {
            "token": self.service.tokens.private.token,
            "client_id": self.service.tokens.client_id,
            "app_secret": self.portal.webhooks.settings.app_secret,
            "portal_id": self.service.settings.portal_id,
            "app_id": self.service.settings.app_id,
        }

    def refused(self, error: RejectedError) -> Json:
        """See `CommonControl.refused`."""
        return {"error": "refused as HubSpot would", "hubspot": _readable(error)}

    def switched(self, names: set[str]) -> None:
        """See `CommonControl.switched`."""
        if "burst_window_seconds" in names:
            self.service.limits.reset()

    def limits_told(self) -> Json:
        """See `CommonControl.limits_told`."""
        limits = self.service.limits
        return {"refused": dict(limits.refused), "used_today": limits.used_today}

    def check_fault(self, given: Json) -> None:
        """See `CommonControl.check_fault`: an edit of what does not exist would make a test pass for nothing."""
        if given.get("effect") == "edit":
            edit = given.get("edit") or {}
            kind = object_type(str(edit.get("type") or str(given.get("kind", "")).partition(".")[0]))
            checked_properties(self.portal, kind, edit.get("properties"))
            people.person(self.portal, str(edit.get("owner_id") or ""))

    def _reset_limits(self, body: Json, query: Query) -> Json:
        self.service.limits.reset()
        return {}

    def _spend(self, body: Json, query: Query) -> Json:
        self.service.limits.spend(int(body["calls"]))
        return {}

    def _world(self, body: Json, query: Query) -> Json:
        build_world(self.portal, WorldSettings(**body))
        return describe(self.portal)


def _readable(error: RejectedError) -> Any:
    body = error.reply.body if isinstance(error, ApiRefusalError) else None
    if isinstance(body, dict):
        return body
    return error.reply.status if isinstance(error, ApiRefusalError) else error.message

"""The control API under /control: settings, clock, faults, people, webhooks, tokens, ledger. See docs/sandbox.md."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import orjson

from connector.errors import UsageError
from connector.sandbox import people
from connector.sandbox.clock import iso
from connector.sandbox.control_calls import Actions, Query
from connector.sandbox.control_look import LookControl
from connector.sandbox.control_people import PeopleControl
from connector.sandbox.control_webhooks import WebhookControl
from connector.sandbox.faults import EFFECTS
from connector.sandbox.inputs import checked_properties
from connector.sandbox.object_types import object_type
from connector.sandbox.service import Outcome, Request, SandboxService
from connector.sandbox.values import to_ms
from connector.sandbox.wire import ApiRefusalError, Json
from connector.sandbox.world import WorldSettings, build_world, describe

#: the one action that must not hold the portal's lock
_WAIT = ("POST", "/webhooks/wait")


class Control:
    """Method + path -> action. Every action runs under the portal's lock, except waiting."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.portal = service.portal
        self.base_url = ""
        self._webhooks = WebhookControl(service)
        self._actions: Actions = {
            ("GET", ""): self._index,
            ("GET", "/settings"): lambda body, query: self.service.settings.as_json(),
            ("PATCH", "/settings"): self._patch_settings,
            ("GET", "/clock"): self._clock,
            ("POST", "/clock"): self._set_clock,
            ("GET", "/ledger"): self._ledger,
            ("GET", "/calls"): self._calls,
            ("POST", "/calls/reset"): self._reset_calls,
            ("POST", "/limits/reset"): self._reset_limits,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._delete_faults,
            ("POST", "/faults/release"): lambda body, query: {"applied": self.service.release_delayed()},
            ("POST", "/world"): self._world,
            ("GET", "/world"): lambda body, query: describe(self.portal),
            **PeopleControl(self.portal).actions(),
            **LookControl(self.portal).actions(),
            **self._webhooks.actions(),
        }

    def handle(self, request: Request) -> Outcome:
        """Answer a control call: 200 JSON, 400 with a remedy, 404."""
        path, _, query_text = request.target.partition("?")
        name = path.removeprefix("/control").rstrip("/")
        query = {key: values[-1] for key, values in parse_qs(query_text).items()}
        try:
            body = orjson.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                raise UsageError("Control calls take a JSON object.", reason="not_an_object")
            if (request.method, name) == _WAIT:
                return _json(200, self._webhooks.wait(body))
            action = self._actions.get((request.method, name))
            if action is None:
                return _json(404, {"error": f"No control action {request.method} /control{name}; see GET /control"})
            with self.portal.lock:
                return _json(200, action(body, query))
        except UsageError as error:
            return _json(400, {"error": error.message, "reason": error.reason})
        except ApiRefusalError as error:
            return _json(400, {"error": "refused as HubSpot would", "hubspot": _readable(error)})
        except orjson.JSONDecodeError as error:
            return _json(400, {"error": f"not JSON: {error.msg}", "reason": "not_json"})
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}", "reason": "bad_arguments"})

    # ------------------------------------------------------------------ the sandbox itself

    def _index(self, body: Json, query: Query) -> Json:
        return {
            "base_url": self.base_url,
            "token": self.service.tokens.private.token,
            "client_id": self.service.tokens.client_id,
            "app_secret": self.portal.webhooks.settings.app_secret,
            "portal_id": self.service.settings.portal_id,
            "app_id": self.service.settings.app_id,
            "actions": sorted(f"{method} /control{path}" for method, path in (*self._actions, _WAIT)),
        }

    def _patch_settings(self, body: Json, query: Query) -> Json:
        self.service.settings.update(body)
        if {"burst_window_seconds"} & set(body):
            self.service.limits.reset()
        return self.service.settings.as_json()

    def _clock(self, body: Json, query: Query) -> Json:
        now = self.portal.now()
        return {"now_ms": now, "now": iso(now), "rate": self.portal.clock.rate}

    def _set_clock(self, body: Json, query: Query) -> Json:
        now = body.get("now")
        now_ms = body.get("now_ms") if now is None else to_ms(str(now))
        if now is not None and now_ms is None:
            raise UsageError(f"{now!r} is no instant; use milliseconds or ISO 8601.", reason="bad_instant")
        rate = body.get("rate")
        if rate is not None and float(rate) < 0:
            raise UsageError("The clock's rate is 0 (frozen) or positive.", reason="bad_rate")
        self.portal.clock.set(
            now_ms=now_ms,
            advance_seconds=float(body.get("advance_seconds") or 0),
            rate=None if rate is None else float(rate),
        )
        return self._clock(body, query)

    def _ledger(self, body: Json, query: Query) -> Json:
        since = int(query.pop("since", "0"))
        rows = self.portal.ledger.select(query, since)
        return {"rows": rows, "last": self.portal.ledger.rows[-1].seq if self.portal.ledger.rows else 0}

    def _calls(self, body: Json, query: Query) -> Json:
        limits = self.service.limits
        return {
            "kinds": self.portal.ledger.counts(),
            "refused": dict(limits.refused),
            "used_today": limits.used_today,
        }

    def _reset_calls(self, body: Json, query: Query) -> Json:
        self.portal.ledger.reset_calls()
        return {}

    def _reset_limits(self, body: Json, query: Query) -> Json:
        self.service.limits.reset()
        return {}

    def _world(self, body: Json, query: Query) -> Json:
        build_world(self.portal, WorldSettings(**body))
        return describe(self.portal)

    # ------------------------------------------------------------------ faults

    def _faults(self, body: Json, query: Query) -> Json:
        rules = [rule.as_json() for rule in self.service.faults.rules]
        return {"rules": rules, "delayed": self.service.delayed, "effects": EFFECTS}

    def _add_fault(self, body: Json, query: Query) -> Json:
        if body.get("effect") == "edit":
            # a fault that cannot strike would make a test pass for nothing: refuse it here
            given = body.get("edit") or {}
            kind = object_type(str(given.get("type") or str(body.get("kind", "")).partition(".")[0]))
            checked_properties(self.portal, kind, given.get("properties"))
            people.person(self.portal, str(given.get("owner_id") or ""))
        return self.service.faults.add(body).as_json()

    def _delete_faults(self, body: Json, query: Query) -> Json:
        if "id" in query:
            return {"removed": self.service.faults.remove(int(query["id"]))}
        self.service.faults.clear()
        return {"removed": True}


def _json(status: int, body: Any) -> Outcome:
    return Outcome(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        headers={"Content-Type": "application/json;charset=utf-8"},
    )


def _readable(error: ApiRefusalError) -> Any:
    body = error.reply.body
    return body if isinstance(body, dict) else error.reply.status

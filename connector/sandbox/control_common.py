"""The part of the control API that every stand-in has: settings, clock, ledger, calls, faults. See docs/sandbox.md."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any, Protocol
from urllib.parse import parse_qs

import orjson

from connector.errors import RejectedError, UsageError
from connector.sandbox.carrier import Carrier
from connector.sandbox.clock import SandboxClock, iso
from connector.sandbox.control_calls import Actions, Json, Query
from connector.sandbox.exchange import Outcome, Request
from connector.sandbox.faults import EFFECTS, Faults
from connector.sandbox.ledger import Ledger
from connector.sandbox.values import to_ms


class Switches(Protocol):
    """The settings of a stand-in."""

    def update(self, changes: dict[str, Any]) -> None:
        """Set the named switches."""

    def as_json(self) -> dict[str, Any]:
        """All of them."""


class CommonControl(ABC):
    """Method + path -> action. Every action runs under the stand-in's lock, except those that wait."""

    def __init__(
        self,
        *,
        lock: threading.RLock,
        clock: SandboxClock,
        ledger: Ledger,
        faults: Faults,
        carrier: Carrier,
        settings: Switches,
    ) -> None:
        self.base_url = ""
        self._lock = lock
        self._world_clock = clock
        self._written = ledger
        self._rules = faults
        self._carrier = carrier
        self._switches = settings
        #: actions that must not hold the lock
        self.waiting: Actions = {}
        self.actions: Actions = {
            ("GET", ""): self._index,
            ("GET", "/settings"): lambda body, query: self._switches.as_json(),
            ("PATCH", "/settings"): self._patch_settings,
            ("GET", "/clock"): self._clock,
            ("POST", "/clock"): self._set_clock,
            ("GET", "/ledger"): self._ledger,
            ("GET", "/calls"): self._calls,
            ("POST", "/calls/reset"): self._reset_calls,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._delete_faults,
            ("POST", "/faults/release"): lambda body, query: {"applied": self._carrier.release_delayed()},
        }

    @abstractmethod
    def about(self) -> Json:
        """What `GET /control` tells of the stand-in besides its address and actions."""

    @abstractmethod
    def refused(self, error: RejectedError) -> Json:
        """A refusal of the stand-in, as the control API prints it."""

    def switched(self, names: set[str]) -> None:  # noqa: B027 - most stand-ins need not know
        """Called after settings of these names have changed."""

    def limits_told(self) -> Json:
        """What `GET /control/calls` tells of limits."""
        return {}

    def check_fault(self, given: Json) -> None:  # noqa: B027 - most rules can strike
        """Refuse a rule that cannot strike."""

    def handle(self, request: Request) -> Outcome:
        """Answer a control call: 200 JSON, 400 with a remedy, 404."""
        path, _, query_text = request.target.partition("?")
        name = path.removeprefix("/control").rstrip("/")
        query = {key: values[-1] for key, values in parse_qs(query_text).items()}
        self.base_url = request.base_url
        try:
            body = orjson.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                raise UsageError("Control calls take a JSON object.", reason="not_an_object")
            if (waits := self.waiting.get((request.method, name))) is not None:
                return _json(200, waits(body, query))
            action = self.actions.get((request.method, name))
            if action is None:
                return _json(404, {"error": f"No control action {request.method} /control{name}; see GET /control"})
            with self._lock:
                return _json(200, action(body, query))
        except UsageError as error:
            return _json(400, {"error": error.message, "reason": error.reason})
        except RejectedError as error:
            return _json(400, self.refused(error))
        except orjson.JSONDecodeError as error:
            return _json(400, {"error": f"not JSON: {error.msg}", "reason": "not_json"})
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}", "reason": "bad_arguments"})

    # ------------------------------------------------------------------ the sandbox itself

    def _index(self, body: Json, query: Query) -> Json:
        known = sorted(f"{method} /control{path}" for method, path in (*self.actions, *self.waiting))
        return {"base_url": self.base_url, **self.about(), "actions": known}

    def _patch_settings(self, body: Json, query: Query) -> Json:
        self._switches.update(body)
        self.switched(set(body))
        return self._switches.as_json()

    def _clock(self, body: Json, query: Query) -> Json:
        now = self._world_clock.now_ms()
        return {"now_ms": now, "now": iso(now), "rate": self._world_clock.rate}

    def _set_clock(self, body: Json, query: Query) -> Json:
        now = body.get("now")
        now_ms = body.get("now_ms") if now is None else to_ms(str(now))
        if now is not None and now_ms is None:
            raise UsageError(f"{now!r} is no instant; use milliseconds or ISO 8601.", reason="bad_instant")
        rate = body.get("rate")
        if rate is not None and float(rate) < 0:
            raise UsageError("The clock's rate is 0 (frozen) or positive.", reason="bad_rate")
        self._world_clock.set(
            now_ms=now_ms,
            advance_seconds=float(body.get("advance_seconds") or 0),
            rate=None if rate is None else float(rate),
        )
        return self._clock(body, query)

    def _ledger(self, body: Json, query: Query) -> Json:
        since = int(query.pop("since", "0"))
        rows = self._written.select(query, since)
        return {"rows": rows, "last": self._written.rows[-1].seq if self._written.rows else 0}

    def _calls(self, body: Json, query: Query) -> Json:
        return {"kinds": self._written.counts(), **self.limits_told()}

    def _reset_calls(self, body: Json, query: Query) -> Json:
        self._written.reset_calls()
        return {}

    # ------------------------------------------------------------------ faults

    def _faults(self, body: Json, query: Query) -> Json:
        rules = [rule.as_json() for rule in self._rules.rules]
        return {"rules": rules, "delayed": self._carrier.delayed, "effects": EFFECTS}

    def _add_fault(self, body: Json, query: Query) -> Json:
        self.check_fault(body)
        return self._rules.add(body).as_json()

    def _delete_faults(self, body: Json, query: Query) -> Json:
        if "id" in query:
            return {"removed": self._rules.remove(int(query["id"]))}
        self._rules.clear()
        return {"removed": True}


def _json(status: int, body: Any) -> Outcome:
    return Outcome(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        headers={"Content-Type": "application/json;charset=utf-8"},
    )

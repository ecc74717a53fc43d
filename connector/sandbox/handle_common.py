"""What the handle of every stand-in can do: switches, clock, ledger, counters, faults; in this process or over HTTP."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import orjson
import urllib3

from connector.errors import UsageError
from connector.sandbox.exchange import Request
from connector.sandbox.server import SandboxServer

Json = dict[str, Any]


class CommonHandle:
    """A stand-in to drive: every method is one control call. `with` closes what was started in this process."""

    def __init__(self, base_url: str, server: SandboxServer | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        #: the server, when it runs in this process
        self.server = server
        self._http = urllib3.PoolManager(maxsize=8, retries=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server if it is ours."""
        self._http.clear()
        if self.server is not None:
            self.server.close()

    def control(self, method: str, path: str, body: Json | None = None, query: dict[str, str] | None = None) -> Any:
        """One call of the control API; a refusal is a UsageError with the sandbox's words."""
        data = None if body is None else orjson.dumps(body)
        fields = query if body is None else None
        status, answer = (self._sent if self.server is None else self._handed)(method, f"/control{path}", data, fields)
        told = orjson.loads(answer)
        if status != 200:
            raise UsageError(f"The sandbox refuses: {told}", reason=str(told.get("reason") or "refused"))
        return told

    def _sent(self, method: str, path: str, body: bytes | None, query: dict[str, str] | None) -> tuple[int, bytes]:
        reply = self._http.request(
            method,
            f"{self.base_url}{path}",
            body=body,
            fields=query,
            headers={"Content-Type": "application/json"} if body is not None else None,
            timeout=urllib3.Timeout(total=120.0),
        )
        return reply.status, reply.data

    def _handed(self, method: str, path: str, body: bytes | None, query: dict[str, str] | None) -> tuple[int, bytes]:
        """To a stand-in of this process without a socket."""
        assert self.server is not None
        target = f"{path}?{urlencode(query)}" if query else path
        request = Request(method=method, target=target, body=body or b"", base_url=self.server.base_url)
        outcome = self.server.control.handle(request)
        return outcome.status, outcome.body

    # ------------------------------------------------------------------ switches, clock, counters

    def settings(self, **changes: Any) -> Json:
        """Change switches (see SandboxSettings); gives all of them."""
        found: Json = self.control("PATCH", "/settings", changes) if changes else self.control("GET", "/settings")
        return found

    def clock(self) -> Json:
        """{"now_ms", "now", "rate"}"""
        found: Json = self.control("GET", "/clock")
        return found

    def set_clock(
        self,
        *,
        now: str | int | None = None,
        advance_seconds: float = 0.0,
        rate: float | None = None,
    ) -> int:
        """Jump, advance, change the rate (0 freezes); gives the new present in ms."""
        body: Json = {"advance_seconds": advance_seconds}
        if now is not None:
            body["now"] = now
        if rate is not None:
            body["rate"] = rate
        return int(self.control("POST", "/clock", body)["now_ms"])

    def ledger(self, *, since: int = 0, **columns: str) -> list[Json]:
        """Applied writes after `since`, filtered by type, id, method, source, actor."""
        rows: list[Json] = self.control("GET", "/ledger", query={"since": str(since), **columns})["rows"]
        return rows

    def calls(self) -> dict[str, Json]:
        """kind -> {"calls", "records", "statuses"}; with `search` and `total`."""
        kinds: dict[str, Json] = self.control("GET", "/calls")["kinds"]
        return kinds

    def call_count(self, kind: str) -> int:
        """Calls of one kind so far."""
        return int(self.calls().get(kind, {}).get("calls", 0))

    def reset_calls(self) -> None:
        """Count calls from zero."""
        self.control("POST", "/calls/reset", {})

    # ------------------------------------------------------------------ faults

    def fault(self, effect: str, **rule: Any) -> int:
        """Add a fault rule (see docs/sandbox.md); gives its id."""
        return int(self.control("POST", "/faults", {"effect": effect, **rule})["id"])

    def faults(self) -> list[Json]:
        """Rules with `hits` and what is left of `times`."""
        rules: list[Json] = self.control("GET", "/faults")["rules"]
        return rules

    def delayed(self) -> int:
        """Calls that a `delay_apply` fault still holds back."""
        return int(self.control("GET", "/faults")["delayed"])

    def release_delayed(self) -> int:
        """Apply them now; gives how many."""
        return int(self.control("POST", "/faults/release", {})["applied"])

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Remove one rule or all."""
        self.control("DELETE", "/faults", query=None if rule_id is None else {"id": str(rule_id)})

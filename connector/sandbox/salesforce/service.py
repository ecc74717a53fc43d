"""One call from bytes to bytes: session, limits, faults, latency, handler, counters. No sockets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from connector.errors import UsageError
from connector.sandbox.carrier import Carrier
from connector.sandbox.exchange import Outcome, Request
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.salesforce import bulk, collections_api, describe, rows, soap
from connector.sandbox.salesforce.composite import composite
from connector.sandbox.salesforce.fault_replies import status_reply
from connector.sandbox.salesforce.oauth import Sessions
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.outbound import OutboundMessages
from connector.sandbox.salesforce.query_api import Locators
from connector.sandbox.salesforce.settings import OrgSettings
from connector.sandbox.salesforce.tooling import Tooling
from connector.sandbox.salesforce.wire import Actor, Call, Json, RefusalError, Reply, not_found, refusal

if TYPE_CHECKING:
    from connector.sandbox.salesforce.changes.server import PubSub

NOBODY = Actor(source="API", user_id="", label="anonymous")
_DAY_MS = 86_400_000
MAX_ADDRESS = 16_384
"""Of an address with its headers."""
_VERSIONED = re.compile(r"/services/data/v(\d+)\.0(/.*)?")
Handler = Callable[[Call], Reply]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint; the pattern is of the path behind the version."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    kind: str
    #: no session needed
    public: bool = False
    json_body: bool = True


def _route(method: str, pattern: str, handler: Handler, kind: str, **more: bool) -> Route:
    compiled = re.compile(pattern.replace("{}", "([^/]+)") + "/?")
    return Route(method=method, pattern=compiled, handler=handler, kind=kind, **more)


class SalesforceService:
    """The Salesforce side of the sandbox."""

    def __init__(self, settings: OrgSettings | None = None) -> None:
        self.org = Org(settings)
        self.settings = self.org.settings
        self.sessions = Sessions(self.org)
        self.locators = Locators()
        self.jobs = bulk.Jobs()
        self.tooling = Tooling(self.org)
        self.outbound = OutboundMessages(self.org)
        self._pubsub: PubSub | None = None
        self.faults = Faults(self.settings.seed)
        self.carrier = Carrier(self.org.lock, lambda: self.settings.latency_ms / 1000)
        #: when calls came, for the rolling 24 hours
        self.used: deque[int] = deque()
        self._routes = (*self._open_routes(), *self._row_routes(), *self._batch_routes())

    def _open_routes(self) -> tuple[Route, ...]:
        sessions = self.sessions
        form = {"public": True, "json_body": False}
        return (
            _route("POST", "/services/oauth2/token", sessions.token_endpoint, "oauth.token", **form),
            _route("POST", "/services/oauth2/revoke", sessions.revoke_endpoint, "oauth.revoke", **form),
            _route("GET", "/services/oauth2/authorize", sessions.authorize, "oauth.authorize", **form),
            _route("GET", "/services/oauth2/userinfo", sessions.user_info, "oauth.userinfo"),
            _route("GET", "/id/{}/{}", sessions.user_info, "oauth.userinfo"),
            _route("GET", "/services/data", describe.versions, "meta.versions", public=True),
            _route("POST", "/services/Soap/[uc]/[0-9.]+(?:/.*)?", partial(soap.endpoint, sessions), "soap", **form),
        )

    def _row_routes(self) -> tuple[Route, ...]:
        return (
            _route("GET", "", describe.resources, "meta.resources"),
            _route("GET", "/limits", self._limits, "meta.limits"),
            _route("GET", "/query", partial(self.locators.run, deleted=False), "data.query"),
            _route("GET", "/queryAll", partial(self.locators.run, deleted=True), "data.query_all"),
            _route("GET", "/query(?:All)?/{}", self.locators.more, "data.query_more"),
            _route("POST", "/tooling/sobjects/CustomField", self.tooling.create, "meta.create_field"),
            _route("PATCH", "/tooling/sobjects/CustomField/{}", self.tooling.update, "meta.update_field"),
            _route("GET", "/tooling/query", self.tooling.query, "meta.query_fields"),
            _route("GET", "/sobjects", describe.everything, "meta.describe_all"),
            _route("GET", "/sobjects/{}", describe.basic, "meta.describe"),
            _route("GET", "/sobjects/{}/describe", describe.describe, "meta.describe"),
            _route("POST", "/sobjects/{}", rows.create, "data.create"),
            _route("GET", "/sobjects/{}/{}", rows.read, "data.read"),
            _route("PATCH", "/sobjects/{}/{}", rows.update, "data.update"),
            _route("DELETE", "/sobjects/{}/{}", rows.delete, "data.delete"),
            _route("GET", "/sobjects/{}/{}/{}", rows.read_by_external, "data.read"),
            _route("PATCH", "/sobjects/{}/{}/{}", rows.upsert, "data.upsert"),
        )

    def _batch_routes(self) -> tuple[Route, ...]:
        jobs = self.jobs
        return (
            _route("POST", "/composite", lambda call: composite(call, self._ask(call)), "data.composite"),
            _route("POST", "/composite/sobjects", collections_api.create, "data.collections_create"),
            _route("PATCH", "/composite/sobjects", collections_api.update, "data.collections_update"),
            _route("DELETE", "/composite/sobjects", collections_api.delete, "data.collections_delete"),
            _route("PATCH", "/composite/sobjects/{}/{}", collections_api.upsert, "data.collections_upsert"),
            _route("POST", "/composite/sobjects/{}", collections_api.retrieve, "data.collections_read"),
            _route("GET", "/composite/sobjects/{}", collections_api.retrieve, "data.collections_read"),
            _route("POST", "/jobs/ingest", jobs.create_ingest, "bulk.create"),
            _route("GET", "/jobs/ingest/{}", jobs.get, "bulk.get"),
            _route("PATCH", "/jobs/ingest/{}", jobs.patch, "bulk.close"),
            _route("DELETE", "/jobs/ingest/{}", jobs.delete, "bulk.delete"),
            _route("PUT", "/jobs/ingest/{}/batches", jobs.upload, "bulk.upload", json_body=False),
            _route("GET", "/jobs/ingest/{}/{}", jobs.results, "bulk.results"),
            _route("POST", "/jobs/query", jobs.create_query, "bulk.query"),
            _route("GET", "/jobs/query/{}", jobs.get, "bulk.get"),
            _route("GET", "/jobs/query/{}/results", jobs.query_results, "bulk.results"),
        )

    # ------------------------------------------------------------------ one call

    def handle(self, request: Request) -> Outcome:
        """Answer an API call."""
        call, route, refused = self._received(request)
        headers: dict[str, str] = {}
        struck: list[Fault] = []
        try:
            with self.org.lock:
                if refused is None and route is not None:
                    try:
                        headers = self._admitted(route, call)
                        _parse(route, call)
                    except RefusalError as error:
                        refused = error
                    else:
                        struck = self.faults.strike(call) if self.faults.rules else []
            outcome = self._carried_out(route, call, struck, refused)
        except RefusalError as error:
            outcome = _as_outcome(error.reply)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # what a handler cannot read (a text where a number belongs, a list where an object does) is the caller's
            outcome = _as_outcome(refusal(400, "JSON_PARSER_ERROR", f"{type(error).__name__}: {error}").reply)
        outcome.headers = {**headers, **outcome.headers}
        with self.org.lock:
            self.org.ledger.count(call.kind, call.records, 0 if outcome.cut else outcome.status)
        return outcome

    def _received(self, request: Request) -> tuple[Call, Route | None, RefusalError | None]:
        raw_path, _, query = request.target.partition("?")
        call = Call(
            org=self.org,
            method=request.method,
            path=raw_path,
            kind="unknown",
            args=(),
            query=parse_qs(query, keep_blank_values=True) if query else {},
            headers=request.headers,
            body=None,
            actor=NOBODY,
            base_url=request.base_url,
            raw_body=request.body,
        )
        if len(request.target) + sum(len(one) for pair in request.headers.items() for one in pair) > MAX_ADDRESS:
            return call, None, refusal(414, "URI_TOO_LONG", "URI Too Long")
        try:
            return call, self._routed(call), None
        except RefusalError as error:
            return call, None, error

    def _routed(self, call: Call) -> Route:
        """Find the route; fills the call's kind, version and arguments."""
        rest = call.path
        versioned = _VERSIONED.fullmatch(rest)
        if versioned is not None:
            if not self.settings.oldest_version <= int(versioned[1]) <= self.settings.newest_version:
                raise not_found()
            call.version, rest = f"{versioned[1]}.0", (versioned[2] or "").rstrip("/")
        known = False
        for route in self._routes:
            if (versioned is None) != route.pattern.pattern.startswith(("/services", "/id/")):
                continue
            found = route.pattern.fullmatch(rest)
            if found is None:
                continue
            known = True
            if route.method == call.method:
                call.args = tuple(unquote(one) for one in found.groups() if one is not None)
                call.kind = route.kind
                return route
        if known:
            raise refusal(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed.")
        raise not_found()

    def _admitted(self, route: Route, call: Call) -> dict[str, str]:
        """Session and the day's limit; gives `Sforce-Limit-Info`."""
        if route.public:
            return {}
        scheme, _, token = call.header("authorization").partition(" ")
        if scheme.lower() not in ("bearer", "oauth"):
            raise refusal(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
        call.actor = replace(self.sessions.actor(token.strip()), client=_client(call))
        return self.spend()

    def spend(self) -> dict[str, str]:
        """Count one call of the rolling day; 403 when it is over."""
        now = self.org.now()
        while self.used and self.used[0] <= now - _DAY_MS:
            self.used.popleft()
        if self.settings.limits_enabled and len(self.used) >= self.settings.daily_max:
            raise refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.used.append(now)
        return {"Sforce-Limit-Info": f"api-usage={len(self.used)}/{self.settings.daily_max}"}

    def _limits(self, call: Call) -> Reply:
        """GET /limits"""
        left = max(0, self.settings.daily_max - len(self.used))
        return Reply(
            body={
                "DailyApiRequests": {"Max": self.settings.daily_max, "Remaining": left},
                "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000 - self.jobs.queries},
                "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000 - self.jobs.ingests},
            }
        )

    def _ask(self, call: Call) -> Callable[[str, str, Mapping[str, str], Any], Reply]:
        """How a Composite call makes its subrequests: as calls of their own, but for session and limits."""

        def ask(method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
            parts = urlsplit(url)
            inner = Call(
                org=self.org,
                method=method,
                path=parts.path,
                kind="unknown",
                args=(),
                query=parse_qs(parts.query, keep_blank_values=True) if parts.query else {},
                headers={name.lower(): value for name, value in headers.items()},
                body=body,
                actor=call.actor,
                base_url=call.base_url,
                fail_code=call.fail_code,
                fail_rows=call.fail_rows,
            )
            try:
                reply = self._routed(inner).handler(inner)
            except RefusalError as error:
                return error.reply
            if inner.kind.startswith("data.collections"):
                call.fail_rows = 0
            if not inner.kind.startswith("data.query"):
                call.records += inner.records
            wrote = inner.kind.startswith(("data.update", "data.collections"))
            for coming in (call.between, *([call.written] if wrote else ())):
                while coming:
                    coming.pop(0)()
            return reply

        return ask

    # ------------------------------------------------------------------ faults

    def _carried_out(
        self, route: Route | None, call: Call, struck: list[Fault], refused: RefusalError | None
    ) -> Outcome:
        def work() -> Outcome:
            if refused is not None or route is None:
                raise refused or not_found()
            return _as_outcome(self._applied(route, call, struck))

        return self.carrier.carry_out(work, struck, answer=lambda rule: _as_outcome(status_reply(rule)))

    def _applied(self, route: Route, call: Call, struck: list[Fault]) -> Reply:
        """Run the handler, with what faults do around it."""
        with self.org.lock:
            for rule in struck:
                if rule.effect == "revoke":
                    self.sessions.revoke_all()
                    self.sessions.actor("")
                if rule.effect == "edit" and rule.when == "before":
                    self._edit(rule, call)
                if rule.effect == "edit" and rule.when == "between":
                    call.between.append(partial(self._edit, rule, call))
                if rule.effect == "edit" and rule.when == "written":
                    call.written.append(partial(self._edit, rule, call))
                if rule.effect == "partial":
                    call.fail_rows += rule.rows
                    call.fail_code = rule.code or call.fail_code
            reply = route.handler(call)
            for rule in struck:
                if rule.effect == "edit" and rule.when == "after":
                    self._edit(rule, call)
            return reply

    def _edit(self, rule: Fault, call: Call) -> None:
        """A person's edit; without a record to edit (it is gone, or the call names none) nothing happens."""
        from connector.sandbox.salesforce import people

        given: Json = rule.edit
        named = call.named()
        record_id = str(given.get("id") or (named[0] if named else ""))
        if self.org.find(record_id) is not None:
            people.edit(self.org, record_id, given.get("properties") or {}, str(given.get("user_id") or ""))

    # ------------------------------------------------------------------ change events

    @property
    def pubsub(self) -> PubSub:
        """The Pub/Sub API, once it was started."""
        if self._pubsub is None:
            raise UsageError("Change events are not served yet: POST /control/changes/start.", reason="not_started")
        return self._pubsub

    def start_pubsub(self, host: str, port: int) -> str:
        """Keep change events from now on and serve them over gRPC; gives `host:port`."""
        try:
            from connector.sandbox.salesforce.changes.server import PubSub
        except ImportError as error:
            raise UsageError(
                f"Change events need the extra `cdc` ({error.name} is missing): pip install 'tasuki[cdc]'.",
                reason="extra_missing",
            ) from error
        if self._pubsub is not None:
            raise UsageError("Change events are served already.", reason="started_already")
        self._pubsub = PubSub(self.org, self.sessions)
        return self._pubsub.start(host, port)

    def close(self) -> None:
        """Stop timers, messages and change events."""
        self.carrier.close()
        self.outbound.close()
        if self._pubsub is not None:
            self._pubsub.close()


def _client(call: Call) -> str:
    """The app as Call Options name it; Composite and Collections are not listed among what takes them."""
    options = (part.strip().partition("=") for part in call.header("sforce-call-options").split(","))
    named = next((value for name, _, value in options if name.lower() == "client"), "")
    return "" if "/composite" in call.path else named


def _parse(route: Route, call: Call) -> None:
    if not route.json_body or not call.raw_body:
        return
    try:
        call.body = orjson.loads(call.raw_body)
    except orjson.JSONDecodeError as error:
        message = f"Unexpected character at [line:{error.lineno}, column:{error.colno}]"
        raise refusal(400, "JSON_PARSER_ERROR", message) from error


def _as_outcome(reply: Reply) -> Outcome:
    if reply.body is None:
        return Outcome(status=reply.status, headers=dict(reply.headers))
    body = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
    return Outcome(status=reply.status, body=body, headers={"Content-Type": reply.content_type, **reply.headers})

"""One call from bytes to bytes: token, limits, faults, latency, handler, counters. No sockets."""

from __future__ import annotations

from functools import partial
from urllib.parse import parse_qs, unquote

import orjson

from connector.sandbox import oauth, people, webhooks_api
from connector.sandbox.carrier import Carrier
from connector.sandbox.exchange import Outcome, Request
from connector.sandbox.fault_replies import status_reply
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.limits import Limits
from connector.sandbox.oauth import Tokens
from connector.sandbox.object_types import object_type
from connector.sandbox.portal import Portal
from connector.sandbox.routes import CRM_ROUTES, Route, Router, folded, kind_of, route
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.wire import Actor, ApiRefusalError, Call, Reply, correlation_id, refusal

NOBODY = Actor(source="API", source_id="anonymous", label="anonymous")


class SandboxService:
    """The HubSpot side of the sandbox."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.portal = Portal(settings)
        self.settings = self.portal.settings
        self.tokens = Tokens(seed=self.settings.seed)
        self.limits = Limits(self.settings, self.portal.clock)
        self.faults = Faults(self.settings.seed)
        self.carrier = Carrier(self.portal.lock, lambda: self.settings.latency_ms / 1000)
        self.router = Router((*CRM_ROUTES, *self._own_routes()))

    def _own_routes(self) -> tuple[Route, ...]:
        portal, tokens = self.portal, self.tokens
        token = partial(oauth.token_endpoint, portal, tokens)
        look = partial(oauth.introspect, portal, tokens)
        revoke = partial(oauth.revoke, tokens)
        dated = "/oauth/(?:v3|2026-03)"
        hooks = "/webhooks/v3/{}"
        return (
            route("POST", "/oauth/(?:v1|v3|2026-03)/token", token, "oauth.token", public=True, json_body=False),
            route("POST", f"{dated}(?:/token)?/introspect", look, "oauth.introspect", public=True, json_body=False),
            route("POST", f"{dated}(?:/token)?/revoke", revoke, "oauth.revoke", public=True, json_body=False),
            route("DELETE", "/oauth/v1/refresh-tokens/{}", revoke, "oauth.revoke", public=True),
            route(
                "GET",
                "/oauth/v1/access-tokens/{}",
                partial(oauth.access_token_info, portal, tokens),
                "oauth.access_token",
                public=True,
            ),
            route("GET", "/oauth/authorize", partial(oauth.authorize, tokens), "oauth.authorize", public=True),
            route("GET", f"{hooks}/settings", webhooks_api.get_settings, "webhooks.settings"),
            route("PUT", f"{hooks}/settings", webhooks_api.put_settings, "webhooks.put_settings"),
            route("GET", f"{hooks}/subscriptions", webhooks_api.list_subscriptions, "webhooks.subscriptions"),
            route("POST", f"{hooks}/subscriptions", webhooks_api.create_subscription, "webhooks.subscribe"),
            route("DELETE", f"{hooks}/subscriptions/{{}}", webhooks_api.delete_subscription, "webhooks.unsubscribe"),
        )

    # ------------------------------------------------------------------ one call

    def handle(self, request: Request) -> Outcome:
        """Answer an API call."""
        raw_path, _, query = request.target.partition("?")
        path = folded(unquote(raw_path))
        found = self.router.match(request.method, path)
        if found is None:
            return self._unrouted(request.method, path)
        route, args = found
        kind, scope = kind_of(route, args)
        call = Call(
            portal=self.portal,
            method=request.method,
            path=path,
            raw_path=raw_path,
            kind=kind,
            args=args,
            query=parse_qs(query, keep_blank_values=True) if query else {},
            body=None,
            actor=NOBODY,
            base_url=request.base_url,
            raw_body=request.body,
            content_type=request.headers.get("content-type", ""),
            authorization=request.headers.get("authorization", ""),
        )
        headers: dict[str, str] = {}
        refused: ApiRefusalError | None = None
        struck: list[Fault] = []
        try:
            with self.portal.lock:
                try:
                    headers = self._admitted(route, call, scope)
                    _parse(route, call)
                except ApiRefusalError as error:
                    refused = error
                else:
                    struck = self.faults.strike(call) if self.faults.rules else []
            outcome = self._carried_out(route, call, struck, refused)
        except ApiRefusalError as error:
            outcome = _as_outcome(error.reply)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # what a handler cannot read (a text where a number belongs, a list where an object does) is the caller's
            outcome = _as_outcome(refusal(400, f"Invalid input: {type(error).__name__}: {error}").reply)
        outcome.headers = {**headers, **outcome.headers}
        outcome.headers.setdefault("X-HubSpot-Correlation-Id", _correlation(outcome))
        with self.portal.lock:
            self.portal.ledger.count(call.kind, call.records, 0 if outcome.cut else outcome.status)
        return outcome

    def _unrouted(self, method: str, path: str) -> Outcome:
        known = self.router.methods(path)
        status = 405 if known else 404
        with self.portal.lock:
            self.portal.ledger.count("unknown", 0, status)
        message = f"{method} is not allowed here" if known else f"No endpoint at {path}"
        return _as_outcome(refusal(status, message, "INVALID_REQUEST" if known else "OBJECT_NOT_FOUND").reply)

    def _admitted(self, route: Route, call: Call, scope: str) -> dict[str, str]:
        """Token, scope and limits; gives the rate headers."""
        if route.public:
            return {}
        portal = self.portal
        token = oauth.authenticate(self.tokens, call.authorization, portal.now())
        call.actor = Actor(
            source="INTEGRATION",
            source_id=str(self.settings.app_id),
            label=token.app,
        )
        if self.settings.enforce_scopes:
            oauth.check_scope(token, scope)
        return self.limits.check(token.app, route.group)

    # ------------------------------------------------------------------ faults

    def _carried_out(self, route: Route, call: Call, struck: list[Fault], refused: ApiRefusalError | None) -> Outcome:
        def work() -> Outcome:
            if refused is not None:
                raise refused
            return _as_outcome(self._applied(route, call, struck))

        def answer(rule: Fault) -> Outcome:
            return _as_outcome(status_reply(rule, self.settings.app_id))

        return self.carrier.carry_out(work, [] if refused is not None else struck, answer=answer)

    def _applied(self, route: Route, call: Call, struck: list[Fault]) -> Reply:
        """Run the handler, with what faults do around it."""
        with self.portal.lock:
            for rule in struck:
                if rule.effect == "revoke":
                    self.tokens.revoke_all()
                    oauth.authenticate(self.tokens, call.authorization, self.portal.now())
                if rule.effect == "edit" and rule.when == "before":
                    self._edit(rule, call)
            ignored = [rule for rule in struck if rule.effect == "ignore"]
            if ignored:
                return _ignoring(route, call, ignored)
            cut_rows = 0
            for rule in struck:
                if rule.effect == "partial":
                    cut_rows += rule.rows
            reply = _with_failed_rows(route, call, cut_rows) if cut_rows else route.handler(call)
            for rule in struck:
                if rule.effect == "edit" and rule.when == "after":
                    self._edit(rule, call)
            return reply

    def _edit(self, rule: Fault, call: Call) -> None:
        """The person's edit; without a record to edit (it is gone, or the call names none) nothing happens."""
        given = rule.edit
        named = call.named()
        record_id = str(given.get("id") or (named[0] if named else ""))
        type_name = str(given.get("type") or call.kind.partition(".")[0])
        if self.portal.find_by(object_type(type_name), "", record_id) is None:
            return
        people.edit(
            self.portal,
            type_name,
            record_id,
            given.get("properties") or {},
            str(given.get("owner_id") or ""),
            str(given.get("source") or "CRM_UI"),
        )

    def close(self) -> None:
        """Stop timers and webhooks."""
        self.carrier.close()
        self.portal.webhooks.sender.close()


def _parse(route: Route, call: Call) -> None:
    if not route.json_body or not call.raw_body:
        return
    try:
        call.body = orjson.loads(call.raw_body)
    except orjson.JSONDecodeError as error:
        raise refusal(400, f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}") from error


def _ignoring(route: Route, call: Call, rules: list[Fault]) -> Reply:
    """Accept everything and leave some properties as they were; the answer tells the truth about them or not."""
    names = {name for rule in rules for name in rule.properties}
    boasts = any(rule.boast for rule in rules)
    inputs = call.body.get("inputs", []) if isinstance(call.body, dict) else []
    left_out = {
        str(one.get("id")): {name: value for name, value in one.get("properties", {}).items() if name in names}
        for one in inputs
    }
    kept = [
        {**one, "properties": {name: value for name, value in one.get("properties", {}).items() if name not in names}}
        for one in inputs
    ]
    call.body = {**call.body, "inputs": kept}
    reply = route.handler(call)
    for row in reply.body.get("results", []) if isinstance(reply.body, dict) else []:
        record = call.portal.find_by(object_type(call.args[0]), "", row["id"])
        for name, value in left_out.get(row["id"], {}).items():
            row["properties"][name] = value if boasts or record is None else record.props.get(name)
    return reply


def _with_failed_rows(route: Route, call: Call, rows: int) -> Reply:
    """Leave the last rows out and report them as failed in a 207."""
    inputs = call.body.get("inputs", []) if isinstance(call.body, dict) else []
    failed = inputs[len(inputs) - rows :] if rows < len(inputs) else list(inputs)
    call.body = {**call.body, "inputs": inputs[: len(inputs) - len(failed)]}
    reply = route.handler(call)
    call.records = len(inputs)
    body = reply.body if isinstance(reply.body, dict) else {"status": "COMPLETE", "results": []}
    errors = list(body.get("errors") or [])
    for one in failed:
        context = {"ids": [str(one["id"])]} if "id" in one else {}
        if "objectWriteTraceId" in one:
            context["objectWriteTraceId"] = [str(one["objectWriteTraceId"])]
        errors.append(
            {
                "status": "error",
                "category": "INTERNAL_ERROR",
                "message": "There was an internal error while processing this input",
                "context": context,
            }
        )
    return Reply(status=207, body={**body, "numErrors": len(errors), "errors": errors})


def _as_outcome(reply: Reply) -> Outcome:
    if reply.body is None:
        return Outcome(status=reply.status, headers=dict(reply.headers))
    body = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
    return Outcome(status=reply.status, body=body, headers={"Content-Type": reply.content_type, **reply.headers})


def _correlation(outcome: Outcome) -> str:
    """The body's own id when it has one, so that header and body agree."""
    if outcome.status >= 400 and outcome.body.startswith(b'{"status"'):
        found = orjson.loads(outcome.body).get("correlationId") if outcome.claimed_length is None else None
        if isinstance(found, str):
            return found
    return correlation_id()

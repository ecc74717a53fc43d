"""Composite: up to 25 subrequests in one call, in order, each with headers of its own and references to earlier ones.

A subrequest inherits nothing but Accept, Authorization and Content-Type: a safety header at the top does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.salesforce.rows import body_object
from connector.sandbox.salesforce.transaction import all_or_none
from connector.sandbox.salesforce.wire import Call, Json, Reply, refusal

MOST = 25
MOST_HEAVY = 5
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[\d+\])*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_HEAVY = re.compile(r"/(query|queryAll|composite/sobjects)(/|\?|$)")
_INHERITED = ("accept", "authorization", "content-type")

#: (method, url, headers, body) -> reply, of one subrequest
Ask = Callable[[str, str, Mapping[str, str], Any], Reply]


def composite(call: Call, ask: Ask) -> Reply:
    """POST /composite"""
    body = body_object(call.body)
    wanted = body.get("compositeRequest")
    if not isinstance(wanted, list) or not wanted:
        raise refusal(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [compositeRequest]")
    if len(wanted) > MOST:
        raise refusal(400, "LIMIT_EXCEEDED", f"Limit reached. Composite can have no more than {MOST} subrequests")
    if sum(1 for one in wanted if _HEAVY.search(str(one.get("url")))) > MOST_HEAVY:
        raise refusal(400, "LIMIT_EXCEEDED", f"Only {MOST_HEAVY} query and sObject Collections operations are allowed")
    for one in wanted:
        if any(name.lower() in _INHERITED for name in one.get("httpHeaders") or {}):
            raise refusal(400, "INVALID_HEADER", "Subrequests inherit Accept, Authorization and Content-Type")
    if body.get("allOrNone") is not True:
        return Reply(body={"compositeResponse": _run(wanted, ask)})
    with all_or_none(call.org) as undo:
        results = _run(wanted, ask)
        if any(int(one["httpStatusCode"]) >= 400 for one in results):
            undo()
            results = [one if int(one["httpStatusCode"]) >= 400 else _halted(one) for one in results]
    return Reply(body={"compositeResponse": results})


def _run(wanted: list[Json], ask: Ask) -> list[Json]:
    done: dict[str, Any] = {}
    results: list[Json] = []
    for one in wanted:
        reference = str(one.get("referenceId") or "")
        try:
            url = _resolved(str(one.get("url")), done)
            body = _resolved(one.get("body"), done)
        except LookupError as error:
            reply = refusal(400, "PROCESSING_HALTED", f"Invalid reference specified: {error}").reply
        else:
            reply = ask(str(one.get("method")), url, one.get("httpHeaders") or {}, body)
            if reply.status < 400:
                done[reference] = reply.body
        results.append(
            {
                "body": reply.body,
                "httpHeaders": dict(reply.headers),
                "httpStatusCode": reply.status,
                "referenceId": reference,
            }
        )
    return results


def _halted(result: Json) -> Json:
    message = "The transaction was rolled back since another operation in the same transaction failed."
    body = [{"errorCode": "PROCESSING_HALTED", "message": message}]
    return {**result, "body": body, "httpHeaders": {}, "httpStatusCode": 400}


def _resolved(value: Any, done: Mapping[str, Any]) -> Any:
    """References replaced; LookupError for one to a subrequest that failed or does not exist."""
    if isinstance(value, dict):
        return {name: _resolved(one, done) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, done) for one in value]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda match: str(_followed(done[match[1]], match[2])), value)


def _followed(value: Any, steps: str) -> Any:
    for name, index in _STEP.findall(steps):
        value = value[int(index)] if index else value[name]
    return value

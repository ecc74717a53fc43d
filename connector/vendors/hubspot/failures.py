"""What HubSpot's answers mean for us: which error class, for how long, and which property or record is at fault.

Every member of HubSpot's error bodies is optional; a 404 can be HTML; a 429 has two shapes. Sources: HubSpot's
"Handling errors" page and recorded exchanges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector.errors import AuthError, QuotaError, RetryableError, TasukiError, UncertainError
from connector.texts import say
from connector.vendors.http import Answer
from connector.vendors.refusal import RefusedError

LOCKED_SECONDS: Final = 2.0
SEARCH_PAUSE_SECONDS: Final = 1.0
BURST_PAUSE_SECONDS: Final = 10.0
DAY_PAUSE_SECONDS: Final = 3_600.0
OUTAGE_PAUSE_SECONDS: Final = 2.0
MIGRATION_PAUSE_SECONDS: Final = 600.0
LONGEST_PAUSE_SECONDS: Final = 86_400.0

_LOCKED, _MIGRATING, _TOO_MANY = 423, 477, 429
_EXISTING_ID = re.compile(r"Existing ID:\s*(\d+)|(\d+) already has that value")
_PROPERTY_IN_PROSE = (
    re.compile(r'Property \\?"([a-z0-9_]+)\\?" does not exist'),
    re.compile(r'"name":\s*"([a-z0-9_]+)"'),
    re.compile(r'[Pp]roperty \\?"?([a-z0-9_]+)\\?"?'),
)
_OBJECT_MISSING = ("OBJECT_NOT_FOUND", "NOT_FOUND")

#: HubSpot's code, category or words → our machine reason, first match wins.
_REASONS: Final = (
    ("INVALID_OWNER", "invalid_owner"),
    ("PROPERTY_DOESNT_EXIST", "unknown_property"),
    ("associated objects do not exist", "association_missing"),
    ("does not exist", "unknown_property"),
    ("INVALID_OPTION", "invalid_option"),
    ("was not one of the allowed options", "invalid_option"),
    ("READ_ONLY_VALUE", "read_only"),
    ("read only", "read_only"),
    ("READ_ONLY", "read_only"),
    ("INVALID_EMAIL", "invalid_email"),
    ("INVALID_STRING_LENGTH", "too_long"),
    ("CONFLICT", "conflict"),
    ("already has that value", "conflict"),
    ("REQUIRED", "required_missing"),
    ("TOO_LONG", "too_long"),
    ("INVALID_", "invalid_value"),
)


def failure(answer: Answer, *, repeatable: bool) -> TasukiError:
    """The error for an answer outside 2xx. `repeatable` is False for creates: a 5xx may hide one that was applied."""
    body = error_body(answer)
    status = answer.status
    if status == _TOO_MANY:
        return _over_limit(answer, body)
    if status in (401, 403):
        return _unauthorised(status, body)
    if status == _LOCKED:
        seconds = max(LOCKED_SECONDS, retry_after(answer) or 0.0)
        return RetryableError("The record is locked in HubSpot.", reason="locked", retry_after_seconds=seconds)
    if status == _MIGRATING:
        seconds = retry_after(answer) or MIGRATION_PAUSE_SECONDS
        return RetryableError("HubSpot is moving this account.", reason="migrating", retry_after_seconds=seconds)
    if status >= 500:
        if not repeatable:
            return UncertainError("HubSpot failed while it was creating.", reason=f"http_{status}")
        seconds = retry_after(answer) or OUTAGE_PAUSE_SECONDS
        return RetryableError(say("HubSpot is out of order."), reason=f"http_{status}", retry_after_seconds=seconds)
    if 300 <= status < 400:
        return RetryableError("HubSpot answered with a redirect, which is never followed.", reason="redirected")
    return refused(status, body)


def error_body(answer: Answer) -> Mapping[str, Any]:
    """The error as JSON; empty when it is HTML, truncated or absent."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def refused(status: int, body: Mapping[str, Any]) -> RefusedError:
    """A refusal of values (one error body, of a call or of an item in a 207)."""
    message = str(body.get("message") or "")
    existing = _EXISTING_ID.search(message)
    reason = "not_found" if status == 404 or is_missing(body) else _reason(status, body, message)
    name = _property_at_fault(body, message)
    shown = f" (property {name})" if name else ""
    return RefusedError(
        f"HubSpot refuses the values: {reason.replace('_', ' ')}{shown}.",
        reason=reason,
        status=status,
        property_name=name,
        existing_id=(existing.group(1) or existing.group(2)) if existing else None,
    )


def is_missing(body: Mapping[str, Any]) -> bool:
    """True when an item of a 207 says that the record does not exist."""
    return body.get("category") in _OBJECT_MISSING


def context_ids(body: Mapping[str, Any], *names: str) -> list[str]:
    """The ids under these names in an error's context, in either spelling (a text or a list)."""
    context = body.get("context")
    found: list[str] = []
    if isinstance(context, Mapping):
        for name in names:
            value = context.get(name)
            found += [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []
    return found


def retry_after(answer: Answer) -> float | None:
    """`Retry-After` in seconds, bounded; None when it is absent or odd."""
    text = answer.headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text[:9]), LONGEST_PAUSE_SECONDS)


def _over_limit(answer: Answer, body: Mapping[str, Any]) -> QuotaError:
    """429 in both shapes: `policyName` (DAILY, TEN_SECONDLY_ROLLING), or only prose ("secondly limit")."""
    policy = str(body.get("policyName") or "")
    message = str(body.get("message") or "").lower()
    if policy == "DAILY" or "daily" in message:
        kind, seconds = "day", DAY_PAUSE_SECONDS
    elif policy.startswith("TEN_SECONDLY") or "ten_secondly" in message:
        kind, seconds = "burst", _window_seconds(answer)
    else:
        kind, seconds = "second", SEARCH_PAUSE_SECONDS
    seconds = retry_after(answer) or seconds
    return QuotaError(
        "HubSpot's limit is used up; calls wait until its window turns.",
        reason=f"limit_{kind}",
        retry_after_seconds=seconds,
    )


def _window_seconds(answer: Answer) -> float:
    """The window's length from its header: within it, the oldest requests fall out one by one, so a part is enough."""
    text = answer.headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
    window = int(text) / 1000 if text.isascii() and text.isdigit() else BURST_PAUSE_SECONDS
    return min(window, BURST_PAUSE_SECONDS) / 10


def _unauthorised(status: int, body: Mapping[str, Any]) -> AuthError:
    category = str(body.get("category") or "")
    if status == 401:
        return AuthError(say("HubSpot refuses the access token; connect the account again."), reason="token_refused")
    if category == "MISSING_SCOPES":
        return AuthError(
            say("The app lacks a scope; compare its scopes with docs/hubspot.md and connect again."),
            reason="missing_scopes",
        )
    return AuthError(
        say("HubSpot forbids this call to our app; check its scopes and the user's rights."), reason="forbidden"
    )


def _reason(status: int, body: Mapping[str, Any], message: str) -> str:
    codes = [str(error.get("code") or error.get("subCategory") or "") for error in _errors(body)]
    texts = [str(error.get("message") or "") for error in _errors(body)]
    said = " ".join([*codes, str(body.get("category") or ""), str(body.get("subCategory") or ""), message, *texts])
    if status == 409:
        return "conflict"
    found = next((reason for words, reason in _REASONS if words in said), None)
    return found or f"http_{status}"


def _property_at_fault(body: Mapping[str, Any], message: str) -> str | None:
    for error in (*_errors(body), body):
        names = context_ids(error, "propertyName", "properties", "name")
        if names:
            return names[0]
    for error in _errors(body):
        inside = error.get("in")
        if isinstance(inside, str) and inside:
            return inside.rpartition(".")[2]
    for pattern in _PROPERTY_IN_PROSE:
        match = pattern.search(message)
        if match:
            return match.group(1)
    return None


def _errors(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    errors = body.get("errors")
    if isinstance(errors, list):
        yield from (error for error in errors if isinstance(error, Mapping))

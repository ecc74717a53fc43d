"""What Salesforce's refusals mean for us: which error class, for how long, and which field or record is at fault.

An error body is a list of `{message, errorCode, fields}`; in Collections the word is `statusCode`, and all of it stands
under HTTP 200. Pages of HTML come from gateways. Sources: the REST guide's status codes and recorded exchanges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from connector.errors import AuthError, QuotaError, RetryableError, TasukiError, UncertainError
from connector.texts import say
from connector.vendors.refusal import RefusedError

CONCURRENT_PAUSE_SECONDS: Final = 2.0
DAY_PAUSE_SECONDS: Final = 900.0
"""The day is a rolling one: a part of it comes back every minute."""
OUTAGE_PAUSE_SECONDS: Final = 2.0
LOCKED_SECONDS: Final = 2.0

#: Codes after which the same row may go through.
PASSING: Final = (
    "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED", "OPERATION_TOO_LARGE", "TXN_SECURITY_METERING_ERROR",
)  # fmt: skip
GONE: Final = ("ENTITY_IS_DELETED", "NOT_FOUND")

#: Salesforce's code → our machine reason.
_REASONS: Final[Mapping[str, str]] = {
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "invalid_option",
    "INVALID_FIELD": "unknown_property",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "read_only",
    "DUPLICATE_VALUE": "conflict",
    "DUPLICATES_DETECTED": "duplicate_rule",
    "STRING_TOO_LONG": "too_long",
    "INVALID_EMAIL_ADDRESS": "invalid_email",
    "REQUIRED_FIELD_MISSING": "required_missing",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "validation_rule",
    "CANNOT_UPDATE_CONVERTED_LEAD": "converted",
    "INACTIVE_OWNER_OR_USER": "invalid_owner",
    "INVALID_CROSS_REFERENCE_KEY": "association_missing",
    "FIELD_INTEGRITY_EXCEPTION": "invalid_value",
    "JSON_PARSER_ERROR": "invalid_value",
    "NUMBER_OUTSIDE_VALID_RANGE": "invalid_value",
    "MALFORMED_ID": "invalid_value",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "forbidden",
    "INSUFFICIENT_ACCESS_OR_READONLY": "forbidden",
    "ENTITY_IS_LOCKED": "approval_lock",
}
_BY_STATUS: Final[Mapping[int, str]] = {300: "ambiguous"}
_COLUMN = re.compile(r"No such column '([A-Za-z0-9_.]+)'")
_RECORD = re.compile(r"record with id: ([A-Za-z0-9]{15,18})")
_LONGEST_TOLD = 200


def is_known(code: str) -> bool:
    """True for a code whose meaning for a row is known here."""
    return code in _REASONS or code in PASSING or code in GONE


def failure(status: int, content: Any, *, repeatable: bool) -> TasukiError:
    """The error for an answer outside 2xx. `repeatable` is False for creates: a 5xx may hide one that was applied."""
    problem = _first(content)
    code = str(problem.get("errorCode") or "")
    if status == 401:
        return AuthError(say("Salesforce refuses the session; connect the org again."), reason="token_refused")
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _over_limit(str(problem.get("message") or ""))
    if status >= 500:
        if not repeatable:
            return UncertainError("Salesforce failed while it was writing.", reason=f"http_{status}")
        return RetryableError(
            say("Salesforce is out of order."), reason=f"http_{status}", retry_after_seconds=OUTAGE_PAUSE_SECONDS
        )
    if code in PASSING:
        return RetryableError(
            say("Salesforce asks for another attempt ({code}).", code=code),
            reason=code.lower(),
            retry_after_seconds=LOCKED_SECONDS,
        )
    if status == 403:
        return AuthError(
            say(
                "Salesforce forbids this call ({code}); check the integration user's permissions with "
                "docs/salesforce.md.",
                code=code or status,
            ),
            reason="forbidden",
        )
    if 300 < status < 400:
        return RetryableError(say("Salesforce answered with a redirect, which is never followed."), reason="redirected")
    return refused(status, [problem])


def refused(status: int, problems: Sequence[Mapping[str, Any]]) -> RefusedError:
    """A refusal of values: of a call, or of one row (its `errors`)."""
    problem = problems[0] if problems else {}
    code = str(problem.get("errorCode") or problem.get("statusCode") or "")
    message = str(problem.get("message") or "")
    names = [str(name) for name in problem.get("fields") or ()]
    column, existing = _COLUMN.search(message), _RECORD.search(message)
    name = column[1] if column else names[0] if names else None
    if code in GONE or (code == "INVALID_CROSS_REFERENCE_KEY" and not names and status == 200):
        status, reason = 404, "not_found"
    elif status in _BY_STATUS:
        reason = _BY_STATUS[status]
    else:
        reason = _REASONS.get(code, code.lower() or f"http_{status}")
    shown = f" (field {name})" if name else ""
    # the words of a validation rule are the admin's own, and what a person needs to mend the record
    said = f": {message[:_LONGEST_TOLD]}" if code == "FIELD_CUSTOM_VALIDATION_EXCEPTION" else ""
    return RefusedError(
        say("Salesforce refuses the values: {why}.", why=f"{reason.replace('_', ' ')}{shown}{said}"),
        reason=reason,
        status=status,
        property_name=name,
        existing_id=existing[1] if existing else None,
    )


def body_of(content: Any) -> Any:
    """An error's body, whatever the library made of it; None when it is no JSON (a gateway's page)."""
    if isinstance(content, bytes | str):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            return None
    return content


def _first(content: Any) -> Mapping[str, Any]:
    body = body_of(content)
    found = body[0] if isinstance(body, list) and body else body
    return found if isinstance(found, Mapping) else {}


def _over_limit(message: str) -> QuotaError:
    """One code for two limits: requests at once, and the rolling day."""
    concurrent = "Concurrent" in message
    return QuotaError(
        say("Salesforce's limit is used up; calls wait until some of it comes back."),
        reason="limit_concurrent" if concurrent else "limit_day",
        retry_after_seconds=CONCURRENT_PAUSE_SECONDS if concurrent else DAY_PAUSE_SECONDS,
    )

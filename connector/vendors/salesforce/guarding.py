"""Few rows at once go one by one, each only if nobody has saved it since it was looked at. Pure.

sObject Rows takes `If-Unmodified-Since`, and a Composite call hands its subrequests any header that their resource
takes; Collections knows no such thing. So a call of at most `MOST` rows holds one guarded write a row, and what
somebody saves between the call's look and its write refuses that write (412) instead of being lost under it. The dates
of HTTP and the org's own are whole seconds: an edit in the very second of the change that we knew last still passes.
Source: REST guide, "Conditional Request Headers" and "Composite Request Body".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from connector.errors import AuthError, RetryableError
from connector.vendors.base import Update, WriteResult
from connector.vendors.salesforce.failures import is_known

MOST: Final = 10
"""Each row is a transaction of its own in the org: more of them would make the call slow."""
TRIES: Final = 3
"""Guarded attempts at a row that people keep saving, before it is written as many rows are."""
HEADER: Final = "If-Unmodified-Since"
CHANGED: Final = "changed_meanwhile"
UNKNOWN: Final = "guard_not_understood"


NOT_UNDERSTOOD: Final[Mapping[str, Any]] = {"success": False, "errors": [{"statusCode": UNKNOWN}]}
"""The result of a row whose guarded write was refused for a reason that is not the row's."""

#: One result a row, and since when the rows stand as the look after the writes showed them.
Told = tuple[Sequence[WriteResult], Mapping[str, datetime]]


def tried(updates: Sequence[Update], attempt: Callable[[Sequence[Update]], Told]) -> dict[str, WriteResult]:
    """What became of the rows, by id, where they may go one by one: few, each once, each with a known last change.

    A row that somebody saved meanwhile is tried again on what then stood. Without a result are those that people save
    again and again. Raises what the first attempt raises.
    """
    told: dict[str, WriteResult] = {}
    few = len({one.id for one in updates}) == len(updates) <= MOST
    left = list(updates) if few and all(one.known_at is not None for one in updates) else []
    for number in range(TRIES):
        if not left:
            break
        try:
            results, stands = attempt(left)
        except (RetryableError, AuthError):
            if number == 0:
                raise
            break
        told |= {one.id: one for one in results if one.reason not in (CHANGED, UNKNOWN)}
        again = {one.id for one in results if one.reason == CHANGED} & stands.keys()
        left = [replace(one, known_at=stands[one.id]) for one in left if one.id in again]
    return told


def writes(
    address: str, updates: Sequence[Update], values: Sequence[Mapping[str, Any]], safety: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One subrequest a row; `address` is the object's."""
    return [
        {
            "method": "PATCH",
            "url": f"{address}/{update.id}",
            "referenceId": reference(number),
            "httpHeaders": {**safety, HEADER: _http_date(update.known_at)},
            "body": given,
        }
        for number, (update, given) in enumerate(zip(updates, values, strict=True))
        if update.known_at is not None
    ]


def reference(number: int) -> str:
    """What the answer calls the row of this number."""
    return f"write{number}"


def result_of(record_id: str, part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A row's part as Collections would have answered it; None: nothing is said of it."""
    if part is None:
        return None
    status, body = int(part.get("httpStatusCode") or 500), part.get("body")
    if status < 300:
        return {"id": record_id, "success": True, "errors": []}
    problems = [one for one in body if isinstance(one, Mapping)] if isinstance(body, list) else []
    code = str(problems[0].get("errorCode")) if problems else ""
    if status == 412:
        code = CHANGED
    elif not is_known(code):
        code = UNKNOWN
    first = {**(problems[0] if problems else {}), "errorCode": code, "statusCode": code}
    return {"success": False, "errors": [first, *problems[1:]]}


def _http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)

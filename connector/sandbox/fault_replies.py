"""What HubSpot answers in the place of the work, where a `status` fault strikes."""

from __future__ import annotations

from typing import Any

from connector.sandbox.faults import Fault
from connector.sandbox.limits import policy_reply, secondly_reply
from connector.sandbox.wire import Reply, correlation_id


def status_reply(rule: Fault, app_id: int) -> Reply:
    """The answer of a `status` fault, in the form HubSpot gives that status."""
    if rule.status == 429:
        reply = secondly_reply() if rule.policy == "secondly" else policy_reply(rule.policy, app_id)
    else:
        body: dict[str, Any] = {
            "status": "error",
            "message": _MESSAGES.get(rule.status, "internal error"),
            "correlationId": correlation_id(),
        }
        if rule.status in _CATEGORIES:
            body["category"] = _CATEGORIES[rule.status]
        reply = Reply(status=rule.status, body=body)
    if rule.status in (502, 503, 504):
        page = f"<html><head><title>{rule.status}</title></head><body><h1>{rule.status}</h1></body></html>"
        reply = Reply(status=rule.status, body=page.encode(), content_type="text/html")
    if rule.retry_after:
        reply.headers["Retry-After"] = rule.retry_after
    return reply


_MESSAGES = {
    401: "Authentication credentials not found.",
    403: "You do not have permissions to make this call.",
    423: "The resource is locked by another request; try again in 2 seconds.",
    477: "This HubSpot account is being migrated between data hosting locations.",
}
_CATEGORIES = {401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 423: "LOCKED", 477: "MIGRATION_IN_PROGRESS"}

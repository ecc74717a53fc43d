"""What Salesforce answers in the place of the work, where a `status` fault strikes."""

from __future__ import annotations

from connector.sandbox.faults import Fault
from connector.sandbox.salesforce.wire import Reply, refusal

#: the usual code and message of a status
_USUAL = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support"),
    503: ("SERVER_UNAVAILABLE", "The server is temporarily unable to process the request"),
}
_MESSAGES = {
    "CONCURRENT": ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    "QUERY_TIMEOUT": ("QUERY_TIMEOUT", "Your query request was running for too long."),
    "API_DISABLED": ("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"),
}


def status_reply(rule: Fault) -> Reply:
    """`code` chooses among the words of a status; 502 and 504 are a gateway's page of HTML."""
    if rule.status in (502, 504):
        page = f"<html><head><title>{rule.status}</title></head><body>Down for Maintenance</body></html>"
        return Reply(status=rule.status, body=page.encode(), content_type="text/html")
    code, message = _MESSAGES.get(rule.code) or _USUAL.get(rule.status) or ("UNKNOWN_EXCEPTION", "a fault")
    if rule.code and rule.code not in _MESSAGES:
        code = rule.code
    reply = refusal(rule.status, code, message).reply
    if rule.retry_after:
        reply.headers["Retry-After"] = rule.retry_after
    return reply

"""HubSpot's own webhooks API of an app: settings and subscriptions (`/webhooks/v3/{appId}`)."""

from __future__ import annotations

from connector.errors import UsageError
from connector.sandbox.inputs import body_object
from connector.sandbox.wire import Call, Json, Reply, refusal


def _settings(call: Call) -> Json:
    found = call.portal.webhooks.settings
    return {
        "targetUrl": found.target_url,
        "throttling": {"period": "SECONDLY", "maxConcurrentRequests": found.concurrency},
    }


def get_settings(call: Call) -> Reply:
    """GET /webhooks/v3/{appId}/settings"""
    return Reply(body=_settings(call))


def put_settings(call: Call) -> Reply:
    """PUT /webhooks/v3/{appId}/settings {targetUrl, throttling: {maxConcurrentRequests}}"""
    given = body_object(call.body)
    concurrency = int((given.get("throttling") or {}).get("maxConcurrentRequests") or 10)
    if concurrency <= 5:
        raise refusal(400, "maxConcurrentRequests must be greater than 5")
    call.portal.webhooks.settings.update({"target_url": str(given.get("targetUrl") or ""), "concurrency": concurrency})
    return Reply(body=_settings(call))


def list_subscriptions(call: Call) -> Reply:
    """GET /webhooks/v3/{appId}/subscriptions"""
    return Reply(body={"results": [one.as_json() for one in call.portal.webhooks.subscriptions.values()]})


def create_subscription(call: Call) -> Reply:
    """POST /webhooks/v3/{appId}/subscriptions {eventType, propertyName, objectTypeId, active}"""
    given = body_object(call.body)
    try:
        made = call.portal.webhooks.subscribe(
            str(given.get("eventType") or ""),
            str(given.get("propertyName") or ""),
            str(given.get("objectTypeId") or ""),
        )
    except UsageError as error:
        raise refusal(400, error.message) from error
    made.active = bool(given.get("active", True))
    return Reply(status=201, body=made.as_json())


def delete_subscription(call: Call) -> Reply:
    """DELETE /webhooks/v3/{appId}/subscriptions/{id}"""
    if call.args[1].isdigit():
        call.portal.webhooks.unsubscribe(int(call.args[1]))
    return Reply(status=204)

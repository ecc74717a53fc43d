"""The routes that take deliveries in: prove the sender on the raw bytes, store as it came, acknowledge.

Nothing here looks into a body. Status codes are retry policy: 2xx only when the delivery is on disk, 503 when the
database cannot take it (HubSpot tries again for a day), 401 without a word for whoever proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Blueprint, Response, abort, current_app, request

from connector.errors import InboundError, RetryableError
from connector.store.inbox import Delivery
from connector.vendors.hubspot.inbound import SignatureVersion
from connector.vendors.hubspot.inbound import is_bulk as is_bulk_hubspot
from connector.vendors.hubspot.inbound import verify as verify_hubspot
from connector.vendors.hubspot.signature import SIGNATURE_HEADERS
from connector.vendors.salesforce import inbound as outbound_message
from connector.vendors.signed import SIGNATURE_HEADERS as SIGNED_HEADERS
from connector.vendors.signed import verify as verify_signed
from webhooks.services import Services

receivers = Blueprint("receivers", __name__)

_CONTENT_TYPE_LENGTH = 100
_HINT_LENGTH = 20


@receivers.post("/webhooks/hubspot")
def hubspot() -> Response:
    """HubSpot's webhook subscriptions."""
    return _take(
        "hubspot",
        lambda body: _hubspot_version(body, _services().settings.hubspot_versions),
        is_bulk=is_bulk_hubspot,
    )


@receivers.post("/webhooks/hubspot/workflow")
def hubspot_workflow() -> Response:
    """The "Send a webhook" action of a HubSpot workflow; `?account=<portal id>` says which portal (it is signed)."""
    account = request.args.get("account", "")
    hint = account if account.isascii() and account.isdigit() and len(account) <= _HINT_LENGTH else None
    return _take(
        "hubspot_workflow",
        lambda body: _hubspot_version(body, _services().settings.workflow_versions),
        hint=hint,
    )


@receivers.post("/webhooks/forms/<source>")
def website_form(source: str) -> Response:
    """The company's own website."""
    services = _services()
    secrets = services.settings.form_secrets.get(source)
    if secrets is None:
        abort(404)

    def prove(body: bytes) -> str:
        verify_signed(_headers(SIGNED_HEADERS), body, secrets=secrets, now=services.clock())
        return "hmac"

    return _take(f"form:{source}", prove)


@receivers.post("/webhooks/salesforce/<connection>/<secret>")
def salesforce(connection: str, secret: str) -> Response:
    """An org's outbound messages. Acknowledged, in the words that Salesforce reads, only once they are on disk."""
    org = _services().settings.salesforce.get(connection)
    if org is None:
        abort(404)

    def prove(body: bytes) -> str:
        if not org.may_come_from(request.remote_addr):
            raise InboundError("The message comes from elsewhere.", reason="other_address")
        outbound_message.prove(
            secret, body, secrets=org.secrets, organization_id=org.organization_id, actions=org.actions
        )
        return "secret"

    source = f"salesforce:{connection}"
    taken = _take(source, prove, hint=org.organization_id, is_bulk=outbound_message.is_bulk)
    taken.set_data(outbound_message.answer())
    taken.mimetype = "text/xml"
    return taken


@receivers.post("/webhooks/salesforce/<connection>")
def salesforce_callout(connection: str) -> Response:
    """What a flow or a trigger of the org posts, signed with one of the connection's secrets."""
    services = _services()
    org = services.settings.salesforce.get(connection)
    if org is None:
        abort(404)

    def prove(body: bytes) -> str:
        verify_signed(_headers(SIGNED_HEADERS), body, secrets=org.secrets, now=services.clock())
        return "hmac"

    return _take(f"salesforce_callout:{connection}", prove, hint=org.organization_id)


def _take(
    source: str,
    prove: Callable[[bytes], str],
    *,
    hint: str | None = None,
    is_bulk: Callable[[bytes], bool] | None = None,
) -> Response:
    """The one path of every delivery. `prove` returns the signature's version or raises `InboundError`."""
    services, began = _services(), time.perf_counter()
    counted = services.metrics.deliveries
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        counted.labels(source, "compressed").inc()
        abort(415)  # a few compressed kilobytes can hold gigabytes, and no sender of ours compresses
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= services.settings.max_body_bytes:
        counted.labels(source, "too_large").inc()
        abort(413)  # a body without a stated length is cut at the limit, silently
    try:
        version = prove(body)
        headers = {"content-type": _printable(request.headers.get("Content-Type", "")), "signature": version}
        lane = "background" if is_bulk is not None and is_bulk(body) else "hot"
        services.storage.add(Delivery(source=source, body=body, headers=headers, connection_hint=hint, lane=lane))
    except InboundError as error:
        counted.labels(source, error.reason).inc()
        abort(error.status)
    except RetryableError as error:
        counted.labels(source, error.reason).inc()
        abort(503)
    services.wake()
    counted.labels(source, "stored").inc()
    services.metrics.bytes.labels(source).inc(len(body))
    services.metrics.seconds.labels(source).observe(time.perf_counter() - began)
    return Response(status=200)


def _hubspot_version(body: bytes, allow: frozenset[SignatureVersion]) -> str:
    services = _services()
    url = services.settings.public_url + _raw_target()
    return verify_hubspot(
        _headers(SIGNATURE_HEADERS),
        request.method,
        url,
        body,
        secrets=services.settings.hubspot_secrets,
        now=services.clock(),
        allow=allow,
    ).value


def _headers(names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name in names if (value := request.headers.get(name)) is not None}


def _raw_target() -> str:
    """Path and query exactly as sent: what the sender signed, before anything decodes it."""
    target = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    if not isinstance(target, str) or not target.startswith("/"):
        raise InboundError("The request line holds no plain path.", reason="target_malformed")
    return target


def _printable(text: str) -> str:
    return "".join(letter for letter in text[:_CONTENT_TYPE_LENGTH] if letter.isascii() and letter.isprintable())


def _services() -> Services:
    services: Services = current_app.extensions["tasuki"]
    return services

"""The routes that take deliveries in: prove the sender on the raw bytes, store as it came, acknowledge.

Nothing here looks into a body. Status codes are retry policy: 2xx only when the delivery is on disk, 503 when the
database cannot take it (HubSpot tries again for a day), 401 without a word for whoever proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.wsgi import get_input_stream

from connector.errors import InboundError, RetryableError
from connector.failpoints import Place, reach
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

Environ = dict[str, Any]
"""The request as WSGI gives it: looked at directly, because this path is the one that must be quick."""

HUBSPOT_PATH = "/webhooks/hubspot"
Proof = Callable[[Environ, bytes], str]
"""Returns how a body was proven (the signature's version), or raises `InboundError`."""

_CONTENT_TYPE_LENGTH = 100
_HINT_LENGTH = 20


def _keys(headers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Each header with its name in a WSGI environment."""
    return tuple((name, "HTTP_" + name.upper().replace("-", "_")) for name in headers)


_HUBSPOT, _SIGNED = _keys(SIGNATURE_HEADERS), _keys(SIGNED_HEADERS)


@receivers.post(HUBSPOT_PATH)
def hubspot() -> Response:
    """HubSpot's webhook subscriptions."""
    return _answer(take_hubspot(_services(), request.environ))


def take_hubspot(services: Services, environ: Environ) -> int:
    """The status for a delivery of HubSpot's subscriptions; it needs nothing of Flask (see `app.Service`)."""
    prove = _of_hubspot(services, services.settings.hubspot_versions)
    return _take(services, environ, "hubspot", prove, is_bulk=is_bulk_hubspot)


@receivers.post("/webhooks/hubspot/workflow")
def hubspot_workflow() -> Response:
    """The "Send a webhook" action of a HubSpot workflow; `?account=<portal id>` says which portal (it is signed)."""
    services, account = _services(), request.args.get("account", "")
    hint = account if account.isascii() and account.isdigit() and len(account) <= _HINT_LENGTH else None
    prove = _of_hubspot(services, services.settings.workflow_versions)
    return _answer(_take(services, request.environ, "hubspot_workflow", prove, hint=hint))


@receivers.post("/webhooks/forms/<source>")
def website_form(source: str) -> Response:
    """The company's own website."""
    services = _services()
    secrets = services.settings.form_secrets.get(source)
    if secrets is None:
        abort(404)

    prove, company = _signed_by(services, secrets), services.settings.company
    return _answer(_take(services, request.environ, f"form:{source}", prove, hint=company))


@receivers.post("/webhooks/salesforce/<connection>/<secret>")
def salesforce(connection: str, secret: str) -> Response:
    """An org's outbound messages. Acknowledged, in the words that Salesforce reads, only once they are on disk."""
    services = _services()
    org = services.settings.salesforce.get(connection)
    if org is None:
        abort(404)

    def prove(environ: Environ, body: bytes) -> str:
        if not org.may_come_from(environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR", "")):
            raise InboundError("The message comes from elsewhere.", reason="other_address")
        outbound_message.prove(
            secret, body, secrets=org.secrets, organization_id=org.organization_id, actions=org.actions
        )
        return "secret"

    source, bulk = f"salesforce:{connection}", outbound_message.is_bulk
    taken = _answer(_take(services, request.environ, source, prove, hint=org.organization_id, is_bulk=bulk))
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
    prove, source = _signed_by(services, org.secrets), f"salesforce_callout:{connection}"
    return _answer(_take(services, request.environ, source, prove, hint=org.organization_id))


def _take(
    services: Services,
    environ: Environ,
    source: str,
    prove: Proof,
    *,
    hint: str | None = None,
    is_bulk: Callable[[bytes], bool] | None = None,
) -> int:
    """The one path of every delivery."""
    began, metrics = time.perf_counter(), services.metrics
    try:
        body = _body(environ, services.settings.max_body_bytes)
        version = prove(environ, body)
        headers = {"content-type": _printable(environ.get("CONTENT_TYPE", "")), "signature": version}
        lane = "background" if is_bulk is not None and is_bulk(body) else "hot"
        reach(Place.PRE_INSERT)
        services.storage.add(Delivery(source=source, body=body, headers=headers, connection_hint=hint, lane=lane))
        reach(Place.PRE_ANSWER)
    except InboundError as error:
        metrics.refused(source, error.reason)
        return error.status
    except RetryableError as error:
        metrics.refused(source, error.reason)
        return 503
    services.wake()
    metrics.stored(source, len(body), time.perf_counter() - began)
    return 200


def _answer(status: int) -> Response:
    if status != 200:
        abort(status)
    return Response(status=status)


def _body(environ: Environ, most: int) -> bytes:
    """The body as sent, if it is not larger than `most`, stated or not. One that breaks off proves nothing."""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        # a few compressed kilobytes can hold gigabytes, and no sender of ours compresses
        raise InboundError("The body is compressed; send it as it is.", reason="compressed", status=415)
    if int(environ.get("CONTENT_LENGTH") or 0) <= most:
        # gunicorn's stream ends with the body; another one's is only safe in werkzeug's keeping
        ends = environ.get("wsgi.input_terminated", False)
        body: bytes = environ["wsgi.input"].read(most + 1) if ends else get_input_stream(environ).read()
        if len(body) <= most:
            return body
    raise InboundError("The body is too large.", reason="too_large", status=413)


def _of_hubspot(services: Services, allow: frozenset[SignatureVersion]) -> Proof:
    settings = services.settings

    def prove(environ: Environ, body: bytes) -> str:
        url = settings.public_url + _raw_target(environ)
        headers, secrets, now = _headers(environ, _HUBSPOT), settings.hubspot_secrets, services.clock()
        return verify_hubspot(headers, "POST", url, body, secrets=secrets, now=now, allow=allow).value

    return prove


def _signed_by(services: Services, secrets: Sequence[str]) -> Proof:
    def prove(environ: Environ, body: bytes) -> str:
        verify_signed(_headers(environ, _SIGNED), body, secrets=secrets, now=services.clock())
        return "hmac"

    return prove


def _headers(environ: Environ, keys: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: environ[key] for name, key in keys if key in environ}


def _raw_target(environ: Environ) -> str:
    """Path and query exactly as sent: what the sender signed, before anything decodes it."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not isinstance(target, str) or not target.startswith("/"):
        raise InboundError("The request line holds no plain path.", reason="target_malformed")
    return target


def _printable(text: str) -> str:
    kept = text[:_CONTENT_TYPE_LENGTH]
    if kept.isascii() and kept.isprintable():
        return kept
    return "".join(letter for letter in kept if letter.isascii() and letter.isprintable())


def _services() -> Services:
    services: Services = current_app.extensions["tasuki"]
    return services

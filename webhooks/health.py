"""Health, readiness and metrics. None of them changes anything or says anything about a person."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from connector.errors import RetryableError
from connector.store.streams import StreamHealth
from webhooks.services import Services

health = Blueprint("health", __name__)

_FORWARDED = ("Forwarded", "X-Forwarded-For", "Via")


@health.get("/healthz")
def alive() -> Response:
    """The process answers; says nothing of the database."""
    return Response("ok\n", mimetype="text/plain")


@health.get("/readyz")
def ready() -> Response:
    """Deliveries can be stored right now; 503 otherwise."""
    services: Services = current_app.extensions["tasuki"]
    try:
        services.storage.try_out()
    except RetryableError:
        abort(503)
    return Response("ready\n", mimetype="text/plain")


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus metrics: with the configured bearer token, or without one from this machine only."""
    services: Services = current_app.extensions["tasuki"]
    if not _may_scrape(services.settings.metrics_token):
        abort(404)

    def depth() -> int | None:
        try:
            return services.storage.depth()
        except RetryableError:
            return None

    def streams() -> Sequence[StreamHealth]:
        try:
            return services.storage.streams()
        except RetryableError:
            return ()

    return Response(services.metrics.text(depth, streams), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(token: str | None) -> bool:
    if token is not None:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, f"Bearer {token}".encode())
    # behind a proxy everybody comes from this machine
    if any(name in request.headers for name in _FORWARDED):
        return False
    address = request.remote_addr or ""
    if not address:  # a unix socket
        return True
    return ipaddress.ip_address(address).is_loopback

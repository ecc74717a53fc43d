"""The webhook service as a Flask application."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from webhooks.health import health
from webhooks.receivers import receivers
from webhooks.services import Services

_SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_WORDS = {400: "bad request", 401: "unauthorized", 404: "not found", 405: "method not allowed", 413: "too large"}


def create_app(services: Services) -> Flask:
    """The application over `services`. Holds no state of its own; one for each process."""
    app = Flask("webhooks", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = services.settings.max_body_bytes
    app.extensions["tasuki"] = services
    app.register_blueprint(receivers)
    app.register_blueprint(health)
    app.register_error_handler(HTTPException, _short_answer)
    app.after_request(_secured)
    return app


def _short_answer(error: HTTPException) -> Response:
    """A status and two words: neither the sender nor a scanner learns more."""
    status = error.code or 500
    response = Response(_WORDS.get(status, "not accepted") + "\n", status=status, mimetype="text/plain")
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _secured(response: Response) -> Response:
    response.headers.extend(_SECURITY_HEADERS)  # no view sets any of them
    return response

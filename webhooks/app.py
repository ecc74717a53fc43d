"""The webhook service as a Flask application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from webhooks.health import health
from webhooks.receivers import HUBSPOT_PATH, receivers, take_hubspot
from webhooks.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SECURITY_HEADERS = [
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]

_WORDS = {400: "bad request", 401: "unauthorized", 404: "not found", 405: "method not allowed", 413: "too large"}


class Service(Flask):
    """Flask, but for the one route that comes by the thousand: it would take longer than what is done there."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request. Every answer carries the security headers; no view sets any of them."""

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            return start_response(status, headers + _SECURITY_HEADERS, *failure)

        if environ["PATH_INFO"] != HUBSPOT_PATH or environ["REQUEST_METHOD"] != "POST":
            return super().wsgi_app(environ, start)
        status = take_hubspot(self.extensions["tasuki"], environ)
        if status != 200:
            return _short(status)(environ, start)
        start("200 OK", [("Content-Length", "0")])
        return ()


def create_app(services: Services) -> Flask:
    """The application over `services`. Holds no state of its own; one for each process."""
    app = Service("webhooks", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = services.settings.max_body_bytes
    app.extensions["tasuki"] = services
    app.url_map.merge_slashes = False  # a doubled slash is no address of ours, and answered by no redirect
    app.register_blueprint(receivers)
    app.register_blueprint(health)
    app.register_error_handler(HTTPException, _short_answer)
    return app


def _short_answer(error: HTTPException) -> Response:
    """A status and two words: neither the sender nor a scanner learns more."""
    response = _short(error.code or 500)
    if error.code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _short(status: int) -> Response:
    return Response(_WORDS.get(status, "not accepted") + "\n", status=status, mimetype="text/plain")

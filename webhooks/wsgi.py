"""The application that gunicorn serves: `gunicorn -c python:webhooks.gunicorn_conf webhooks.wsgi:app`.

Built once a process from the environment (see `settings.from_environment`); TASUKI_DATABASE_URL names the server.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from flask import Flask

from connector.errors import UsageError
from webhooks.app import create_app
from webhooks.services import build
from webhooks.settings import from_environment


def machine_clock() -> datetime:
    """Machine time: the freshness of signatures is never virtual."""
    return datetime.now(UTC)


def _build() -> Flask:
    dsn = os.environ.get("TASUKI_DATABASE_URL", "")
    if not dsn:
        raise UsageError("Set TASUKI_DATABASE_URL, or start the service with `tasuki serve`.", reason="no_database")
    services, _ = build(from_environment(os.environ), dsn, clock=machine_clock)
    return create_app(services)


app = _build()

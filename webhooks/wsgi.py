"""The application that gunicorn serves: `gunicorn -c python:webhooks.gunicorn_conf webhooks.wsgi:app`.

Built once in each process from the environment; `tasuki serve` is the ordinary way to start it.
"""

from __future__ import annotations

import os

from flask import Flask

from connector.settings import Settings
from connector.store.embedded import acquire
from connector.store.migrate import migrate
from webhooks.app import create_app
from webhooks.services import build, machine_clock
from webhooks.settings import from_settings


def _build() -> Flask:
    settings = Settings.from_environ(os.environ)
    dsn = settings.database_url
    if dsn is None:
        # this process's hold on the embedded server: kept until the process ends, however it ends
        server = acquire(settings.home / "postgres")
        server.watch()
        dsn = server.dsn
        migrate(dsn)
    services, _ = build(from_settings(settings), dsn, clock=machine_clock)
    return create_app(services)


app = _build()

"""`tasuki serve`: the webhook service, gunicorn's master in this very process.

So a signal to this process is a signal to gunicorn, and a kill takes the whole service: its children see that their
parent is gone. The master holds the embedded database; each child takes a hold of its own, since `webhooks.wsgi`
reads the same environment.
"""

from __future__ import annotations

import sys
from typing import Any

import click
from gunicorn.app.base import Application
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger

from connector.cli.output import progress
from connector.cli.start import read_settings, refuse_old_schema
from connector.errors import UsageError
from connector.settings import Settings
from connector.store.embedded import acquire
from connector.store.migrate import migrate
from connector.texts import say


@click.command(name="serve")
def command() -> None:
    """Run the webhook service: it takes deliveries, stores each as it came and acknowledges it after the commit.

    TASUKI_HOST, TASUKI_PORT and TASUKI_SERVE_PROCESSES say where and how wide. SIGTERM or Ctrl-C ends it in order.
    """
    settings = read_settings(service=True)
    org = settings.salesforce
    if settings.hubspot is None and not settings.form_secrets and not (org is not None and org.webhook_secrets):
        raise UsageError(
            say(
                "No sender has a secret: set TASUKI_HUBSPOT_CLIENT_SECRET (with its token and portal), "
                "TASUKI_SALESFORCE_WEBHOOK_SECRET or TASUKI_FORM_SECRETS; see docs/operations.md."
            ),
            reason="no_secret_configured",
        )
    _prepare(settings)
    try:
        Service().run()
    except HaltServer as halted:
        click.echo(f"tasuki: the service ends ({halted.reason}); the lines above say why.", err=True)
        sys.exit(1)


def _prepare(settings: Settings) -> None:
    """The schema is there before anything is acknowledged. The embedded server is held until this process ends."""
    with progress(say("opening the database")):
        if settings.database_url is not None:
            refuse_old_schema(settings.database_url)
        else:
            migrate(acquire(settings.home / "postgres").dsn)


_UNTOLD = "Invalid request"


class Service(Application):  # type: ignore[misc]
    """gunicorn with our configuration and nothing from its own command line."""

    def __init__(self) -> None:
        super().__init__(usage=None, prog="tasuki serve")

    def load_config(self) -> None:
        """The configuration file of the service, which reads the same settings, and our logs."""
        self.load_config_from_module_name_or_filename("python:webhooks.gunicorn_conf")
        self.cfg.set("logger_class", Logs)

    def load(self) -> Any:
        """The application, imported in each child."""
        from gunicorn.util import import_app

        return import_app("webhooks.wsgi:app")


class Logs(Logger):  # type: ignore[misc]
    """gunicorn's own records pass through ours: JSON on standard error, nothing personal."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to `connector.log`."""
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True

    def warning(self, msg: str, *args: object, **kwargs: Any) -> None:
        """Of what is no request gunicorn tells who sent it and what it was, which may be a secret address."""
        super().warning(_UNTOLD if msg.startswith(_UNTOLD) else msg, *args, **kwargs)

    def exception(self, msg: str, *args: object, **kwargs: Any) -> None:
        """The same of a request that failed."""
        super().exception(*(("Error handling request",) if "request" in msg else (msg, *args)), **kwargs)

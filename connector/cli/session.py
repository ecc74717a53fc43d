"""What most commands begin with: settings from the environment, logs to standard error, the store open."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from connector import log
from connector.bootstrap import INSTALLATION, open_store
from connector.cli.output import progress
from connector.errors import UsageError
from connector.settings import HubSpotSettings, Settings
from connector.store.clock import refuse_virtual_clock
from connector.store.connections import ensure_installation
from connector.store.database import Database, refuse_unfit_server
from connector.store.migrate import pending

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def read_settings(*, service: bool = False) -> Settings:
    """The settings, with logging set up: a service tells what it does, a short command only what goes wrong."""
    settings = Settings.from_environ(os.environ)
    quiet = settings.log_level == "info" and not service
    log.configure("warning" if quiet else settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The store, its schema up to date. Raises `UsageError` when the customer's own database was not migrated."""
    with progress("opening the database"):
        if settings.database_url is not None:
            refuse_old_schema(settings.database_url)
        store = open_store(settings)
        database = store.__enter__()
    try:
        yield database
    finally:
        store.__exit__(None, None, None)


def refuse_old_schema(dsn: str) -> None:
    """Raise `UsageError` when migrations are outstanding or the server is unfit, `RetryableError` when it is away."""
    refuse_unfit_server(dsn)
    missing = pending(dsn)
    if missing:
        raise UsageError(
            f"The database lacks {len(missing)} migration(s) ({', '.join(missing)}): run `tasuki migrate` first.",
            reason="not_migrated",
        )


def installation(database: Database) -> int:
    """The installation that this command line works on."""
    return ensure_installation(database, INSTALLATION)


def portal(settings: Settings) -> HubSpotSettings:
    """The portal's settings, or `UsageError`."""
    if settings.hubspot is None:
        raise UsageError(
            "No HubSpot account is set: give TASUKI_HUBSPOT_PORTAL_ID, TASUKI_HUBSPOT_ACCESS_TOKEN and "
            "TASUKI_HUBSPOT_CLIENT_SECRET (docs/operations.md).",
            reason="no_hubspot",
        )
    return settings.hubspot


def refuse_played_time(database: Database, settings: Settings) -> None:
    """A business clock that was set for a sandbox never meets a real portal."""
    if settings.hubspot is None or urlsplit(settings.hubspot.base_url).hostname in _LOOPBACK:
        return
    with database.transaction(None) as conn:
        refuse_virtual_clock(conn)

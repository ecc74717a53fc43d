"""What every command begins with. The webhook service needs no more of the product than this: it starts at once."""

from __future__ import annotations

import logging
import os

from connector import log
from connector.errors import UsageError
from connector.settings import Settings
from connector.store.database import refuse_unfit_server
from connector.store.migrate import pending
from connector.texts import say


def read_settings(*, service: bool = False) -> Settings:
    """The settings, with logging set up: a service tells what it does, a short command only what goes wrong."""
    settings = Settings.from_environ(os.environ)
    quiet = settings.log_level == "info" and not service
    log.configure("warning" if quiet else settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return settings


def refuse_old_schema(dsn: str) -> None:
    """Raise `UsageError` when migrations are outstanding or the server is unfit, `RetryableError` when it is away."""
    refuse_unfit_server(dsn)
    missing = pending(dsn)
    if missing:
        raise UsageError(
            say(
                "The database lacks {number} migration(s) ({missing}): run `tasuki migrate` first.",
                number=len(missing),
                missing=", ".join(missing),
            ),
            reason="not_migrated",
        )

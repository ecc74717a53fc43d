"""What most commands begin with: settings from the environment, logs to standard error, the store open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from connector.bootstrap import INSTALLATION, open_store
from connector.cli.output import progress
from connector.cli.start import read_settings, refuse_old_schema
from connector.errors import UsageError
from connector.settings import HubSpotSettings, Settings
from connector.settings_salesforce import SalesforceSettings
from connector.store.clock import refuse_virtual_clock
from connector.store.connections import ensure_installation
from connector.store.database import Database
from connector.texts import say

__all__ = ["installation", "opened", "org", "portal", "read_settings", "refuse_played_time"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The store, its schema up to date. Raises `UsageError` when the customer's own database was not migrated."""
    with progress(say("opening the database")):
        if settings.database_url is not None:
            refuse_old_schema(settings.database_url)
        store = open_store(settings)
        database = store.__enter__()
    try:
        yield database
    finally:
        store.__exit__(None, None, None)


def installation(database: Database) -> int:
    """The installation that this command line works on."""
    return ensure_installation(database, INSTALLATION)


def portal(settings: Settings) -> HubSpotSettings:
    """The portal's settings, or `UsageError`."""
    if settings.hubspot is None:
        raise UsageError(
            say(
                "No HubSpot account is set: give TASUKI_HUBSPOT_PORTAL_ID, TASUKI_HUBSPOT_ACCESS_TOKEN and "
                "TASUKI_HUBSPOT_CLIENT_SECRET (docs/operations.md)."
            ),
            reason="no_hubspot",
        )
    return settings.hubspot


def org(settings: Settings) -> SalesforceSettings:
    """The org's settings, or `UsageError`."""
    if settings.salesforce is None:
        raise UsageError(
            say(
                "No Salesforce org is set: give TASUKI_SALESFORCE_LOGIN_URL, TASUKI_SALESFORCE_CLIENT_ID and one way "
                "in, such as TASUKI_SALESFORCE_CLIENT_SECRET (docs/operations.md)."
            ),
            reason="no_salesforce",
        )
    return settings.salesforce


def refuse_played_time(database: Database, settings: Settings) -> None:
    """A business clock that was set for a sandbox never meets a real portal or org."""
    addresses = [settings.hubspot.base_url] if settings.hubspot is not None else []
    addresses += [settings.salesforce.login_url] if settings.salesforce is not None else []
    if all(urlsplit(one).hostname in _LOOPBACK for one in addresses):
        return
    with database.transaction(None) as conn:
        refuse_virtual_clock(conn)

"""The accounts that are set, opened: the HubSpot portal, the Salesforce org, or both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from connector.bootstrap import open_vault
from connector.bootstrap_hubspot import Portal, at_portal, open_portal
from connector.bootstrap_salesforce import Org, at_org, open_org
from connector.cli.session import installation, org, portal
from connector.settings import Settings
from connector.store.connections import ConnectionRow
from connector.store.database import Database

HUBSPOT, SALESFORCE = "hubspot", "salesforce"
CRMS = (HUBSPOT, SALESFORCE)

Account: TypeAlias = Portal | Org


def present(settings: Settings) -> list[str]:
    """The CRMs that are set."""
    told = zip(CRMS, (settings.hubspot, settings.salesforce), strict=True)
    return [crm for crm, one in told if one is not None]


def refuse_none(settings: Settings) -> None:
    """Raise `UsageError` when no CRM is set."""
    if not present(settings):
        portal(settings)


@contextmanager
def opened_account(database: Database, settings: Settings, crm: str) -> Iterator[Account]:
    """One account; each CRM says what is missing in its settings."""
    if crm == HUBSPOT:
        with open_portal(database, portal(settings)) as found:
            yield found
        return
    with open_org(database, open_vault(settings), org(settings), installation(database)) as opened_org:
        yield opened_org


def known(settings: Settings, crm: str, rows: Iterable[ConnectionRow]) -> ConnectionRow | None:
    """Which of these connections the settings mean; None: nobody has connected that account. Of orgs there is one."""
    portal_id = str(settings.hubspot.portal_id) if settings.hubspot is not None else ""
    return next((one for one in rows if one.vendor == crm and (crm != HUBSPOT or one.account_id == portal_id)), None)


@contextmanager
def at_account(database: Database, settings: Settings, installation_id: int, row: ConnectionRow) -> Iterator[Account]:
    """An account that is known, to look at: nothing is made or changed for it."""
    if row.vendor == HUBSPOT:
        with at_portal(database, portal(settings), installation_id, row) as found:
            yield found
        return
    with at_org(database, open_vault(settings), org(settings), installation_id, row) as opened_org:
        yield opened_org


@contextmanager
def opened_accounts(database: Database, settings: Settings) -> Iterator[Sequence[Account]]:
    """Every account that is set. Raises `UsageError` when none is."""
    refuse_none(settings)
    with ExitStack() as stack:
        yield [stack.enter_context(opened_account(database, settings, crm)) for crm in present(settings)]

"""The command line beside a relay: the same database and CRM, called as a person calls it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from click.testing import CliRunner, Result

from connector.cli.main import main
from connector.settings import HubSpotSettings
from connector.settings_salesforce import SalesforceSettings
from connector.store.vault import key_from_file
from tests.e2e.relay import BaseRelay


class CommandLine:
    """Runs `tasuki` in this process with an environment of its own."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)

    @classmethod
    def of(cls, relay: BaseRelay) -> CommandLine:
        """The command line of the machine on which this relay runs."""
        (key,) = key_from_file(relay.settings.key_file)
        if relay.settings.hubspot is not None:
            return cls(environment(relay.database.dsn, key, relay.settings.hubspot))
        assert relay.settings.salesforce is not None
        return cls(beside_an_org(relay.database.dsn, key, relay.settings.salesforce))

    def run(self, *arguments: object, given: str | None = None, **environ: str) -> Result:
        """Call `tasuki` with these arguments, and with what stands on its standard input."""
        with _own_logging():
            return CliRunner(env=self.environ | environ).invoke(main, [str(one) for one in arguments], input=given)

    def json(self, *arguments: object) -> Any:
        """What `--json` prints; the call must succeed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)


def environment(dsn: str, key: str, portal: HubSpotSettings) -> dict[str, str]:
    """The variables that a person would set."""
    return {
        "TASUKI_DATABASE_URL": dsn,
        "TASUKI_SECRET_KEY": key,
        "TASUKI_HUBSPOT_BASE_URL": portal.base_url,
        "TASUKI_HUBSPOT_PORTAL_ID": str(portal.portal_id),
        "TASUKI_HUBSPOT_ACCESS_TOKEN": portal.access_token,
        "TASUKI_HUBSPOT_CLIENT_SECRET": ",".join(portal.client_secrets),
        "TASUKI_HUBSPOT_APP_ID": str(portal.app_id),
    }


def beside_an_org(dsn: str, key: str, org: SalesforceSettings) -> dict[str, str]:
    """The variables that a person would set who has Salesforce alone."""
    return {
        "TASUKI_DATABASE_URL": dsn,
        "TASUKI_SECRET_KEY": key,
        "TASUKI_SALESFORCE_LOGIN_URL": str(org.login_url),
        "TASUKI_SALESFORCE_CLIENT_ID": org.client_id,
        "TASUKI_SALESFORCE_CLIENT_SECRET": org.client_secret or "",
        "TASUKI_SALESFORCE_ORG_ID": org.org_id or "",
    }


@contextmanager
def _own_logging() -> Any:
    """A command sets logging up for its process; here that process goes on."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()

"""Many processes whose session has ended ask at once: one call a time, and nobody is cut off.

The refresh token is rotated at every use, and Salesforce takes an old one for theft: it then ends everything.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.bootstrap import open_vault
from connector.bootstrap_salesforce import _first_login
from connector.sandbox.salesforce.handle import start_salesforce
from connector.settings import Settings
from connector.settings_salesforce import SalesforceSettings
from connector.store import connections
from connector.store.database import Database
from tests.faults.children import context, renew

TOKEN = "oauth.token"


@pytest.mark.fault("T10", "F43")
def test_twenty_sessions_that_end_are_asked_for_twenty_times(
    database: Database, database_dsn: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _end(database, database_dsn, tmp_path, record_property, processes=8, expiries=20, slow=0)


@pytest.mark.soak
@pytest.mark.fault("T10", "F43")
def test_two_hundred_sessions_that_end_are_asked_for_two_hundred_times(
    database: Database, database_dsn: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _end(database, database_dsn, tmp_path, record_property, processes=50, expiries=200, slow=10)


def _end(
    database: Database,
    dsn: str,
    home: Path,
    record_property: Callable[[str, object], None],
    *,
    processes: int,
    expiries: int,
    slow: int,
) -> None:
    dice = random.Random(1)
    with start_salesforce(limits_enabled=False) as org:
        settings = SalesforceSettings(
            login_url=org.base_url, client_id=org.client_id, refresh_token=org.issue_refresh_token()
        )
        installation_id = connections.ensure_installation(database, "default")
        row = _first_login(database, open_vault(Settings(home=home)), settings, installation_id)
        told = {"home": home, "installation_id": installation_id, "connection_id": row.id, "settings": settings}
        pipes = [context.Pipe() for _ in range(processes)]
        children = [context.Process(target=renew, args=(theirs, dsn, told), daemon=True) for _, theirs in pipes]
        for child in children:
            child.start()
        org.reset_calls()
        session = "the one before"
        for number in range(expiries):
            seconds = dice.uniform(1, 15) if number < slow else dice.uniform(0.0, 0.2)
            org.fault("latency", kind=TOKEN, seconds=seconds)
            for ours, _ in pipes:
                ours.send(session)
            found = {ours.recv() for ours, _ in pipes}
            assert len(found) == 1, found
            session, before = found.pop(), session
            assert not session.startswith("dead:")
            assert session != before
        for ours, _ in pipes:
            ours.send(None)
        for child in children:
            child.join(20)
            assert child.exitcode == 0
        # the first one is there already, from the first login
        assert org.call_count(TOKEN) == expiries - 1
    record_property("counted", {"processes": processes, "sessions ended": expiries, "with 1–15 s latency": slow})

"""What `tasuki doctor` asks of the store: whose deliveries came in, and whether a worker lives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.store import inspection
from connector.store.database import Database
from connector.sync.ingest import vendor_of

AT = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "source",
    ["hubspot", "hubspot_workflow", "salesforce:org", "salesforce_changes:org", "salesforce_callout:acme", "form:site"],
)
def test_a_delivery_is_heard_from_the_vendor_that_it_is_taken_in_for(database: Database, source: str) -> None:
    with database.transaction(None) as conn:
        conn.execute("INSERT INTO inbox (received_at, source, body) VALUES (%s, %s, '')", [AT, source])
        heard = {vendor for vendor in ("hubspot", "salesforce") if inspection.last_heard(conn, vendor) == AT}
    assert heard == {vendor_of(source)} - {"form"}


def test_a_worker_is_heard_of_until_it_has_been_silent_for_a_while(database: Database) -> None:
    with database.transaction(None) as conn:
        assert not inspection.is_worked(conn, within_seconds=60.0)
        conn.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '2 minutes')")
        assert not inspection.is_worked(conn, within_seconds=60.0)
        assert inspection.is_worked(conn, within_seconds=3600.0)

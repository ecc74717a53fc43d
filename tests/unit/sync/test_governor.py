"""What the CRMs' answers tell of an account's day bounds every lease, whichever vendor tells it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.errors import QuotaError
from connector.store import quota
from connector.store.clock import BusinessClock
from connector.store.database import Database
from connector.store.quota import DayRow
from connector.sync.governor import decide_day
from connector.sync.pacing import Pace, VendorDay
from connector.sync.tokens import SharedTokens, configure, day_usage
from connector.vendors.base import Lane

HUBSPOT = {"X-HubSpot-RateLimit-Daily": "10000", "X-HubSpot-RateLimit-Daily-Remaining": "2000"}
SALESFORCE = {"Sforce-Limit-Info": "api-usage=8000/10000; per-app-api-usage=1/2(appName=x)"}


@pytest.fixture
def tokens(database: Database) -> SharedTokens:
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        configure(conn, 1, {"burst": (1e6, 1.0), "day": (100_000.0, 86_400.0)}, share=0.5)
    return SharedTokens(database, 1, 1, day=noon)


def noon(now: datetime) -> VendorDay:
    """Half of the day is over, whenever it is."""
    return VendorDay(date=now.astimezone(UTC).date(), elapsed=0.5)


def told_today(database: Database) -> DayRow:
    with database.transaction(1) as conn:
        row = quota.day_of(conn, 1, day=noon(BusinessClock.now(conn)).date)
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (HUBSPOT, (8000.0, 10000.0)),
        (SALESFORCE, (8000.0, 10000.0)),
        ({"x-hubspot-ratelimit-daily": "10"}, None),
        ({"sforce-limit-info": "api-usage=1/0"}, None),
        ({"sforce-limit-info": "api-usage=x/y"}, None),
        ({}, None),
    ],
)
def test_both_vendors_headers_are_understood(headers: dict[str, str], told: tuple[float, float] | None) -> None:
    assert day_usage({name.lower(): value for name, value in headers.items()}) == told


@pytest.mark.parametrize("headers", [HUBSPOT, SALESFORCE])
def test_what_others_use_stops_the_background_and_leaves_the_hot_lane(
    database: Database, tokens: SharedTokens, headers: dict[str, str]
) -> None:
    tokens.take("burst", Lane.BACKGROUND)
    tokens.observe("burst", headers)
    row = told_today(database)
    with database.transaction(1) as conn:
        found = decide_day(conn, 1, noon(BusinessClock.now(conn)))
    assert (row.total, row.ours, row.everybody) == (10_000, 1, 8_000)
    assert found is not None
    assert (found.pace, found.hot) == (Pace.STOPPED, 1_500)
    with pytest.raises(QuotaError) as refused:
        tokens.take("burst", Lane.BACKGROUND)
    assert refused.value.reason == "quota_day"
    tokens.take("burst", Lane.HOT)


def test_answers_that_tell_nothing_new_cost_no_statement(database: Database, tokens: SharedTokens) -> None:
    tokens.observe("burst", HUBSPOT)
    with database.transaction(1) as conn:
        conn.execute("UPDATE quota SET told_used = 1")
    tokens.observe("burst", HUBSPOT | {"X-HubSpot-RateLimit-Daily-Remaining": "1990"})
    assert told_today(database).everybody == 1
    tokens.observe("burst", HUBSPOT | {"X-HubSpot-RateLimit-Daily-Remaining": "1900"})
    assert told_today(database).everybody == 8_100

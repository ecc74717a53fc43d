"""What is kept only for a while goes on schedule."""

from __future__ import annotations

from connector.store.inbox import Delivery, add
from connector.sync.housekeeping import housekeeping_due, keep_house
from tests.e2e.relay import Relay

_AGE = """
UPDATE inbox SET settled_at = now() - interval '73 hours', state = CASE WHEN id = %s THEN 'parked' ELSE 'done' END
"""


def test_bodies_go_72_hours_after_their_events_are_facts_and_parked_ones_stay(relay: Relay) -> None:
    for body in (b"[]", b"not json"):
        add(relay.database, Delivery(source="hubspot", body=body))
    first, last = (row["id"] for row in relay.rows("SELECT id FROM inbox ORDER BY id"))
    relay.rows(_AGE + " RETURNING id", [last])
    assert housekeeping_due(relay.database, relay.installation_id)
    keep_house(relay.database, relay.installation_id)
    assert [row["id"] for row in relay.rows("SELECT id FROM inbox")] == [last]
    assert first != last
    assert not housekeeping_due(relay.database, relay.installation_id)


def test_event_keys_are_kept_for_eight_days(relay: Relay) -> None:
    for key, days in ((b"old", 9), (b"new", 7)):
        relay.rows(
            "INSERT INTO event (installation_id, key, seen_at) VALUES (%s, %s, now() - make_interval(days => %s))"
            " RETURNING key",
            [relay.installation_id, key, days],
        )
    keep_house(relay.database, relay.installation_id)
    assert [bytes(row["key"]) for row in relay.rows("SELECT key FROM event")] == [b"new"]


def test_the_ledger_has_partitions_for_the_months_to_come(relay: Relay) -> None:
    keep_house(relay.database, relay.installation_id)
    rows = relay.rows("SELECT to_regclass('ledger_' || to_char(now() + interval '2 months', 'YYYYMM')) AS made")
    assert rows[0]["made"] is not None

"""E14: visit alerts: every visit of a watched lead, and the pricing page twice in 14 days."""

from __future__ import annotations

import orjson

from tests.e2e.relay import Relay
from tests.e2e.test_e13_calls import now


def alerts(relay: Relay, rule: str) -> list[str]:
    rows = relay.rows("SELECT receiver FROM notice WHERE key LIKE %s ORDER BY key, receiver", [f"%:{rule}:%"])
    return [row["receiver"] for row in rows]


def sees_pricing(relay: Relay, number: int) -> None:
    seen = {"id": f"seen-{number}", "event": "pricing_page", "email": "yamada@example.co.jp"}
    seen["occurred_at"] = now(relay).isoformat()
    relay.deliver(orjson.dumps(seen), "form:site")
    relay.hear_and_settle()


def test_a_watched_lead_is_told_of_at_every_visit_and_the_pricing_page_the_second_time(relay: Relay) -> None:
    relay.listen()
    contact = relay.new_mql()
    owner = f"person:{relay.contact(contact)['hubspot_owner_id']}"
    relay.sandbox.visit(contact)
    relay.hear_and_settle()
    relay.sandbox.visit(contact)
    relay.hear_and_settle()
    assert alerts(relay, "watched_visit") == [], "nobody watches it"
    relay.sandbox.edit("contacts", contact, {"tasuki_watched": "true"})
    for _ in range(2):
        relay.pass_time(minutes=30)
        relay.sandbox.visit(contact)
        relay.hear_and_settle()
    assert alerts(relay, "watched_visit") == ["channel:sales_alerts", owner] * 2

    sees_pricing(relay, 1)
    assert alerts(relay, "pricing_again") == []
    relay.pass_time(days=15)
    sees_pricing(relay, 2)
    assert alerts(relay, "pricing_again") == [], "the first one is too long ago"
    relay.pass_time(days=3)
    sees_pricing(relay, 3)
    assert alerts(relay, "pricing_again") == [f"person:{relay.contact(contact)['hubspot_owner_id']}"], "whose it is now"

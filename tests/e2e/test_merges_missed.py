"""People whom somebody merges in HubSpot, and no event tells: a look finds it, and it is a merge, never a deletion."""

from __future__ import annotations

import pytest

from connector.store.reconcile_passes import Scope
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, MAIL, Relay

CONTACT, COMPANY = "contact", "company"


def _merge_unheard(relay: Relay, kept: str, lost: str, *, new_record: bool = False, type: str = "contacts") -> str:
    """People merge two records; not a word of it comes, and an hour goes by."""
    relay.sandbox.webhooks(drop_rate=1.0)
    relay.pass_time(seconds=2)
    winner = str(relay.sandbox.merge(kept, lost, type=type, new_record=new_record)["id"])
    relay.sandbox.flush_webhooks()
    relay.sandbox.webhooks(drop_rate=0.0)
    relay.pass_time(hours=1)
    return winner


def _told(relay: Relay, object_type: str = CONTACT) -> list[tuple[str, str]]:
    rows = relay.rows("SELECT vendor_id, field FROM drift WHERE class = 'merge' AND object_type = %s", [object_type])
    return [(row["vendor_id"], row["field"]) for row in rows]


@pytest.mark.fault("F45", "T9")
@pytest.mark.parametrize("new_record", [False, True], ids=["the primary lives on", "a new record"])
@pytest.mark.parametrize("scope", list(Scope))
def test_a_merge_that_no_event_told_of_is_found_as_one(make_relay: MakeRelay, scope: Scope, new_record: bool) -> None:
    relay = make_relay()
    relay.listen()
    first, second = relay.new_mql("first@example.co.jp"), relay.new_mql("second@example.co.jp")
    ours = {relay.lead(one)["id"] for one in (first, second)}
    winner = _merge_unheard(relay, first, second, new_record=new_record)
    relay.reconcile(scope, CONTACT)
    relay.settle()
    (lead,) = relay.rows("SELECT id, stage FROM lead WHERE gone IS NULL")
    assert (lead["id"] in ours, lead["stage"]) == (True, "mql"), "it goes on as what it was"
    assert relay.lead(winner)["id"] == lead["id"]
    assert relay.rows("SELECT vendor_id FROM link") == [{"vendor_id": winner}]
    assert relay.rows("SELECT gone FROM lead WHERE gone = 'archived'") == []
    assert relay.still_asked_by(winner) == [CALL, MAIL], "of the same rule's two tasks the older survives"
    assert _told(relay) == [(winner, "merged")]
    mark = relay.mark()
    for again in Scope:
        relay.pass_time(hours=1)
        relay.reconcile(again, CONTACT)
        relay.hear_and_settle()
    assert _told(relay) == [(winner, "merged")], "told once"
    assert relay.our_writes(since=mark) == []


@pytest.mark.fault("F45")
def test_whatever_comes_upon_the_loser_first_takes_it_for_no_deletion(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.listen()
    people = [relay.new_mql(f"p{number}@example.co.jp") for number in range(4)]
    first, second, third, fourth = people
    winner = _merge_unheard(relay, first, second)
    # a read of the loser alone, asked for by whatever
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET read_wanted_at = now(), read_lane = 'hot' WHERE vendor_id = %s", [second])
    relay.settle()
    assert relay.lead(second)["id"] == relay.lead(winner)["id"]
    assert _told(relay) == [(winner, "merged")]
    # a write of ours to the loser, which HubSpot answers with the winner
    relay.sandbox.merge(third, fourth)
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute(
            "UPDATE lead SET desired = jsonb_set(desired, '{score}', '99') WHERE id = %s", [relay.lead(fourth)["id"]]
        )
        conn.execute("UPDATE link SET desired_revision = desired_revision + 1 WHERE vendor_id = %s", [fourth])
    relay.settle()
    assert relay.lead(fourth)["id"] == relay.lead(third)["id"]
    assert relay.rows("SELECT id FROM lead WHERE gone = 'archived'") == []
    assert _told(relay) == [(winner, "merged")], "an event may still tell of what happened just now"
    assert relay.still_asked_by(third) == [CALL, MAIL]


@pytest.mark.fault("F45")
def test_companies_that_became_one_unheard_are_told_as_that(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.meet()
    relay.listen()
    kept, lost = (relay.sandbox.create("companies", {"name": f"{one}社", "domain": f"{one}.jp"})["id"] for one in "ab")
    relay.sandbox.edit("contacts", relay.new_mql("first@example.co.jp"), {"associatedcompanyid": lost})
    relay.sandbox.edit("contacts", relay.new_mql("second@example.co.jp"), {"associatedcompanyid": kept})
    relay.hear_and_settle()
    winner = _merge_unheard(relay, kept, lost, type="companies")
    relay.reconcile(Scope.EVERYTHING)
    relay.settle()
    assert _told(relay, COMPANY) == [(winner, "merged")]
    held = relay.rows("SELECT vendor_id, gone FROM mirror WHERE object_type = 'company' ORDER BY vendor_id")
    assert {row["vendor_id"]: row["gone"] for row in held} == {kept: None, lost: "merged"}
    assert relay.rows("SELECT id FROM lead WHERE gone = 'archived'") == []
    (again,) = relay.reconcile(Scope.EVERYTHING, COMPANY).values()
    assert (again.marked, again.archived) == (0, 0)

"""Who may own records, and in which teams."""

from __future__ import annotations

from typing import Any

from tests.e2e.relay import Relay


def _owners(relay: Relay) -> dict[str, dict[str, Any]]:
    return {row["email"]: row for row in relay.rows("SELECT * FROM owner")}


def test_every_pool_of_the_shipped_policy_has_several_people(relay: Relay) -> None:
    routing = relay.policy.routing
    assert routing is not None
    for pool in routing.pools.values():
        people = [row for row in _owners(relay).values() if pool.members["hubspot"] in row["teams"] and row["active"]]
        assert len(people) >= 2, pool.id


def test_people_who_come_go_and_change_teams_are_followed(relay: Relay) -> None:
    relay.listen()
    sato = next(one for one in relay.sandbox.owners() if one["email"].startswith("sato@"))
    theirs = str(relay.sandbox.create("contacts", {"email": "a@b.example", "hubspot_owner_id": sato["id"]})["id"])
    other = str(relay.sandbox.create("contacts", {"email": "c@d.example"})["id"])
    relay.hear_and_settle()
    relay.sandbox.put_owner(id=sato["id"], archived=True)
    relay.sandbox.put_owner(email="new@tasuki-sales.example", first_name="新", last_name="人", teams=["FS_East"])
    moved = next(one for one in relay.sandbox.owners() if one["email"].startswith("suzuki@"))
    relay.sandbox.put_owner(id=moved["id"], teams=["FS_West"])
    relay.mark()
    count = len(relay.sandbox.owners())
    assert relay.refresh_owners() == count
    assert relay.calls()["owners.list"] == 2
    found = _owners(relay)
    assert not found["sato@tasuki-sales.example"]["active"]
    assert found["new@tasuki-sales.example"]["teams"] == ["FS_East"]
    assert found["suzuki@tasuki-sales.example"]["teams"] == ["FS_West"]
    due = relay.rows("SELECT lead_id, why FROM lead_due WHERE due_at <= now() + interval '1 year'")
    assert [row["lead_id"] for row in due if row["why"] == "owner"] == [relay.lead(theirs)["id"]]
    assert relay.lead(other)["id"] not in {row["lead_id"] for row in due if row["why"] == "owner"}
    relay.settle()
    relay.refresh_owners()
    assert relay.settle() == 0, "who left before leaves nobody behind again"

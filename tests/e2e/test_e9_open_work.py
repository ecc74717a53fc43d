"""E9, E2: open work goes on when the person who has it does not; tasks of pools have a person. YAML in → CRM out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from connector.store import people
from connector.sync.presence import people_changed
from tests.e2e.policies import changed_policy
from tests.e2e.relay import INQUIRY, Relay
from tests.e2e.test_e2_routing import MANAGERS, SDR, inquire, owner, team

AFTER = "after: 1 business day => after: 1h"


def away(relay: Relay, person: str, *, hours: float | None = None) -> None:
    """As `tasuki people absent`."""
    with relay.database.transaction(relay.installation_id) as conn:
        now = relay.tenant.now(conn)
        until = now + timedelta(hours=hours) if hours is not None else None
        people.add_absence(conn, relay.installation_id, person, starts_at=now, ends_at=until)
        people_changed(relay.tenant, conn, [person], now)


def moved(relay: Relay) -> list[tuple[str, str]]:
    rows = relay.rows("SELECT request, person FROM assignment_grant WHERE request LIKE 'person:%%' ORDER BY lead_id")
    return [(row["request"], row["person"]) for row in rows]


def test_who_is_away_for_long_gives_the_lead_and_its_tasks_to_the_pool_once(relay: Relay, tmp_path: Path) -> None:
    relay.activate(changed_policy(tmp_path / "soon", "routing.yaml", after=AFTER))
    relay.listen()
    (contact_id,) = inquire(relay, 1)
    relay.hear_and_settle()
    first = owner(relay, contact_id)
    relay.pass_time(minutes=10)
    away(relay, first)
    relay.hear_and_settle()
    relay.pass_time(minutes=50)
    relay.hear_and_settle()
    assert owner(relay, contact_id) == first, "an absence shorter than the policy says moves nothing"
    relay.pass_time(minutes=15)
    relay.hear_and_settle()
    second = owner(relay, contact_id)
    assert second in team(relay, SDR) - {first}
    assert {task["hubspot_owner_id"] for task in relay.open_tasks(contact_id)} == {second}
    assert len(moved(relay)) == 1
    relay.pass_time(minutes=5)
    relay.sandbox.edit("contacts", contact_id, {"hubspot_owner_id": first})
    relay.hear_and_settle()
    relay.pass_time(hours=3)
    relay.hear_and_settle()
    assert owner(relay, contact_id) == first, "what a person decides afterwards stands"
    assert len(moved(relay)) == 1


def test_a_short_absence_moves_nothing(relay: Relay, tmp_path: Path) -> None:
    relay.activate(changed_policy(tmp_path / "soon", "routing.yaml", after=AFTER))
    relay.listen()
    (contact_id,) = inquire(relay, 1)
    relay.hear_and_settle()
    first = owner(relay, contact_id)
    away(relay, first, hours=0.5)
    relay.pass_time(hours=2)
    relay.hear_and_settle()
    assert owner(relay, contact_id) == first
    assert moved(relay) == []


def test_who_has_left_leaves_nothing_behind(relay: Relay) -> None:
    relay.listen()
    ids = inquire(relay, 12)
    relay.hear_and_settle()
    gone = owner(relay, ids[0])
    theirs = [one for one in ids if owner(relay, one) == gone]
    relay.sandbox.put_owner(id=gone, archived=True)
    relay.refresh_owners()
    relay.hear_and_settle()
    assert gone not in {owner(relay, one) for one in ids}
    assert gone not in {task["hubspot_owner_id"] for one in ids for task in relay.open_tasks(one)}
    assert len(moved(relay)) == len(theirs)


def test_a_task_of_a_pool_has_a_person_from_the_start(relay: Relay) -> None:
    """The clock's rung asks the managers' pool: nobody's task is ever seen without somebody to do it."""
    relay.listen()
    (contact_id,) = inquire(relay, 1)
    relay.hear_and_settle()
    for _ in range(12):
        relay.pass_time(hours=12)
        relay.hear_and_settle()
    late = [task for task in relay.tasks(contact_id) if "未対応" in task["hs_task_subject"]]
    assert len(late) == 1
    assert {task["hubspot_owner_id"] for task in late} <= team(relay, MANAGERS)
    rows = relay.rows("SELECT pool, owner_of, person FROM assignment_grant WHERE owner_of = 'task'")
    assert [(row["pool"], row["person"]) for row in rows] == [("is_managers", late[0]["hubspot_owner_id"])]


def test_people_of_one_company_have_one_owner(relay: Relay) -> None:
    """`keep_owner: {also: same_company}`, also when they inquire in one bulk."""
    relay.listen()
    company = str(relay.sandbox.create("companies", {"name": "株式会社例", "domain": "rei.example.co.jp"})["id"])
    emails = [f"p{n}@rei.example.co.jp" for n in range(4)]
    ids = [
        str(
            relay.sandbox.create("contacts", {"email": one, "lastname": "山田"}, associations=[("companies", company)])[
                "id"
            ]
        )
        for one in emails
    ]
    relay.hear_and_settle()
    for one in emails:
        relay.sandbox.submit(INQUIRY, {"email": one})
    relay.poll()
    relay.hear_and_settle()
    assert len({owner(relay, one) for one in ids}) == 1
    assert {row["why"] for row in relay.rows("SELECT why FROM assignment_grant")} == {"turn", "same_company"}

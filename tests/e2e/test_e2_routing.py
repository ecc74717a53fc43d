"""E2, E4, E9: pools give owners. YAML in → the owner on the CRM's record out."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from connector.store import people
from connector.sync.evaluate import evaluate_slice
from connector.sync.reading import read_slice
from connector.vendors.base import Lane
from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import INQUIRY, Relay

SDR, MANAGERS = "インサイドセールスSDR", "ISマネージャー"


def team(relay: Relay, name: str) -> set[str]:
    """The active people of a team, by the owners as read."""
    return {
        row["vendor_id"] for row in relay.rows("SELECT vendor_id FROM owner WHERE active AND %s = ANY(teams)", [name])
    }


def inquire(relay: Relay, number: int, first: int = 0) -> list[str]:
    """So many people inquire at once."""
    ids = [
        str(relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": f"山田{n}"})["contact_id"])
        for n in range(first, first + number)
    ]
    relay.poll()
    relay.hear()
    return ids


def owner(relay: Relay, contact_id: str) -> str:
    return str(relay.contact(contact_id).get("hubspot_owner_id") or "")


def absent(relay: Relay, *persons: str) -> None:
    with relay.database.transaction(relay.installation_id) as conn:
        now = relay.tenant.now(conn)
        for person in persons:
            people.add_absence(conn, relay.installation_id, person, starts_at=now - timedelta(hours=1), ends_at=None)


def test_a_bulk_is_shared_out_evenly_and_tasks_stand_with_the_owners(relay: Relay) -> None:
    relay.listen()
    ids = inquire(relay, 61)
    relay.hear_and_settle()
    counted = Counter(owner(relay, one) for one in ids)
    assert set(counted) == team(relay, SDR)
    assert max(counted.values()) - min(counted.values()) <= 1
    for one in ids:
        assert {task["hubspot_owner_id"] for task in relay.tasks(one)} == {owner(relay, one)}
    grants = relay.rows("SELECT why, pool FROM assignment_grant")
    assert {(row["why"], row["pool"]) for row in grants} == {("turn", "sdr")}
    assert len(grants) == len(ids)


def test_two_workers_at_once_stay_even(relay: Relay) -> None:
    relay.listen()
    ids = inquire(relay, 40)
    relay.runtime.ingest()
    for _ in range(6):
        relay.runtime.ingest()
        line = relay.line

        for lane in Lane:
            read_slice(line, lane)
    tenant = relay.tenant
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: evaluate_slice(tenant, limit=7), range(12)))
    relay.hear_and_settle()
    counted = Counter(owner(relay, one) for one in ids)
    assert max(counted.values()) - min(counted.values()) <= 1, counted


def test_a_persons_choice_stays_and_scores_never_touch_owners(relay: Relay) -> None:
    relay.listen()
    (contact_id,) = inquire(relay, 1)
    relay.hear_and_settle()
    given = owner(relay, contact_id)
    other = next(one for one in sorted(team(relay, SDR)) if one != given)
    relay.pass_time(minutes=5)
    relay.sandbox.edit("contacts", contact_id, {"hubspot_owner_id": other})
    relay.hear_and_settle()
    assert owner(relay, contact_id) == other
    mark = relay.mark()
    relay.sandbox.edit("contacts", contact_id, {"jobtitle": "代表取締役社長"})
    relay.hear_and_settle()
    relay.pass_time(days=1)  # less than the working days after which an untouched lead is somebody else's
    relay.hear_and_settle()
    writes = relay.our_writes(since=mark)
    assert writes, "the score moved"
    assert all("hubspot_owner_id" not in str(one) for one in writes)
    assert owner(relay, contact_id) == other
    assert {task["hubspot_owner_id"] for task in relay.open_tasks(contact_id)} == {other}


def test_who_is_absent_or_gone_is_skipped_with_a_reason_and_nobody_is_ever_unrouted(relay: Relay) -> None:
    relay.listen()
    everybody = sorted(team(relay, SDR))
    away = everybody[:-1]
    absent(relay, *away)
    ids = inquire(relay, 3)
    relay.hear_and_settle()
    assert {owner(relay, one) for one in ids} == {everybody[-1]}
    (skipped,) = relay.rows("SELECT skipped FROM assignment_grant LIMIT 1")
    assert skipped["skipped"] == dict.fromkeys(away, "absent")
    absent(relay, everybody[-1])
    (late,) = inquire(relay, 1, first=50)
    relay.hear_and_settle()
    assert owner(relay, late) in team(relay, MANAGERS)
    (row,) = relay.rows(
        "SELECT why, asked_pool, pool FROM assignment_grant ORDER BY granted_at DESC, lead_id DESC LIMIT 1"
    )
    assert (row["why"], row["asked_pool"], row["pool"]) == ("nobody_free", "sdr", "is_managers")


def test_a_lead_that_nobody_can_take_is_offered_again(relay: Relay, tmp_path: Path) -> None:
    relay.activate(changed_policy(tmp_path / "alone", "routing.yaml", nobody="nobody_free: {pool: is_managers} => "))
    relay.listen()
    absent(relay, *team(relay, SDR))
    (contact_id,) = inquire(relay, 1)
    relay.hear_and_settle()
    assert owner(relay, contact_id) == ""
    with relay.database.transaction(relay.installation_id) as conn:
        people.end_absences(conn, sorted(team(relay, SDR)), relay.tenant.now(conn))
    relay.pass_time(minutes=16)
    relay.hear_and_settle()
    assert owner(relay, contact_id) in team(relay, SDR)


def now_of(relay: Relay) -> datetime:
    with relay.database.transaction(relay.installation_id) as conn:
        return relay.tenant.now(conn)


def wait_until(relay: Relay, moment: datetime) -> None:
    """Until half an hour after it."""
    relay.pass_time(seconds=(moment - now_of(relay)).total_seconds() + 1800)


def in_the_evening(relay: Relay) -> None:
    """Half past six on a working day in Tokyo: the office has closed."""
    wait_until(relay, relay.policy.calendar.closing_after(now_of(relay), 1))


def test_outside_working_hours_leads_wait_or_go_to_the_named_pool(relay: Relay, tmp_path: Path) -> None:
    """Also a person with hours of their own, and an owner who keeps a lead at any hour."""
    waiting = changed_policy(
        tmp_path / "waiting",
        "routing.yaml",
        hours="warn_if_fewer_than: 2} => warn_if_fewer_than: 2, outside_hours: wait}",
    )
    hours = ", ".join(f"{day}: 18:00-23:00" for day in ("mon", "tue", "wed", "thu", "fri"))
    evening = f"calendars:\n  evening: {{hours: {{{hours}}}}}"
    settings = waiting / "policy.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("calendars:", evening, 1), encoding="utf-8")
    relay.activate(waiting)
    relay.listen()
    in_the_evening(relay)
    (first,) = inquire(relay, 1)
    relay.hear_and_settle()
    assert owner(relay, first) == ""
    (due,) = relay.rows("SELECT due_at FROM lead_due")
    again_in = due["due_at"] - now_of(relay)
    assert again_in > timedelta(hours=1), "when the office opens, not every few minutes"

    late = sorted(team(relay, SDR))[0]
    cli = CommandLine.of(relay)
    assert cli.run("people", "set", late, "--calendar", "nights").exit_code == 3
    assert cli.run("people", "set", late, "--calendar", "evening").exit_code == 0
    relay.settle()
    assert owner(relay, first) == late
    now = {one["person"]: one["now"] for one in cli.json("routing", "show", "sdr")["sdr"]}
    assert now == {one: None if one == late else "off_hours" for one in team(relay, SDR)}
    assert cli.run("people", "set", late, "--calendar", "").exit_code == 0
    (second,) = inquire(relay, 1, first=1)
    relay.hear_and_settle()
    assert owner(relay, second) == ""
    wait_until(relay, relay.policy.calendar.next_open(now_of(relay)))
    relay.hear_and_settle()
    assert owner(relay, second) in team(relay, SDR), "somebody begins in the morning"

    relay.activate(
        changed_policy(
            tmp_path / "skipping",
            "routing.yaml",
            hours="warn_if_fewer_than: 2} => warn_if_fewer_than: 2, outside_hours: skip}",
        )
    )
    in_the_evening(relay)
    (third,) = inquire(relay, 1, first=2)
    relay.hear_and_settle()
    assert owner(relay, third) in team(relay, MANAGERS)
    assert owner(relay, first) == late


def test_what_nobody_can_take_is_seen_to_wait(relay: Relay, tmp_path: Path) -> None:
    relay.activate(changed_policy(tmp_path / "alone", "routing.yaml", nobody="nobody_free: {pool: is_managers} => "))
    relay.listen()
    absent(relay, *team(relay, SDR))
    inquire(relay, 2)
    relay.hear_and_settle()
    with relay.database.transaction(relay.installation_id) as conn:
        assert people.waiting(conn) == {"sdr": 2}
        assert len(people.unrouted(conn)) == 2

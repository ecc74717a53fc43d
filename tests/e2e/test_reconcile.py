"""Reconcile: whatever events did not tell is found by looking, at the least cost, each once, and repaired as always."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RetryableError
from connector.jobs.tasks import Jobs
from connector.sandbox import search
from connector.store.clock import machine_now
from connector.store.reconcile_passes import Scope
from connector.sync.reading import read_slice
from connector.sync.reconcile import begin, failing, look, reconcile_due, reconcile_slice
from connector.vendors.base import Lane
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import POLICY, Relay

SMALL = POLICY.parent / "small-team"
CONTACT = "contact"


def people(relay: Relay, count: int) -> list[str]:
    """So many contacts, imported, met and decided; no event tells of any of them."""
    rows = [{"email": f"p{number}@example.co.jp", "lastname": "山田"} for number in range(count)]
    ids = relay.sandbox.import_rows(rows)
    relay.meet()
    relay.settle(rounds=2_000)
    relay.pass_time(minutes=5)
    relay.reconcile()  # what we wrote ourselves is looked at once more
    relay.settle(rounds=2_000)
    relay.pass_time(minutes=5)
    return ids


def mirrored(relay: Relay, name: str) -> dict[str, str]:
    """A property of every contact, as we know it."""
    rows = relay.rows("SELECT vendor_id, properties ->> %s AS v FROM mirror WHERE object_type = 'contact'", [name])
    return {row["vendor_id"]: row["v"] for row in rows}


def writes(relay: Relay) -> set[str]:
    return {kind for kind in relay.calls() if kind.rpartition(".")[2] in ("batch_update", "batch_create", "update")}


def read_all(relay: Relay) -> None:
    """What was marked is read, and nothing else is done."""
    while read_slice(relay.line, Lane.BACKGROUND):
        relay.rows("DELETE FROM lead_due RETURNING lead_id")


def show_what_changed_and_what_is_gone(relay: Relay, ids: list[str]) -> None:
    """20 changed and 5 archived are found and read in at most six requests; the second run finds and writes nothing."""
    for number, one in enumerate(ids[:20]):
        relay.sandbox.edit("contacts", one, {"jobtitle": f"営業課長{number}"})
    for one in ids[20:25]:
        relay.sandbox.delete("contacts", one)
    relay.pass_time(minutes=1)
    relay.mark()
    (done,) = relay.reconcile(Scope.CHANGES, CONTACT).values()
    assert (done.marked, done.archived, done.looked) == (20, 5, 25)
    read_all(relay)
    assert relay.calls()["total"] <= 6
    assert [mirrored(relay, "jobtitle")[one] for one in ids[:20]] == [f"営業課長{number}" for number in range(20)]
    gone = relay.rows("SELECT vendor_id FROM identity WHERE gone = 'archived'")
    assert sorted(row["vendor_id"] for row in gone) == sorted(ids[20:25])
    relay.settle()
    relay.mark()
    (again,) = relay.reconcile(Scope.CHANGES, CONTACT).values()
    relay.settle()
    assert (again.marked, again.archived) == (0, 0)
    assert writes(relay) == set()


def show_every_one_once(relay: Relay, ids: list[str]) -> None:
    """All of these changed in one moment; a search gives fewer of one question."""
    relay.sandbox.settings(search_lag_seconds=0)
    relay.pass_time(minutes=5, rate=0.0)
    binned = sum(one["archived"] for one in relay.sandbox.records("contacts"))
    for one in ids:
        relay.sandbox.edit("contacts", one, {"jobtitle": "部長"})
    relay.pass_time(minutes=1, rate=0.0)
    relay.mark()
    (done,) = relay.reconcile(Scope.CHANGES, CONTACT).values()
    assert (done.marked, done.looked, done.archived) == (len(ids), len(ids) + binned, 0)
    assert relay.calls()["contacts.search"] == -(-len(ids) // 200)
    waiting = relay.rows("SELECT vendor_id FROM link WHERE read_wanted_at IS NOT NULL")
    assert sorted(row["vendor_id"] for row in waiting) == sorted(ids)
    read_all(relay)
    relay.mark()
    (again,) = relay.reconcile(Scope.CHANGES, CONTACT).values()
    read_all(relay)
    assert again.marked == 0
    assert "contacts.batch_read" not in relay.calls()


def test_what_changed_and_what_was_archived_is_found_in_six_requests(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    show_what_changed_and_what_is_gone(relay, people(relay, 240))


@pytest.mark.fault("F48", "T9")
def test_more_changes_than_search_gives_are_found_once_each(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WINDOW_MAX", 200)
    relay = make_relay(policy=SMALL)
    show_every_one_once(relay, people(relay, 450))


@pytest.mark.fault("F48", "T9")
@pytest.mark.soak
def test_twenty_thousand_contacts(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    ids = people(relay, 20_000)
    show_what_changed_and_what_is_gone(relay, ids)
    relay.pass_time(minutes=5)
    relay.reconcile()  # the next window overlaps this one, in which nothing was edited
    show_every_one_once(relay, ids[100:15_100])


@pytest.mark.fault("F13", "T9")
def test_new_lost_and_restored_people_take_the_ordinary_path(make_relay: MakeRelay) -> None:
    """Found by everything too, where nobody looked in time; what was found before is not found again."""
    relay = make_relay(policy=SMALL)
    first, second, third = people(relay, 3)
    relay.sandbox.delete("contacts", first)
    relay.pass_time(minutes=5)
    relay.reconcile()
    relay.settle()
    assert relay.lead(first)["gone"] == "archived"
    relay.sandbox.restore("contacts", first)
    new = relay.sandbox.create("contacts", {"email": "new@example.co.jp", "lastname": "鈴木"})["id"]
    relay.sandbox.edit("contacts", second, {"jobtitle": "部長"})
    relay.sandbox.delete("contacts", third)
    relay.pass_time(hours=26)
    (done,) = relay.reconcile(Scope.EVERYTHING, CONTACT).values()
    assert (done.marked, done.archived, done.pages) == (3, 1, 1)
    relay.settle()
    assert relay.lead(first)["gone"] is None
    assert relay.lead(third)["gone"] == "archived"
    assert mirrored(relay, "jobtitle")[second] == "部長"
    assert relay.contact(new)["tasuki_grade"] == "C", "a person whom no event told of is decided like any other"
    (again,) = relay.reconcile(Scope.EVERYTHING, CONTACT).values()
    relay.settle()
    (last,) = relay.reconcile(Scope.EVERYTHING, CONTACT).values()
    assert again.marked <= 1, "at most the one whom we wrote meanwhile"
    assert (last.marked, last.archived) == (0, 0)


@pytest.mark.fault("T9")
def test_a_killed_pass_goes_on_where_it_was(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    ids = people(relay, 250)
    for one in ids:
        relay.sandbox.edit("contacts", one, {"jobtitle": "部長"})
    relay.pass_time(minutes=1)
    (begun,) = begin(relay.line, Scope.CHANGES, [CONTACT])
    assert look(relay.line, begun).looked == 200
    relay.mark()
    printed = CommandLine.of(relay).json("reconcile", "--type", CONTACT)
    (told,) = printed["connections"][0]["objects"]
    assert {name: told[name] for name in ("object", "looked", "marked", "archived", "pages")} == {
        "object": CONTACT, "looked": 250, "marked": 250, "archived": 0, "pages": 3,
    }  # fmt: skip
    assert relay.calls()["contacts.search"] == 1, "the first page is not asked for again"
    late = look(relay.line, begun)
    assert (late.looked, late.ended_at is None) == (250, False), "who comes late counts nothing twice"
    relay.settle()
    assert set(mirrored(relay, "jobtitle").values()) == {"部長"}
    shown = CommandLine.of(relay).run("reconcile", "--full")
    assert shown.exit_code == 0, shown.output
    assert "contact" in shown.stdout
    assert "company" in shown.stdout
    refused = CommandLine.of(relay).run("reconcile", "--type", "deal")
    assert refused.exit_code == 3
    assert "the running policy reads company, contact" in refused.stderr


def test_the_vendors_wait_is_kept_and_other_types_go_on(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    (person,) = people(relay, 1)
    relay.sandbox.edit("contacts", person, {"jobtitle": "部長"})
    relay.pass_time(minutes=1)
    relay.sandbox.fault("status", kind="contacts.search", status=503, retry_after="600")
    started = relay.rows("SELECT clock_timestamp() AS at")[0]["at"]
    with pytest.raises(RetryableError) as caught:
        relay.reconcile(Scope.CHANGES, CONTACT)
    assert caught.value.retry_after_seconds == 600
    (row,) = relay.rows("SELECT * FROM reconcile_pass WHERE object_type = 'contact' AND ended_at IS NULL")
    assert (row["not_before"] - started).total_seconds() >= 600
    assert not reconcile_due(relay.line)
    relay.mark()
    with pytest.raises(RetryableError):
        relay.reconcile(Scope.CHANGES, CONTACT)
    assert relay.calls()["total"] == 0, "nothing is asked before its time"
    assert relay.reconcile(Scope.CHANGES, "company")["company"].under_way is False
    relay.rows("UPDATE reconcile_pass SET not_before = now() WHERE not_before IS NOT NULL RETURNING pages")
    assert reconcile_due(relay.line)
    assert relay.reconcile(Scope.CHANGES, CONTACT)[CONTACT].marked == 1


def test_what_cannot_be_read_stays_marked_whatever_the_place_of_the_pass(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    (person,) = people(relay, 1)
    relay.sandbox.edit("contacts", person, {"jobtitle": "部長"})
    relay.pass_time(minutes=5)
    relay.sandbox.fault("status", kind="contacts.batch_read", status=503, retry_after="60", times=None)
    assert relay.reconcile(Scope.CHANGES, CONTACT)[CONTACT].marked == 1
    with pytest.raises(RetryableError):
        read_slice(relay.line, Lane.BACKGROUND)
    assert failing(relay.line) == 1
    relay.pass_time(hours=2)
    assert relay.reconcile(Scope.CHANGES, CONTACT)[CONTACT].looked == 0, "the window has moved on"
    assert failing(relay.line) == 1
    relay.expire_waits()
    with pytest.raises(RetryableError):
        read_slice(relay.line, Lane.BACKGROUND)
    relay.sandbox.clear_faults()
    relay.expire_waits()
    relay.settle()
    assert failing(relay.line) == 0
    assert mirrored(relay, "jobtitle")[person] == "部長"


def test_of_our_own_tasks_only_what_people_did_with_them_is_read(make_relay: MakeRelay) -> None:
    relay = make_relay()
    contact = relay.new_mql()
    relay.settle()
    (task, *_) = relay.live_tasks()
    relay.pass_time(minutes=5)
    relay.mark()
    found = relay.reconcile()
    relay.settle()
    assert found["task"].looked
    assert not found["task"].marked
    assert "tasks.batch_read" not in relay.calls(), "they stand as we made them"
    relay.sandbox.edit("tasks", task["id"], {"hs_task_status": "COMPLETED"})
    relay.pass_time(minutes=5)
    assert relay.reconcile()["task"].marked == 1
    relay.settle()
    assert relay.calls()["tasks.batch_read"] == 1
    assert task["id"] not in {one["id"] for one in relay.open_tasks(contact)}


def test_the_schedule_looks_for_changes_at_once_and_for_everything_at_night(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    assert not reconcile_due(relay.line), "nobody was seen yet: everybody is read anyway"
    relay.meet()
    jobs = Jobs(relay.runtime)
    while reconcile_due(relay.line):
        jobs.reconcile(relay.installation_id, relay.connection_id)
    due = _due(relay)
    assert {scope for _, scope in due} == {"changes", "everything"}
    assert reconcile_slice(relay.line) == 0
    with relay.database.transaction(relay.installation_id) as conn:
        now = machine_now(conn)
    assert {kind: at > now for kind, at in due.items()} == dict.fromkeys(due, True)
    relay.rows("UPDATE reconcile_pass SET due_at = now() WHERE scope = 'everything' RETURNING pages")
    relay.mark()
    while reconcile_due(relay.line):
        reconcile_slice(relay.line)
    assert {kind for kind in relay.calls() if kind.endswith(".list")} == {"contacts.list", "companies.list"}


def _due(relay: Relay) -> dict[tuple[str, str], Any]:
    rows = relay.rows("SELECT object_type, scope, due_at FROM reconcile_pass")
    return {(row["object_type"], row["scope"]): row["due_at"] for row in rows}

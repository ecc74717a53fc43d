"""Lists and sequences: enrolled once, never blindly again; and who joins a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.effects import EffectKey, Enrolment
from connector.errors import RetryableError
from connector.store import links, managed
from connector.sync.lists import lists_due, poll_lists
from connector.sync.wanting import record_rows
from connector.vendors.refusal import RefusedError
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import Relay

LIST, SEQUENCE = "手動リスト", "資料請求お礼"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.sandbox.put_list(LIST)
    made.listen()
    return made


def _lead(relay: Relay, number: int = 0, *, owner: str | None = None) -> str:
    values = {"email": f"p{number}@example.co.jp"} | ({"hubspot_owner_id": owner} if owner else {})
    contact = str(relay.sandbox.create("contacts", values)["id"])
    relay.hear_and_settle()
    return contact


def _owner(relay: Relay) -> dict[str, Any]:
    return relay.sandbox.owners()[0]


def enrol(relay: Relay, contacts: Sequence[str], place: str, name: str, *, sender: str | None = None) -> None:
    """Want these enrolments, as evaluations do."""
    key = EffectKey(cause="stage_entry", cause_id="1", rule="wanted_here", slot="enrol")
    at = datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC)
    wanted = Enrolment(key=key, place=place, name=name, at=at, sender=sender)
    with relay.database.transaction(relay.installation_id) as conn:
        for contact in contacts:
            lead_id = int(relay.lead(contact)["id"])
            rows = list(record_rows(relay.line.dialect, lead_id, (), (), (), [wanted]))
            managed.want(conn, relay.installation_id, relay.connection_id, rows)
            links.desire(conn, {lead_id: "hot"})


def _sent(relay: Relay) -> list[dict[str, Any]]:
    return relay.sandbox.ledger(method="enroll")


def test_a_rule_of_the_shipped_policy_puts_low_leads_on_its_list(relay: Relay) -> None:
    contact = _lead(relay)
    assert relay.contact(contact)["tasuki_band"] == "low"
    assert relay.sandbox.lists()["ステップメール対象"] == [contact]


def test_people_are_put_on_a_list_in_one_call(relay: Relay) -> None:
    people = [_lead(relay, number) for number in range(5)]
    enrol(relay, people, "hubspot_list", LIST)
    relay.mark()
    relay.settle()
    assert sorted(relay.sandbox.lists()[LIST]) == sorted(people)
    assert relay.calls()["lists.add"] == 1
    enrol(relay, people, "hubspot_list", LIST)
    relay.mark()
    relay.settle()
    assert relay.calls()["total"] == 0, "once for its key"


def test_a_list_that_did_not_answer_is_filled_again(relay: Relay) -> None:
    contact = _lead(relay)
    relay.sandbox.fault("lost_response", kind="lists.add", times=5)
    enrol(relay, [contact], "hubspot_list", LIST)
    relay.settle()
    assert relay.sandbox.lists()[LIST] == [contact]
    assert relay.rows("SELECT step FROM managed_record WHERE desired ->> 'name' = %s", [LIST]) == [{"step": "exists"}]


def test_a_sequence_is_started_in_its_owners_name(relay: Relay) -> None:
    owner = _owner(relay)
    contact = _lead(relay, owner=owner["id"])
    enrol(relay, [contact], "hubspot_sequence", SEQUENCE, sender=owner["id"])
    relay.settle()
    (row,) = _sent(relay)
    assert (row["id"], row["detail"]) == (contact, {"sequence": SEQUENCE, "sender": owner["email"]})


@pytest.mark.parametrize("fault", ["lost_response", "drop"])
def test_an_uncertain_start_is_looked_up_before_it_is_made_again(relay: Relay, fault: str) -> None:
    owner = _owner(relay)
    contact = _lead(relay, owner=owner["id"])
    relay.sandbox.fault(fault, kind="sequences.enroll", times=1)
    enrol(relay, [contact], "hubspot_sequence", SEQUENCE, sender=owner["id"])
    relay.settle()
    relay.expire_leases()
    relay.settle()
    assert len(_sent(relay)) == 1
    calls = relay.calls()
    assert calls["sequences.status"] >= 1
    assert calls["sequences.enroll"] == (1 if fault == "lost_response" else 2)


@pytest.mark.parametrize("why", ["no_seat", "no_sequence", "no_owner", "other_sequence"])
def test_what_cannot_be_started_becomes_a_task(make_relay: MakeRelay, why: str) -> None:
    relay = make_relay(sequences_available=why != "no_seat")
    relay.listen()
    owner = _owner(relay)
    contact = _lead(relay, owner=owner["id"])
    name = "別のシーケンス" if why == "no_sequence" else SEQUENCE
    if why == "other_sequence":
        relay.sandbox.put_sequence("先約")
        enrol(relay, [contact], "hubspot_sequence", "先約", sender=owner["id"])
        relay.settle()
        relay.rows("UPDATE managed_record SET key = 'first' WHERE desired ->> 'name' = '先約' RETURNING key")
    sent = len(_sent(relay))
    enrol(relay, [contact], "hubspot_sequence", name, sender=None if why == "no_owner" else owner["id"])
    relay.mark()
    relay.hear_and_settle()
    assert len(_sent(relay)) == sent
    (task,) = relay.open_tasks(contact)
    assert task["hs_task_subject"] == f"シーケンス「{name}」を手動で開始"
    assert task["hs_task_type"] == "EMAIL"
    assert task["hubspot_owner_id"] == owner["id"], "whoever owns the lead"
    if why == "no_seat":
        assert "sequences.list" not in relay.calls(), "known since connecting"
    other = relay.sandbox.owners()[1]["id"]
    relay.sandbox.edit("contacts", contact, {"hubspot_owner_id": other})
    enrol(relay, [contact], "hubspot_sequence", name, sender=owner["id"])
    relay.hear_and_settle()
    assert [one["hubspot_owner_id"] for one in relay.tasks(contact)] == [other], "made once, and goes with the lead"


def _signals(relay: Relay, contact: str) -> list[str]:
    rows = relay.rows(
        "SELECT kind FROM signal JOIN identity USING (lead_id) WHERE vendor_id = %s AND source = 'hubspot_list'"
        " ORDER BY signal.id",
        [contact],
    )
    return [row["kind"] for row in rows]


def _look(relay: Relay) -> int:
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE poll_cursor SET due_at = now() WHERE kind LIKE 'list:%%'")
    assert lists_due(relay.line)
    return poll_lists(relay.line)


def test_joining_a_list_is_a_signal_and_who_was_on_it_did_nothing(relay: Relay) -> None:
    name = "ウェビナー参加者"
    old, first, second = (_lead(relay, number) for number in range(3))
    relay.sandbox.put_list(name, kind="DYNAMIC", add=[old])
    assert _look(relay) == 0, "first sight is a baseline"
    relay.pass_time(seconds=1)
    relay.sandbox.put_list(name, add=[first])
    assert _look(relay) == 1
    assert (_signals(relay, old), _signals(relay, first)) == ([], ["webinar_attended"])
    relay.pass_time(seconds=1)
    relay.sandbox.put_list(name, add=[second])
    relay.mark()
    assert _look(relay) == 1
    calls = relay.calls()
    assert calls["lists.join_order"] == 1
    assert _signals(relay, first) == ["webinar_attended"]
    assert _look(relay) == 0
    relay.pass_time(days=1)
    relay.sandbox.put_list(name, remove=[first])
    relay.sandbox.put_list(name, add=[first])
    _look(relay)
    assert _signals(relay, first) == ["webinar_attended"] * 2, "coming back is coming again"
    relay.settle()
    assert relay.lead(first)["scores"]["behaviour"] > 0

    # A list that HubSpot does not show us is not asked for again every second, and nothing is missed by it.
    relay.pass_time(seconds=1)
    relay.sandbox.put_list(name, remove=[second])
    relay.sandbox.put_list(name, add=[second])
    relay.sandbox.fault("status", kind="lists.*", status=400, times=None)
    with pytest.raises(RefusedError):
        _look(relay)
    for _ in list(relay.line.binding.lists)[1:]:  # each look goes on with the next
        with pytest.raises(RetryableError):
            poll_lists(relay.line)
    assert not lists_due(relay.line)
    relay.sandbox.clear_faults()
    assert _look(relay) == 1


def test_a_long_list_is_followed_over_its_pages_and_an_empty_one_from_its_first_member(relay: Relay) -> None:
    name = "料金ページ閲覧"
    relay.sandbox.put_list(name, kind="DYNAMIC")
    assert _look(relay) == 0
    rows = [{"email": f"p{number}@example.co.jp"} for number in range(600)]
    people = relay.sandbox.import_rows(rows)
    for contact in people[:300]:
        relay.sandbox.put_list(name, add=[contact])
    assert _look(relay) == 300
    for contact in people[300:]:
        relay.sandbox.put_list(name, add=[contact])
    relay.mark()
    assert _look(relay) == 300
    assert relay.calls()["lists.join_order"] == 2
    assert {tuple(_signals(relay, contact)) for contact in people[::100]} == {("pricing_page",)}


def test_a_list_that_is_made_later_begins_with_its_baseline(relay: Relay) -> None:
    assert _look(relay) == 0
    contact = _lead(relay)
    relay.sandbox.put_list("ウェビナー参加者", kind="DYNAMIC", add=[contact])
    assert _look(relay) == 0
    assert _signals(relay, contact) == []

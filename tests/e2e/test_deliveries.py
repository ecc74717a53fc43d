"""Deliveries doubled, reordered, late and lost; records merged, deleted, restored and erased; a vendor that is ill."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import AuthError
from connector.store import connections
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL, Relay, quick


@pytest.fixture
def listening(relay: Relay) -> Relay:
    relay.listen()
    return relay


# ── order and number ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.fault("F1")
def test_eleven_attempts_at_one_batch_have_one_effect(listening: Relay) -> None:
    relay = listening
    relay.new_mql()
    taken = relay.rows("SELECT count FROM tally WHERE name = 'events' AND label = 'taken'")[0]["count"]
    mark = relay.mark()
    for _ in range(11):
        relay.sandbox.redeliver_webhooks(last=100)
        relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []
    assert relay.calls()["total"] == 0
    assert relay.rows("SELECT count FROM tally WHERE name = 'events' AND label = 'taken'")[0]["count"] == taken


@pytest.mark.fault("F2")
def test_events_that_share_an_id_are_all_taken(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.listen(same_event_id=True)
    ids = [relay.new_mql(f"a{n}@example.co.jp") for n in range(3)]
    relay.sandbox.edit("contacts", ids[1], {"tasuki_temperature": "hot"})
    relay.hear_and_settle()
    assert "現場の温度感が高い" in relay.contact(ids[1])["tasuki_score_reasons"]


@pytest.mark.fault("F4")
def test_shuffled_doubled_and_half_lost_events_end_in_the_newest_truth(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.listen(reorder=True, duplicate_rate=0.5)
    ids = [relay.new_mql(f"a{n}@example.co.jp") for n in range(5)]
    for temperature in ("cold", "hot", "warm", "hot"):
        for one in ids:
            relay.sandbox.edit("contacts", one, {"tasuki_temperature": temperature})
    relay.sandbox.webhooks(drop_rate=0.5)
    for one in ids:
        relay.sandbox.edit("contacts", one, {"jobtitle": "部長", "tasuki_budget": "secured"})
    relay.sandbox.webhooks(drop_rate=0.0)
    for one in ids:
        relay.sandbox.edit("contacts", one, {"phone": "03-1234-5678"})
    relay.hear_and_settle()
    for one in ids:
        assert "現場の温度感が高い" in relay.contact(one)["tasuki_score_reasons"]
        assert "課長級以上" in relay.contact(one)["tasuki_score_reasons"]
    assert [relay.made_by(one) for one in ids] == [[CALL, MAIL]] * 5
    assert len(relay.live_tasks()) == 2 * 5


# ── merge, deletion, erasure ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.fault("F45")
@pytest.mark.parametrize("new_record", [False, True], ids=["the primary lives on", "a new record"])
@pytest.mark.parametrize("paused", [False, True], ids=["told at once", "told with later events, shuffled"])
def test_a_merge_makes_one_lead_with_one_task_of_each_rule(listening: Relay, new_record: bool, paused: bool) -> None:
    relay = listening
    first, second = relay.new_mql("first@example.co.jp"), relay.new_mql("second@example.co.jp")
    relay.sandbox.webhooks(paused=paused, reorder=paused)
    winner = relay.sandbox.merge(first, second, new_record=new_record)["id"]
    relay.sandbox.edit("contacts", winner, {"tasuki_temperature": "hot"})
    relay.sandbox.webhooks(paused=False)
    relay.hear_and_settle()
    (lead,) = relay.rows("SELECT * FROM lead WHERE gone IS NULL")
    assert relay.lead(winner)["id"] == lead["id"]
    assert relay.rows("SELECT vendor_id FROM link") == [{"vendor_id": winner}]
    assert relay.still_asked_by(winner) == [CALL, MAIL], "of the same rule's two tasks the older survives"
    assert relay.made_by(winner) == [CALL, CALL, MAIL, MAIL]
    kinds = relay.rows("SELECT kind FROM signal WHERE lead_id = %s", [lead["id"]])
    assert [row["kind"] for row in kinds] == ["inquiry", "inquiry"]
    assert "現場の温度感が高い" in relay.contact(winner)["tasuki_score_reasons"]
    relay.sandbox.edit("contacts", winner, {"lifecyclestage": "opportunity"})
    relay.hear_and_settle()
    assert relay.open_tasks(winner) == [], "adopted work is closed like any other"


def _open(relay: Relay, contact_id: str, rule: str) -> list[dict[str, Any]]:
    return [task for task in relay.tasks_of(contact_id, rule) if task["hs_task_status"] != "COMPLETED"]


def test_a_finished_adopted_task_is_done_for_the_winner(listening: Relay) -> None:
    relay = listening
    first, second = relay.new_mql("first@example.co.jp"), relay.new_mql("second@example.co.jp")
    relay.sandbox.complete_task(relay.tasks_of(first, CALL)[0]["id"])
    relay.hear_and_settle()
    relay.sandbox.merge(first, second)
    relay.hear_and_settle()
    assert relay.still_asked_by(first) == [CALL, MAIL]
    (task,) = _open(relay, first, CALL)  # the winner has none that is open: this one stays
    relay.sandbox.edit("contacts", first, {"hubspot_owner_id": relay.sandbox.owners()[0]["id"]})
    relay.hear_and_settle()
    assert _open(relay, first, CALL)[0]["hubspot_owner_id"] == relay.sandbox.owners()[0]["id"]
    relay.sandbox.complete_task(task["id"])
    relay.hear_and_settle()
    tasks = relay.lead(first)["state"]["tasks"]
    assert [one["state"] for one in tasks if one["key"]["rule"] == CALL] == ["done", "done"]


def test_a_merge_is_no_behaviour(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.listen()
    first, second = relay.new_mql("first@example.co.jp"), relay.new_mql("second@example.co.jp")
    relay.sandbox.visit(second, times=3)
    given = {"tasuki_rep_decision": "returned", "tasuki_recycle_reason": "timing"}
    relay.sandbox.edit("contacts", second, given)
    relay.hear_and_settle()
    relay.pass_time(seconds=2)
    relay.sandbox.submit(INQUIRY, {"email": "second@example.co.jp"})
    relay.poll()
    relay.hear_and_settle()
    before, other = relay.lead(first)["id"], relay.lead(second)["id"]
    count = relay.rows("SELECT count(*) AS n FROM signal")[0]["n"]
    relay.sandbox.merge(first, second)
    relay.sandbox.calculated("contacts", first, {"hs_analytics_num_visits": "9"})
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM signal")[0]["n"] == count
    # nor is anything forgotten: how often either was sent back, and the way that each has gone
    told = CommandLine.of(relay).json("explain", first)
    assert told["lead_id"] == before
    moves = [(one["merged_lead"], one["stage"]) for one in reversed(told["history"])]
    assert [stage for lead, stage in moves if lead == other] == ["lead", "mql", "lead", "mql"]
    assert [stage for lead, stage in moves if lead is None] == ["lead", "mql"]
    assert relay.contact(first)["tasuki_times_sent_back"] == "1"


@pytest.mark.fault("F46")
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_deleted_contact_rests_and_a_restored_one_goes_on(listening: Relay, shuffled: bool) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.webhooks(paused=shuffled, reorder=shuffled)
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.sandbox.delete("contacts", contact_id)
    relay.sandbox.webhooks(paused=False)
    relay.hear_and_settle()
    assert relay.lead(contact_id)["gone"] == "archived"
    mark = relay.mark()
    relay.sandbox.redeliver_webhooks(last=50)
    relay.hear_and_settle()
    relay.poll()
    relay.settle()
    assert relay.our_writes(since=mark) == []
    relay.sandbox.restore("contacts", contact_id)
    relay.hear_and_settle()
    assert relay.lead(contact_id)["gone"] is None
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "cold"})
    relay.hear_and_settle()
    assert "現場の温度感が低い" in relay.contact(contact_id)["tasuki_score_reasons"]


def test_a_deletion_that_no_event_told_of_is_found_by_the_next_write(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.hear()
    relay.decide()
    relay.sandbox.webhooks(drop_rate=1.0)
    relay.sandbox.delete("contacts", contact_id)
    relay.settle()
    assert relay.lead(contact_id)["gone"] == "archived"


@pytest.mark.fault("F47", "T14")
@pytest.mark.parametrize("moment", ["at rest", "before the read", "before the write"])
def test_an_erased_person_is_forgotten_and_never_comes_back(listening: Relay, moment: str) -> None:
    relay = listening
    contact_id = relay.new_mql("canary@example.co.jp", lastname="カナリア")
    relay.sandbox.edit("contacts", contact_id, {"tasuki_track": "bdr"})
    relay.sandbox.edit("contacts", contact_id, {"tasuki_score": "77"})
    if moment == "at rest":
        relay.hear_and_settle()
    else:
        relay.hear()
        relay.runtime.ingest()
        if moment == "before the write":
            relay.decide()
    relay.sandbox.forget(contact_id)
    relay.hear_and_settle()
    relay.sandbox.redeliver_webhooks(last=100)
    relay.hear_and_settle()
    relay.poll()
    relay.settle()
    assert relay.sandbox.records("contacts") == []
    for table in ("mirror", "link", "lead", "signal", "managed_record", "lead_due", "stage_entry", "ledger", "drift"):
        held = relay.rows(f"SELECT {table}::text AS row FROM {table}")
        assert not [row for row in held if "canary" in row["row"] or "カナリア" in row["row"]], table
    for lead in relay.rows("SELECT gone, data_key FROM lead"):
        assert (lead["gone"], lead["data_key"]) == ("erased", None)


# ── an ill vendor ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.fault("F37", "F40")
@pytest.mark.parametrize("status", [429, 500, 502, 503, 423, 477])
def test_storms_postpone_and_lose_nothing(listening: Relay, status: int) -> None:
    relay = listening
    relay.sandbox.fault("status", kind="*.batch_*", status=status, times=None, probability=0.5)
    found = [relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": "山田"}) for n in range(20)]
    relay.hear()
    for _ in range(15):
        relay.expire_waits()
        relay.round()
    relay.sandbox.clear_faults()
    for _ in range(5):
        relay.expire_waits()
        relay.hear_and_settle()
    assert relay.parked() == []
    for one in found:
        assert relay.contact(str(one["contact_id"]))["lifecyclestage"] == MQL
        assert relay.made_by(str(one["contact_id"])) == [CALL, MAIL]


@pytest.mark.fault("F40")
def test_what_the_vendor_asks_us_to_wait_is_waited(make_relay: MakeRelay) -> None:
    relay = make_relay(limits=quick(retry_seconds=1.0, retry_seconds_most=5.0))
    relay.listen()
    contact_id = relay.new_mql()
    relay.sandbox.fault("status", kind="contacts.batch_update", status=477, times=1, retry_after="600")
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.hear_and_settle()
    relay.mark()
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "cold"})  # news are no reason to call sooner
    relay.hear_and_settle()
    assert relay.calls().get("contacts.batch_update", 0) == 0
    (wait,) = relay.rows("SELECT extract(epoch FROM not_before - now()) AS seconds FROM link")
    assert 500 < wait["seconds"] <= 600
    relay.expire_waits()
    relay.settle()
    assert "現場の温度感が低い" in relay.contact(contact_id)["tasuki_score_reasons"]


@pytest.mark.fault("F44")
def test_revoked_access_pauses_keeps_events_and_goes_on_when_it_is_back(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    token = relay.sandbox.token
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.hear()
    relay.sandbox.revoke_token()
    with pytest.raises(AuthError):
        relay.settle()
    with relay.database.transaction(relay.installation_id) as conn:
        assert connections.pause(conn, relay.connection_id, reason="token_refused", seconds=None)
    assert relay.runtime.lines(relay.tenant) == {}
    relay.sandbox.edit("contacts", contact_id, {"jobtitle": "部長"})
    relay.hear()
    assert relay.runtime.ingest() > 0, "its events are kept meanwhile"
    relay.connect(str(relay.sandbox.issue_token()["token"]))
    assert token != relay.settings.hubspot.access_token  # type: ignore[union-attr]
    with relay.database.transaction(relay.installation_id) as conn:
        assert connections.resume(conn, relay.connection_id)
    relay.hear_and_settle()
    reasons: Any = relay.contact(contact_id)["tasuki_score_reasons"]
    assert "現場の温度感が高い" in reasons
    assert "課長級以上" in reasons

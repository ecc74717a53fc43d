"""A person's edit is kept, or decided by a stated rule, and recorded either way, whenever and however it is heard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import INQUIRY, MQL, Relay


@pytest.fixture
def listening(relay: Relay) -> Relay:
    relay.listen()
    return relay


def _edit_on_next_write(relay: Relay, properties: dict[str, str], *, when: str = "before") -> None:
    relay.sandbox.fault(
        "edit", kind="contacts.batch_update", times=1, when=when, edit={"type": "contacts", "properties": properties}
    )


def _recorded(relay: Relay, field: str) -> list[dict[str, Any]]:
    return [row for row in relay.kept_values() if row["field"] == field]


# ── computed fields: held ────────────────────────────────────────────────────────────────────────────────────
def test_an_edit_of_a_computed_field_is_held_and_visible_and_ends_after_hold_edits(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.edit("contacts", contact_id, {"tasuki_track": "bdr"})
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_track"] == "bdr"
    assert relay.holds(contact_id) == {"track"}
    relay.pass_time(days=8)
    relay.settle()
    assert relay.contact(contact_id)["tasuki_track"] == "sdr"
    assert _recorded(relay, "tasuki_track") == [
        {"field": "tasuki_track", "rule": "written_over", "actor": "person", "kept": "sdr", "lost": "bdr"}
    ]


@pytest.mark.fault("F31")
@pytest.mark.parametrize("told", ["at once", "late", "twice", "only by a read"])
def test_an_edit_between_our_read_and_our_write_is_put_back_and_held(listening: Relay, told: str) -> None:
    relay = listening
    _edit_on_next_write(relay, {"tasuki_track": "bdr"})
    relay.sandbox.webhooks(paused=True)
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()
    relay.settle()
    assert relay.contact(contact_id)["tasuki_track"] == "sdr", "our write has overtaken the edit"
    if told == "late":
        relay.pass_time(hours=3)
        relay.settle()
    relay.sandbox.webhooks(paused=False)
    if told == "twice":
        relay.sandbox.webhooks(reorder=True, duplicate_rate=1.0)
    relay.hear_and_settle()
    if told == "twice":
        relay.sandbox.redeliver_webhooks(last=50)
        relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_track"] == "bdr"
    assert relay.holds(contact_id) == {"track"}
    assert _recorded(relay, "tasuki_track") == [
        {"field": "tasuki_track", "rule": "overtaken", "actor": "person", "kept": "sdr", "lost": "bdr"}
    ]


@pytest.mark.parametrize("told", ["the edit", "the edit and our write"])
def test_an_edit_told_while_our_write_is_on_its_way_is_not_lost(listening: Relay, told: str) -> None:
    relay = listening
    contact_id = relay.new_mql()
    line = relay.line
    written = line.vendor.update

    def take_in() -> None:
        relay.hear()
        while relay.runtime.ingest():
            pass

    def update(object_type: str, *args: Any, **kwargs: Any) -> Any:
        if object_type == "contact":
            relay.sandbox.edit("contacts", contact_id, {"tasuki_channel": "outbound"})
            if told == "the edit":
                take_in()
        results = written(object_type, *args, **kwargs)
        if told != "the edit":
            take_in()
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "update", update)
        relay.sandbox.edit("contacts", contact_id, {"tasuki_source": "exhibition"})  # the channel becomes event
        relay.hear()
        for _ in range(3):
            relay.round()
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_channel"] == "outbound"
    assert {"rule": "overtaken", "actor": "person", "kept": "event", "lost": "outbound", "field": "tasuki_channel"} in (
        _recorded(relay, "tasuki_channel")
    )


def test_late_and_doubled_news_of_older_edits_bring_nothing_back(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.webhooks(paused=True)
    for track in ("bdr", "sdr", "bdr"):
        relay.sandbox.edit("contacts", contact_id, {"tasuki_track": track, "tasuki_background": f"then {track}"})
    relay.sandbox.webhooks(paused=False, reorder=True, duplicate_rate=0.5)
    relay.hear_and_settle()
    mark = relay.mark()
    relay.sandbox.redeliver_webhooks(last=100)
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_track"] == "bdr"
    assert relay.our_writes(since=mark) == []


@pytest.mark.fault("F31")
def test_the_products_own_field_is_written_again_over_a_person_and_the_value_is_recorded(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.edit("contacts", contact_id, {"tasuki_score": "99"})
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_score"] == "40"
    assert _recorded(relay, "tasuki_score") == [
        {"field": "tasuki_score", "rule": "written_over", "actor": "person", "kept": "40", "lost": "99"}
    ]


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_answer_stays_through_its_move_and_is_blanked_at_the_next(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.edit("contacts", contact_id, {"tasuki_rep_decision": "accepted", "tasuki_need": "在庫の見える化"})
    relay.hear_and_settle()
    assert relay.lead(contact_id)["stage"] == "sal"
    assert relay.contact(contact_id)["tasuki_rep_decision"] == "accepted"
    relay.sandbox.edit("contacts", contact_id, {"tasuki_recycle_reason": "timing"})
    relay.hear_and_settle()
    assert relay.lead(contact_id)["stage"] == "recycled"
    assert not relay.contact(contact_id).get("tasuki_rep_decision")
    assert relay.contact(contact_id)["tasuki_recycle_reason"] == "timing"
    assert [row["lost"] for row in _recorded(relay, "tasuki_rep_decision")] == ["accepted"]


def test_an_answer_given_anew_while_the_old_one_is_blanked_is_kept(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    relay.sandbox.edit("contacts", contact_id, {"tasuki_rep_decision": "accepted", "tasuki_need": "在庫の見える化"})
    relay.hear_and_settle()
    _edit_on_next_write(relay, {"tasuki_rep_decision": "returned"})
    relay.sandbox.edit("contacts", contact_id, {"tasuki_recycle_reason": "timing"})
    relay.hear_and_settle()
    assert relay.lead(contact_id)["stage"] == "recycled"
    assert relay.contact(contact_id)["tasuki_rep_decision"] == "returned"


# ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_persons_move_while_our_write_is_on_its_way_is_decided_by_manual_moves(listening: Relay) -> None:
    relay = listening
    _edit_on_next_write(relay, {"lifecyclestage": "salesqualifiedlead"})
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()
    relay.hear_and_settle()
    lead = relay.lead(contact_id)
    stored = relay.contact(contact_id)["lifecyclestage"]
    assert stored in ("salesqualifiedlead", MQL)
    assert (lead["stage"], stored) in (("sql", "salesqualifiedlead"), ("mql", MQL))
    assert _recorded(relay, "lifecyclestage") or lead["stage"] == "sql"


# ── with two at once ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.fault("F30")
def test_two_people_writing_different_fields_beside_us_both_survive(listening: Relay) -> None:
    relay = listening
    contact_id = relay.new_mql()
    _edit_on_next_write(relay, {"tasuki_budget": "secured"})
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})
    relay.hear_and_settle()
    contact = relay.contact(contact_id)
    assert (contact["tasuki_budget"], contact["tasuki_temperature"]) == ("secured", "hot")


def test_contested_fields_are_read_again_right_before_they_are_written(make_relay: MakeRelay) -> None:
    """A person's move that no event has told of: seen by the re-read, so that our older wish does not go over it."""
    relay = make_relay()
    relay.listen(drop_rate=1.0)
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()
    relay.decide()
    relay.sandbox.edit("contacts", contact_id, {"lifecyclestage": "opportunity"})
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE mirror SET read_at = read_at - interval '2 minutes'")
    relay.settle()
    assert relay.lead(contact_id)["stage"] == "opportunity"
    assert relay.contact(contact_id)["lifecyclestage"] == "opportunity"

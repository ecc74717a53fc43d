"""F4: field sales accepts, or rejects with a reason; a reject comes back, is examined, then goes on or aside."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import edit, its_deals, its_notes, new_sql, say
from tests.e2e.relay import Relay

AGAIN = "再精査"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def _rejected(relay: Relay) -> tuple[str, str]:
    """A contact whose hand-over field sales has rejected, with its deal."""
    contact = new_sql(relay)
    (deal,) = its_deals(relay, contact)
    say(relay, deal["id"], tasuki_fs_decision="rejected")
    assert relay.lead(contact)["stage"] == "sql", "a reject needs its reason"
    say(relay, deal["id"], tasuki_reject_reason="not_ready")
    assert relay.lead(contact)["stage"] == "sal"
    return contact, deal["id"]


def test_an_accept_counts_with_the_meeting_that_was_held(relay: Relay) -> None:
    contact = new_sql(relay)
    (deal,) = its_deals(relay, contact)
    say(relay, deal["id"], tasuki_fs_decision="accepted")
    assert relay.lead(contact)["stage"] == "sql"
    say(relay, deal["id"], tasuki_held_at="2026-11-27T05:00:00Z")
    assert relay.lead(contact)["stage"] == "opportunity"
    assert relay.contact(contact)["lifecyclestage"] == "opportunity"


def test_a_reject_comes_back_with_its_reason_and_a_task(relay: Relay) -> None:
    contact, _ = _rejected(relay)
    (task,) = [one for one in relay.open_tasks(contact) if AGAIN in one["hs_task_subject"]]
    assert "課題が未確認" in task["hs_task_subject"]
    entries = relay.rows("SELECT stage, transition, reason FROM stage_entry ORDER BY seq")
    assert entries[-1] == {"stage": "sal", "transition": "fs_reject", "reason": "not_ready"}


def test_a_second_attempt_goes_onto_the_open_deal_with_a_packet_of_its_own(relay: Relay) -> None:
    contact, deal = _rejected(relay)
    edit(relay, contact, tasuki_need="課題を現場の3人に確認した")
    assert relay.lead(contact)["stage"] == "sql"
    (again,) = its_deals(relay, contact)
    assert again["id"] == deal
    assert "tasuki_fs_decision" not in again["properties"], "asked again"
    assert "tasuki_reject_reason" not in again["properties"]
    notes = its_notes(relay, deal)
    assert len(notes) == 2
    assert any("課題・ニーズ: 課題を現場の3人に確認した" in text and "SAL(課題が未確認)" in text for text in notes)
    say(relay, deal, tasuki_fs_decision="accepted", tasuki_held_at="2026-11-27T05:00:00Z")
    assert relay.lead(contact)["stage"] == "opportunity"


@pytest.mark.parametrize(
    ("field", "reason", "stage"),
    [("tasuki_recycle_reason", "timing", "recycled"), ("tasuki_discard_reason", "wrong_target", "discarded")],
)
def test_a_reject_ends_in_recycling_or_discarding(relay: Relay, field: str, reason: str, stage: str) -> None:
    contact, deal = _rejected(relay)
    edit(relay, contact, **{field: reason})
    assert relay.lead(contact)["stage"] == stage
    assert [one for one in relay.open_tasks(contact) if AGAIN in one["hs_task_subject"]] == []
    assert len(its_notes(relay, deal)) == 1

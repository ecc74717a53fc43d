"""What HubSpot is sent for tasks, deals and notes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.vendors.hubspot.dialect import HubSpotDialect
from connector.vendors.hubspot.fields import TEXT_LIMIT
from connector.vendors.text import units

AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC).isoformat()
DIALECT = HubSpotDialect(zone=ZoneInfo("Asia/Tokyo"), language="ja", task_queues={"tele_call": "4711"})
TASK: dict[str, Any] = {
    "title": "電話", "text": "", "kind": "call", "priority": None, "due_at": AT, "owner": None, "queue": None,
}  # fmt: skip
DEAL: dict[str, Any] = {"title": "一件", "amount": 3_000_000.0, "owner": "7"}


@pytest.mark.parametrize(("queue", "stored"), [("tele_call", "4711"), ("today", None), (None, None)])
def test_a_task_goes_on_the_queue_whose_id_is_set(queue: str | None, stored: str | None) -> None:
    content = DIALECT.task_content({**TASK, "queue": queue}, "open")
    assert content.get("hs_queue_membership_ids") == stored


def test_a_record_is_opened_in_the_portals_own_data_centre() -> None:
    europe = HubSpotDialect(zone=ZoneInfo("Asia/Tokyo"), language="ja", portal_id="7", ui_domain="app-eu1.hubspot.com")
    assert europe.record_link("contact", "12") == "https://app-eu1.hubspot.com/contacts/7/record/0-1/12"
    assert europe.record_link("company", "12") == "https://app-eu1.hubspot.com/contacts/7/record/0-2/12"
    assert DIALECT.record_link("contact", "12") is None, "no portal, no page"


def test_a_deal_is_sent_with_what_is_known() -> None:
    assert DIALECT.deal_content(DEAL, pipeline="1", stage="2") == {
        "dealname": "一件", "pipeline": "1", "dealstage": "2", "amount": "3000000", "hubspot_owner_id": "7",
    }  # fmt: skip
    little = DIALECT.deal_content({**DEAL, "amount": None, "owner": None}, pipeline="1", stage="2")
    assert set(little) == {"dealname", "pipeline", "dealstage"}
    assert DIALECT.deal_content({**DEAL, "amount": 0.0}, pipeline="1", stage="2")["amount"] == "0"


def test_a_note_is_html_of_the_text() -> None:
    content = DIALECT.note_content({"text": "<課題>\n& 予算", "at": AT})
    assert content == {"hs_note_body": "&lt;課題&gt;<br>&amp; 予算", "hs_timestamp": "2026-04-01T09:00:00Z"}


@given(st.text(alphabet=st.sampled_from("&<a\n課😀"), min_size=1, max_size=40), st.integers(1, 4_000))
def test_a_note_fits_and_ends_within_no_entity(piece: str, times: int) -> None:
    body = DIALECT.note_content({"text": piece * times, "at": AT})["hs_note_body"]
    assert units(body) <= TEXT_LIMIT
    rest = body.replace("&amp;", "").replace("&lt;", "").replace("<br>", "")
    assert not set(rest) & set("&<")

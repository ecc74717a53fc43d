"""HubSpot's records of activities: what counts, as what, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.vendors.base import ActivityKind, Record
from connector.vendors.hubspot.activities import (
    ACTIVITIES,
    BUSY,
    CONNECTED,
    LEFT_VOICEMAIL,
    NO_ANSWER,
    SCHEDULED,
    activity,
)
from connector.vendors.outcomes import outcome_values

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(object_type: str, *, at: datetime | None = NOW, **properties: str | None) -> Record:
    told = {"hs_timestamp": at.isoformat() if at else None} | properties
    return Record(object_type=object_type, id="1", properties=told, modified_at=NOW)


def occurrences(of: Record, now: datetime = NOW) -> list[tuple[str | None, datetime, bool]]:
    found = activity(of, now=now)
    assert found is not None
    return [(one.outcome, one.at, one.plain) for one in found.occurrences]


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (record("call"), ActivityKind.CALL),
        (record("call", hs_call_status="CANCELED"), None),
        (record("call", at=None), None),
        (record("email", hs_email_direction="EMAIL", hs_email_status="SENT"), ActivityKind.MAIL),
        (record("email", hs_email_direction="EMAIL"), ActivityKind.MAIL),
        (record("email", hs_email_direction="EMAIL", hs_email_status="FAILED"), None),
        (record("email", hs_email_direction="FORWARDED_EMAIL"), None),
        (record("email", hs_email_direction="INCOMING_EMAIL", hs_email_status="SENT"), ActivityKind.MAIL_REPLY),
        (record("communication", hs_communication_channel_type="LINKEDIN_MESSAGE"), ActivityKind.SOCIAL),
        (record("note"), ActivityKind.NOTE),
        (record("note", tasuki_key="7:stage_entry:1:create_deal:packet"), None),
    ],
)
def test_what_a_record_is(of: Record, kind: ActivityKind | None) -> None:
    found = activity(of, now=NOW)
    assert (found.kind if found else None) is kind


def test_a_call_has_its_disposition_else_what_its_status_says() -> None:
    assert occurrences(record("call", hs_call_disposition=CONNECTED, hs_call_status="NO_ANSWER")) == [
        (CONNECTED, NOW, True)
    ]
    assert occurrences(record("call", hs_call_status="NO_ANSWER")) == [(NO_ANSWER, NOW, True)]
    assert occurrences(record("call", hs_call_status="COMPLETED")) == [(None, NOW, True)]


def test_a_call_has_its_length_in_seconds() -> None:
    found = activity(record("call", hs_call_duration="65500", hubspot_owner_id="7"), now=NOW)
    assert found is not None
    assert (found.length_seconds, found.owner) == (65.5, "7")


def test_a_meeting_to_come_was_booked_and_is_looked_at_again() -> None:
    made, start = NOW - HOUR, NOW + 24 * HOUR
    meeting = record("meeting", at=start, hs_createdate=made.isoformat(), hs_meeting_outcome="SCHEDULED")
    assert occurrences(meeting) == [(SCHEDULED, made, False)]
    found = activity(meeting, now=NOW)
    assert found is not None
    assert found.again_at == start
    assert occurrences(meeting, now=start) == [(SCHEDULED, made, False), (None, start, True)]


def test_a_meeting_that_was_held_was_booked_too_if_it_was_made_before_it_began() -> None:
    made, start = NOW - 3 * HOUR, NOW - HOUR
    held = record("meeting", at=start, hs_createdate=made.isoformat(), hs_meeting_outcome="COMPLETED")
    assert occurrences(held) == [(SCHEDULED, made, False), ("COMPLETED", start, True)]
    logged = record("meeting", at=start, hs_createdate=NOW.isoformat(), hs_meeting_outcome="COMPLETED")
    assert occurrences(logged) == [("COMPLETED", start, True)]


def test_a_meeting_that_was_called_off_is_no_meeting() -> None:
    made, start = NOW - 3 * HOUR, NOW + HOUR
    off = record("meeting", at=start, hs_createdate=made.isoformat(), hs_meeting_outcome="CANCELED")
    assert occurrences(off) == [(SCHEDULED, made, False), ("CANCELED", NOW, False)]
    found = activity(off, now=NOW)
    assert found is not None
    assert found.again_at is None


@pytest.mark.parametrize(
    ("word", "labels", "stored"),
    [
        ("接続", {CONNECTED: "Connected"}, {CONNECTED}),
        ("不通", {}, {NO_ANSWER, BUSY, LEFT_VOICEMAIL}),
        ("ＣＯＮＮＥＣＴＥＤ", {CONNECTED: "Connected"}, {CONNECTED}),
        ("接続", {"own": "接続", CONNECTED: "折り返し"}, {"own"}),
        (CONNECTED, {CONNECTED: "つながった!"}, {CONNECTED}),
        ("以心伝心", {CONNECTED: "Connected"}, set()),
    ],
)
def test_a_policys_word_for_an_outcome(word: str, labels: dict[str, str], stored: set[str]) -> None:
    assert outcome_values(ACTIVITIES, {ActivityKind.CALL: labels}, ActivityKind.CALL, word) == stored


def test_words_of_meetings_are_not_words_of_calls() -> None:
    assert outcome_values(ACTIVITIES, {}, ActivityKind.MEETING, "予定") == {SCHEDULED}
    assert outcome_values(ACTIVITIES, {}, ActivityKind.CALL, "予定") == set()

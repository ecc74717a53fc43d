"""HubSpot's calls, e-mails, messages, meetings and notes as activities: what counts, as what, and when.

| record | counts as | when |
| --- | --- | --- |
| call | `call`; outcome: its disposition, else what its status says | `hs_timestamp` |
| e-mail | outgoing and sent: `mail`; incoming: `mail_reply` | `hs_timestamp` |
| message (LinkedIn, WhatsApp, SMS) | `social` | `hs_timestamp` |
| meeting | `meeting` with the outcome SCHEDULED: when it was booked, whatever comes of it | when it was made |
| | `meeting` plain, and with its outcome, unless it did not take place | its start, once that has come |
| note | `note`, unless it is ours | `hs_timestamp` |
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from connector.vendors.base import Activity, ActivityKind, Occurrence, Record
from connector.vendors.dialect import ActivityWords
from connector.vendors.hubspot.protocol import KEY_PROPERTY
from connector.vendors.moments import to_moment

SCHEDULED: Final = "SCHEDULED"
NOT_HELD: Final = ("CANCELED", "NO_SHOW", "RESCHEDULED")
"""Outcomes of meetings that did not take place (at that time)."""

BUSY: Final = "9d9162e7-6cf3-4944-bf63-4dff82258764"
CONNECTED: Final = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
LEFT_LIVE_MESSAGE: Final = "a4c4c377-d246-4b32-a13b-75a56a4cd0ff"
LEFT_VOICEMAIL: Final = "b2cf5968-551e-4856-9783-52b3da59a7d0"
NO_ANSWER: Final = "73a0d17f-1163-4015-bdd5-ec830791da20"
WRONG_NUMBER: Final = "17b47fee-58de-441e-a44c-c6300d46f273"

_COMMON: Final = ("hs_timestamp", "hs_createdate", "hubspot_owner_id")
_NOT_MADE: Final = ("QUEUED", "CANCELED")
_NOT_SENT: Final = ("BOUNCED", "FAILED", "SCHEDULED", "SENDING")
_BY_STATUS: Final = {"NO_ANSWER": NO_ANSWER, "BUSY": BUSY}

#: HubSpot's own outcomes in the words of people; a portal that renamed one is known by its label.
_CALL_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    CONNECTED: ("接続", "接続済み", "通話", "つながった", "connected"),
    NO_ANSWER: ("不通", "応答なし", "不在", "no answer"),
    BUSY: ("不通", "話中", "通話中", "busy"),
    LEFT_VOICEMAIL: ("不通", "留守電", "留守番電話", "left voicemail"),
    LEFT_LIVE_MESSAGE: ("伝言", "left live message"),
    WRONG_NUMBER: ("番号違い", "wrong number"),
}
_MEETING_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    SCHEDULED: ("予定", "予約", "確定", "scheduled"),
    "COMPLETED": ("実施", "実施済み", "完了", "completed"),
    "RESCHEDULED": ("日程変更", "リスケ", "rescheduled"),
    "NO_SHOW": ("不参加", "無断欠席", "no show"),
    "CANCELED": ("キャンセル", "中止", "canceled", "cancelled"),
}

ACTIVITIES: Final[Mapping[str, ActivityWords]] = {
    "call": ActivityWords(
        kinds=(ActivityKind.CALL,),
        properties=(*_COMMON, "hs_call_disposition", "hs_call_status", "hs_call_duration", "hs_call_direction"),
        outcomes=_CALL_OUTCOMES,
    ),
    "email": ActivityWords(
        kinds=(ActivityKind.MAIL, ActivityKind.MAIL_REPLY),
        properties=(*_COMMON, "hs_email_direction", "hs_email_status"),
    ),
    "communication": ActivityWords(
        kinds=(ActivityKind.SOCIAL,), properties=(*_COMMON, "hs_communication_channel_type")
    ),
    "meeting": ActivityWords(
        kinds=(ActivityKind.MEETING,),
        properties=(*_COMMON, "hs_meeting_outcome", "hs_meeting_start_time", "hs_meeting_end_time"),
        outcomes=_MEETING_OUTCOMES,
    ),
    "note": ActivityWords(kinds=(ActivityKind.NOTE,), properties=(*_COMMON, KEY_PROPERTY)),
}


def activity(record: Record, *, now: datetime) -> Activity | None:
    """See `Dialect.activity`."""
    at = to_moment(record.properties.get("hs_timestamp"))
    if at is None:
        return None
    if record.object_type == "meeting":
        return _meeting(record, at, now)
    kind = _kind(record)
    if kind is None:
        return None
    milliseconds = record.properties.get("hs_call_duration")
    return Activity(
        kind=kind,
        occurrences=(Occurrence(at=at, outcome=_call_outcome(record), plain=True),),
        owner=record.properties.get("hubspot_owner_id"),
        length_seconds=float(milliseconds) / 1000 if milliseconds else None,
    )


def _kind(record: Record) -> ActivityKind | None:
    told = record.properties
    if record.object_type == "call":
        return None if told.get("hs_call_status") in _NOT_MADE else ActivityKind.CALL
    if record.object_type == "communication":
        return ActivityKind.SOCIAL
    if record.object_type == "note":
        return None if told.get(KEY_PROPERTY) else ActivityKind.NOTE
    if told.get("hs_email_direction") == "INCOMING_EMAIL":
        return ActivityKind.MAIL_REPLY
    sent = told.get("hs_email_direction") == "EMAIL" and told.get("hs_email_status") not in _NOT_SENT
    return ActivityKind.MAIL if sent else None


def _call_outcome(record: Record) -> str | None:
    return record.properties.get("hs_call_disposition") or _BY_STATUS.get(record.properties.get("hs_call_status") or "")


def _meeting(record: Record, at: datetime, now: datetime) -> Activity:
    told = record.properties
    start = to_moment(told.get("hs_meeting_start_time")) or at
    made, end = to_moment(told.get("hs_createdate")), to_moment(told.get("hs_meeting_end_time"))
    outcome = told.get("hs_meeting_outcome")
    found: list[Occurrence] = []
    if made is not None and (made < start or outcome == SCHEDULED):
        found.append(Occurrence(at=made, outcome=SCHEDULED, plain=False))
    if outcome in NOT_HELD:
        found.append(Occurrence(at=min(start, record.modified_at or start), outcome=outcome, plain=False))
    elif start <= now:
        found.append(Occurrence(at=start, outcome=outcome if outcome != SCHEDULED else None, plain=True))
    return Activity(
        kind=ActivityKind.MEETING,
        occurrences=tuple(found),
        owner=told.get("hubspot_owner_id"),
        length_seconds=(end - start).total_seconds() if end is not None and end > start else None,
        again_at=start if start > now and outcome not in NOT_HELD else None,
    )

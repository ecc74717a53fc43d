"""Salesforce's tasks and events as activities: what counts, as what, and when.

| record | counts as | when |
| --- | --- | --- |
| closed task of the subtype Call | `call`; outcome: `CallDisposition` | `CompletedDateTime` |
| closed task of the subtype Email, ListEmail | `mail`; `mail_reply`: it came in (`mails.py`) | `CompletedDateTime` |
| closed task of the subtype LinkedIn | `social` | `CompletedDateTime` |
| event | `meeting` with the outcome SCHEDULED: when it was made | `CreatedDate` |
| | `meeting` plain | its start, once that has come |

Tasks of ours (they carry our key) say nothing here: that one was done is read as a task. Salesforce keeps no outcome of
an event: one that did not take place is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from connector.vendors.base import Activity, ActivityKind, Occurrence, Record
from connector.vendors.dialect import ActivityWords
from connector.vendors.moments import to_moment
from connector.vendors.salesforce.mails import INCOMING
from connector.vendors.salesforce.protocol import KEY_PROPERTY

SCHEDULED: Final = "SCHEDULED"

_KINDS: Final[Mapping[str, ActivityKind]] = {
    "Call": ActivityKind.CALL,
    "Email": ActivityKind.MAIL,
    "ListEmail": ActivityKind.MAIL,
    "LinkedIn": ActivityKind.SOCIAL,
}

#: What org after org types or offers as a call's result, in the words of people.
_CALL_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    "Connected": ("接続", "通話", "つながった", "connected"),
    "接続": ("接続", "通話", "つながった", "connected"),
    "通話": ("接続", "通話", "つながった", "connected"),
    "No Answer": ("不通", "応答なし", "不在", "no answer"),
    "No answer": ("不通", "応答なし", "不在", "no answer"),
    "Left Voicemail": ("不通", "留守電", "留守番電話", "left voicemail"),
    "Busy": ("不通", "話中", "通話中", "busy"),
    "不通": ("不通", "応答なし", "不在", "no answer"),
    "不在": ("不通", "応答なし", "不在", "no answer"),
    "留守電": ("不通", "留守電", "留守番電話", "left voicemail"),
    "Wrong Number": ("番号違い", "wrong number"),
    "番号違い": ("番号違い", "wrong number"),
}
_MEETING_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {SCHEDULED: ("予定", "予約", "確定", "scheduled")}

ACTIVITIES: Final[Mapping[str, ActivityWords]] = {
    "Task": ActivityWords(
        kinds=(ActivityKind.CALL, ActivityKind.MAIL, ActivityKind.MAIL_REPLY, ActivityKind.SOCIAL),
        properties=(
            "TaskSubtype",
            "IsClosed",
            "CompletedDateTime",
            "ActivityDate",
            "CallDisposition",
            "CallDurationInSeconds",
            "OwnerId",
            KEY_PROPERTY,
        ),
        outcomes=_CALL_OUTCOMES,
        free=True,
    ),
    "Event": ActivityWords(
        kinds=(ActivityKind.MEETING,),
        properties=("CreatedDate", "StartDateTime", "EndDateTime", "OwnerId"),
        outcomes=_MEETING_OUTCOMES,
    ),
}


def activity(record: Record, *, now: datetime) -> Activity | None:
    """See `Dialect.activity`."""
    return _meeting(record, now) if record.object_type == "Event" else _task(record)


def _task(record: Record) -> Activity | None:
    told = record.properties
    kind = _KINDS.get(told.get("TaskSubtype") or "")
    at = to_moment(told.get("CompletedDateTime")) or to_moment(told.get("ActivityDate"))
    if kind is None or at is None or told.get(KEY_PROPERTY) or told.get("IsClosed") != "true":
        return None
    if kind is ActivityKind.MAIL and told.get(INCOMING) == "true":
        kind = ActivityKind.MAIL_REPLY
    seconds = told.get("CallDurationInSeconds")
    return Activity(
        kind=kind,
        occurrences=(Occurrence(at=at, outcome=told.get("CallDisposition"), plain=True),),
        owner=told.get("OwnerId"),
        length_seconds=float(seconds) if seconds else None,
    )


def _meeting(record: Record, now: datetime) -> Activity | None:
    told = record.properties
    start, end = to_moment(told.get("StartDateTime")), to_moment(told.get("EndDateTime"))
    if start is None:
        return None
    made = to_moment(told.get("CreatedDate"))
    found = [Occurrence(at=made, outcome=SCHEDULED, plain=False)] if made is not None and made < start else []
    if start <= now:
        found.append(Occurrence(at=start, outcome=None, plain=True))
    return Activity(
        kind=ActivityKind.MEETING,
        occurrences=tuple(found),
        owner=told.get("OwnerId"),
        length_seconds=(end - start).total_seconds() if end is not None and end > start else None,
        again_at=start if start > now else None,
    )

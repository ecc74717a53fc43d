"""A deal or company over which the CRM stumbles waits by itself: the lead that hangs on it goes on.

`link.failing` holds, by type of record, {id, attempts, stumbles, since, not_before, parked}, in the database's time.
The lead's next news take what is `parked` up again, once: what fails then is parked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.domain.codec_work import moment_text
from connector.store.outstanding import Setback
from connector.sync.parcel import Parcel
from connector.sync.stumbling import Tried


def may_go(parcel: Parcel, object_type: str, vendor_id: str, now: datetime) -> bool:
    """False while it waits. What waits for its time is taken up again then."""
    entry = _entry(parcel, object_type, vendor_id)
    if "parked" in entry:
        return False
    left = (_moment(entry, "not_before") or now) - now
    if left > timedelta(0):
        parcel.wait_aside(left.total_seconds())
    return left <= timedelta(0)


def tried(parcel: Parcel, object_type: str, vendor_id: str) -> Tried:
    """How often and since when it has failed."""
    entry = _entry(parcel, object_type, vendor_id)
    return Tried(
        attempts=int(entry.get("attempts", 0)),
        stumbles=int(entry.get("stumbles", 0)),
        since=_moment(entry, "since"),
    )


def note(parcel: Parcel, object_type: str, vendor_id: str, setback: Setback, now: datetime) -> None:
    """A call for it came to nothing."""
    before = tried(parcel, object_type, vendor_id)
    parcel.failing[object_type] = {
        "id": vendor_id,
        "attempts": before.attempts + 1,
        "stumbles": before.stumbles + setback.stumbled,
        "since": moment_text(before.since or now),
        "not_before": moment_text(now + timedelta(seconds=setback.seconds)),
        **({"parked": moment_text(now)} if setback.parked else {}),
    }
    if not setback.parked:
        parcel.wait_aside(setback.seconds)


def forget(parcel: Parcel, object_type: str) -> None:
    """It got further."""
    parcel.failing.pop(object_type, None)


def _entry(parcel: Parcel, object_type: str, vendor_id: str) -> Mapping[str, Any]:
    """What is known of this very record; the lead may have hung on another one."""
    entry: Mapping[str, Any] = parcel.failing.get(object_type, {})
    return entry if entry.get("id") == vendor_id else {}


def _moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(entry[name]) if name in entry else None

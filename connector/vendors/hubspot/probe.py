"""On which types does this portal enforce our key? Asked by doing it, where HubSpot documents it nowhere.

Two tasks (notes) with one key are created and archived again at once: a portal that enforces the key refuses the second
one and finds the first by it. Deals are not made for a trial, since workflows would start on them: HubSpot documents
unique properties of deals, so theirs is believed. Where a key is not enforced, uncertain creates are looked up through
the lead's associations.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connector.errors import RetryableError
from connector.texts import say
from connector.vendors.base import Create, Lane, Outcome, WriteResult
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.fields import moment_text

_TITLE = "Tasuki: connection test (deleted at once)"
_TRIALS = {
    "task": {"hs_task_subject": _TITLE, "hs_task_status": "COMPLETED"},
    "note": {"hs_note_body": _TITLE},
}


def enforced_keys(vendor: HubSpotVendor, types: Iterable[str], *, probe_id: str, now: datetime) -> list[str]:
    """Those of these types on which two records cannot have the same key. Leaves nothing behind.

    Raises `RetryableError` when an answer is missing: then the probe is made again with another `probe_id`.
    """
    return [one for one in types if _is_enforced(vendor, one, probe_id, now)]


def _is_enforced(vendor: HubSpotVendor, object_type: str, probe_id: str, now: datetime) -> bool:
    if object_type in _TRIALS:
        return _tried(vendor, object_type, probe_id, now)
    found = vendor.describe(object_type).get(vendor.key_property)
    return found is not None and found.unique


def _tried(vendor: HubSpotVendor, object_type: str, probe_id: str, now: datetime) -> bool:
    key = f"probe:{probe_id}"
    made: list[str] = []
    try:
        first = _create(vendor, object_type, key, now)
        if first.outcome is not Outcome.APPLIED:
            raise RetryableError(
                say(
                    "HubSpot creates no {object_type} ({why}); check the app's scopes with docs/hubspot.md.",
                    object_type=object_type,
                    why=first.reason,
                ),
                reason="probe_failed",
            )
        made.append(first.id)
        second = _create(vendor, object_type, key, now)
        if second.outcome is Outcome.APPLIED:
            made.append(second.id)
        elif second.outcome is not Outcome.REJECTED:
            raise RetryableError("The probe had no clear answer; try again.", reason="probe_uncertain")
        return second.outcome is Outcome.REJECTED and _found(vendor, object_type, key, first.id)
    finally:
        if made:
            vendor.archive(object_type, made, lane=Lane.BACKGROUND)


def _create(vendor: HubSpotVendor, object_type: str, key: str, now: datetime) -> WriteResult:
    properties = {**_TRIALS[object_type], "hs_timestamp": moment_text(now)}
    [result] = vendor.create(object_type, [Create(key=key, properties=properties, associate=())], lane=Lane.BACKGROUND)
    return result


def _found(vendor: HubSpotVendor, object_type: str, key: str, record_id: str) -> bool:
    try:
        found = vendor.find_by_key(object_type, [key], [], lane=Lane.BACKGROUND)
    except RetryableError:  # a look-up by a property that is not unique is refused
        return False
    return key in found and found[key].id == record_id

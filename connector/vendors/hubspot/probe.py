"""Does this portal enforce our key on tasks? Asked by doing it, since HubSpot documents it nowhere.

Two tasks with one key are created and archived again at once: a portal that enforces the key refuses the second one
and finds the first by it. Where it does not, uncertain creates are looked up through the lead's associations.
"""

from __future__ import annotations

from datetime import datetime

from connector.errors import RetryableError
from connector.vendors.base import Create, Lane, Outcome, WriteResult
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.fields import moment_text

_TYPE = "task"


def enforces_unique_keys(vendor: HubSpotVendor, *, probe_id: str, now: datetime) -> bool:
    """True when a second task with the same key is refused and the first is found by it. Leaves nothing behind.

    Raises `RetryableError` when an answer is missing: then the probe is made again with another `probe_id`.
    """
    key = f"probe:{probe_id}"
    made: list[str] = []
    try:
        first = _create(vendor, key, now)
        if first.outcome is not Outcome.APPLIED:
            raise RetryableError(
                f"HubSpot does not create a task ({first.reason}); check the app's scopes with docs/hubspot.md.",
                reason="probe_failed",
            )
        made.append(first.id)
        second = _create(vendor, key, now)
        if second.outcome is Outcome.APPLIED:
            made.append(second.id)
        elif second.outcome is not Outcome.REJECTED:
            raise RetryableError("The probe had no clear answer; try again.", reason="probe_uncertain")
        return second.outcome is Outcome.REJECTED and _found(vendor, key, first.id)
    finally:
        if made:
            vendor.archive(_TYPE, made, lane=Lane.BACKGROUND)


def _create(vendor: HubSpotVendor, key: str, now: datetime) -> WriteResult:
    properties = {
        "hs_timestamp": moment_text(now),
        "hs_task_subject": "Tasuki: connection test (deleted at once)",
        "hs_task_status": "COMPLETED",
    }
    [result] = vendor.create(_TYPE, [Create(key=key, properties=properties, associate=())], lane=Lane.BACKGROUND)
    return result


def _found(vendor: HubSpotVendor, key: str, task_id: str) -> bool:
    try:
        found = vendor.find_by_key(_TYPE, [key], [], lane=Lane.BACKGROUND)
    except RetryableError:  # a look-up by a property that is not unique is refused
        return False
    return key in found and found[key].id == task_id

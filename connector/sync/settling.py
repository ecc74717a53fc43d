"""What becomes of a lead's outstanding writes at the end of a slice: done, tried again, or waiting for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import AuthError, RetryableError
from connector.store.links import WriteOutcome
from connector.store.outstanding import ALWAYS_FAILS
from connector.sync import stage_move
from connector.sync.context import Line, backoff
from connector.sync.parcel import Parcel
from connector.sync.stumbling import Patience
from connector.vendors.base import Outcome
from connector.vendors.batches import MERGED_AWAY


def outcome(line: Line, parcel: Parcel, patience: Patience) -> WriteOutcome:
    """After a slice that came to its end."""
    if parcel.moved_on:
        return _unconfirmed(parcel)
    dropped = _dropped(parcel)
    last = parcel.results[-1][1] if parcel.results else None
    if last is not None and last.outcome is Outcome.REJECTED and last.property_name not in parcel.results[-1][0]:
        return WriteOutcome(
            lead_id=parcel.lead.id,
            confirmed=False,
            dropped=dropped,
            parked_reason=last.reason or "rejected",
            parked_property=last.property_name,
            parked_message=last.message,
        )
    if last is not None and (last.outcome is Outcome.MISSING or last.reason == MERGED_AWAY):
        parcel.missing = True
        return _unconfirmed(parcel, dropped)
    if last is not None and last.outcome in (Outcome.RETRY, Outcome.UNCERTAIN):
        seconds = last.retry_after_seconds or backoff(line.tenant.limits, parcel.claim.attempts)
        return _again(parcel, patience, seconds, dropped)
    if parcel.missing:
        return _unconfirmed(parcel, dropped)
    if parcel.retry_seconds is not None:
        return _again(parcel, patience, parcel.retry_seconds, dropped)
    if stage_move.refused_backward(line, parcel):
        return _unconfirmed(parcel, dropped)
    if parcel.aside_seconds is not None:  # the record itself is as it should be
        return WriteOutcome(
            lead_id=parcel.lead.id, confirmed=False, retry_seconds=parcel.aside_seconds, aside=True, dropped=dropped
        )
    return WriteOutcome(lead_id=parcel.lead.id, confirmed=True, dropped=dropped)


def later(line: Line, parcel: Parcel, error: RetryableError | AuthError, patience: Patience) -> WriteOutcome:
    """After a slice that `error` ended. A refused token counts as nobody's attempt, and a failed call as an attempt of
    those alone who were in it: who was not goes again before them, and without them."""
    asked = error.retry_after_seconds if isinstance(error, RetryableError) else 0.0
    if not isinstance(error, RetryableError) or not parcel.tried:
        claim = parcel.claim
        return WriteOutcome(
            lead_id=parcel.lead.id,
            confirmed=False,
            retry_seconds=line.tenant.limits.retry_seconds if asked is None else asked,
            attempts=claim.attempts,
            stumbles=claim.stumbles,
            failed=claim.failing_since is not None,
            journal=stage_move.journal_after(parcel),
        )
    seconds = backoff(line.tenant.limits, parcel.claim.attempts) if asked is None else asked
    parcel.failed = True
    return _again(parcel, patience, seconds, None)


def _again(parcel: Parcel, patience: Patience, seconds: float, dropped: Mapping[str, Any] | None) -> WriteOutcome:
    """It is tried again, or waits for a person: its writes came to nothing so often, or for so long."""
    claim = parcel.claim
    stumbles, since = claim.stumbles + parcel.stumbled, claim.failing_since
    failed = parcel.failed or parcel.stumbled or parcel.came_to_nothing
    if parcel.came_to_nothing and patience.is_over(stumbles=stumbles, since=since):
        return WriteOutcome(lead_id=claim.lead_id, confirmed=False, dropped=dropped, parked_reason=ALWAYS_FAILS)
    return WriteOutcome(
        lead_id=claim.lead_id,
        confirmed=False,
        retry_seconds=patience.pause(stumbles=stumbles, since=since, asked=seconds) if failed else seconds,
        attempts=claim.attempts + 1,
        stumbles=stumbles,
        failed=failed,
        journal=stage_move.journal_after(parcel),
        dropped=dropped,
    )


def _unconfirmed(parcel: Parcel, dropped: Mapping[str, Any] | None = None) -> WriteOutcome:
    return WriteOutcome(lead_id=parcel.lead.id, confirmed=False, dropped=dropped)


def _dropped(parcel: Parcel) -> dict[str, Any]:
    """What the vendor refuses of this record, of what it accepted none."""
    dropped: dict[str, Any] = {**parcel.claim.dropped, **parcel.dropped}
    for sent, result in parcel.results:
        if result.outcome is Outcome.REJECTED and result.property_name in sent:
            name = result.property_name
            dropped[name] = {"value": sent[name], "reason": result.reason or "rejected"}
        elif result.outcome is Outcome.APPLIED:
            dropped = {name: why for name, why in dropped.items() if name not in sent}
    return dropped

"""How much of an account's day may still be used, and by which lane: pure.

An account's calls of a day belong to all its apps. We take a share of them, the background less than that, and never
what the others will need: when they use more than usual the background slows down, then stops, and at last the hot lane
too. What is decided hangs on what was counted alone, so that every worker decides the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

OTHERS_LAST = 0.05
"""Of the account's calls so much is never ours, whatever our share: who comes last must not find nothing."""

EARLIEST = 0.1
"""A forecast from less of the day than this would take one busy minute for the rule."""

UNKNOWN_SHARE = 0.5
"""Until then nobody knows what the others need: of a larger share the background has no more than of this one."""

SLOWED_FROM = 0.5
"""The background is free until so much of what it may have is used: most days end there."""

STEP_SECONDS = 60.0
"""How long a slowed background's next portion is for; it is portioned anew with every job."""

_DAY = timedelta(days=1)


class Pace(Enum):
    """How the background works."""

    FREE = "free"  #: As fast as the vendor takes it.
    SLOWED = "slowed"  #: In even portions over the rest of the day.
    STOPPED = "stopped"  #: Not at all until the day is over, or others use less.


class Reason(Enum):
    """What the background is slowed or stopped by."""

    SHARE = "share"  #: Our share of the day.
    OTHERS = "others"  #: What other apps use, or are going to use.


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorDay:
    """The day as the vendor counts it, and how much of it is over (0 … 1)."""

    date: date
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is known of an account's day. `everybody` is what the vendor told, ours included; None: it tells nothing."""

    total: float
    ours: float
    everybody: float | None = None
    share: float = 0.5
    hot_share: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Calls that each lane may still make, and how the day is going to end."""

    hot: float
    background: float
    next_portion: float  #: Of the background's, what it may make before it is decided anew.
    pace: Pace
    reason: Reason | None
    ours_by_evening: float
    others_by_evening: float


def vendor_day(now: datetime, zone: ZoneInfo) -> VendorDay:
    """The day of an account that counts from midnight in this zone."""
    local = now.astimezone(zone)
    begun = datetime.combine(local.date(), time(0), tzinfo=zone)
    ends = datetime.combine(local.date() + _DAY, time(0), tzinfo=zone)
    return VendorDay(date=local.date(), elapsed=(now - begun) / (ends.astimezone(now.tzinfo) - begun))


def rolling_day(now: datetime) -> VendorDay:
    """The day of an account that counts the last 24 hours: it never begins, and what others used is what they use."""
    return VendorDay(date=now.astimezone(UTC).date(), elapsed=1.0)


def allowance(usage: Usage, elapsed: float) -> Allowance:
    """What may still be done today."""
    budget, everybody = usage.total * usage.share, max(usage.ours, usage.everybody or 0.0)
    so_far = min(1.0, max(EARLIEST, elapsed))
    others = everybody - usage.ours
    others_by_evening = min(usage.total, others / so_far)
    room = usage.total * (1 - OTHERS_LAST) - everybody
    hot = max(0.0, min(budget - usage.ours, room))
    known = budget if elapsed >= EARLIEST else min(budget, UNKNOWN_SHARE * usage.total)
    by_share = (1 - usage.hot_share) * known - usage.ours
    by_others = room - usage.hot_share * budget - (others_by_evening - others)
    background = max(0.0, min(by_share, by_others, hot))
    reason = Reason.SHARE if by_share <= by_others else Reason.OTHERS
    pace = _pace(usage.ours, background, so_far)
    return Allowance(
        hot=hot,
        background=background,
        next_portion=background if pace is Pace.FREE else _portion(background, elapsed),
        pace=pace,
        reason=None if pace is Pace.FREE else reason,
        ours_by_evening=usage.ours + min(usage.ours / so_far * (1 - so_far), hot),
        others_by_evening=max(others, others_by_evening),
    )


def _pace(ours: float, background: float, so_far: float) -> Pace:
    """Slowed once half is used and what is left would not last at the rate until now."""
    if background < 1:
        return Pace.STOPPED
    rest = ours / so_far * (1 - so_far)
    return Pace.SLOWED if ours >= SLOWED_FROM * (ours + background) and rest > background else Pace.FREE


def _portion(background: float, elapsed: float) -> float:
    left_seconds = max(STEP_SECONDS, (1 - min(1.0, elapsed)) * _DAY.total_seconds())
    return min(background, max(1.0, background * STEP_SECONDS / left_seconds))

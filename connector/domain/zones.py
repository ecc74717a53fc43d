"""The names of time zones."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Every zone of this machine, such as Asia/Tokyo; its folders are walked through once a process."""
    return frozenset(available_timezones())

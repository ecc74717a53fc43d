"""The sandbox's clock: real time with an offset and a rate, or frozen; settable over the control API.

Everything that HubSpot would stamp or expire (occurredAt, token life, webhook retries, search lag, the daily
limit) follows this clock. Burst windows, latency and signature time stamps follow the machine's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache


def machine_ms() -> int:
    """The machine's time in milliseconds since 1970 (the sandbox is an edge: it has no injected machine clock)."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=4096)
def iso(ms: int) -> str:
    """`2024-10-20T19:50:47.612Z`: the form in which HubSpot prints a datetime."""
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


class SandboxClock:
    """Virtual milliseconds = anchor + elapsed machine time × rate."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._anchor_real = time.monotonic()
        self._anchor_virtual = time.time_ns() / 1e6
        self._rate = 1.0
        #: called after every jump, so that waiting threads look again
        self.listeners: list[Callable[[], None]] = []

    @property
    def rate(self) -> float:
        """Virtual seconds per machine second; 0 is frozen."""
        return self._rate

    def now_ms(self) -> int:
        """The sandbox's present, in milliseconds since 1970."""
        return int(self._now())

    def real_seconds_until(self, virtual_ms: float) -> float | None:
        """Machine seconds until the virtual instant; None while the clock is frozen before it."""
        missing = virtual_ms - self.now_ms()
        if missing <= 0:
            return 0.0
        return None if self._rate == 0 else missing / 1000 / self._rate

    def set(
        self,
        *,
        now_ms: int | None = None,
        advance_seconds: float = 0.0,
        rate: float | None = None,
    ) -> int:
        """Jump to `now_ms`, or ahead by `advance_seconds`, and/or change the rate; gives the new present."""
        with self._lock:
            # a jump ahead keeps the fraction of a millisecond: many of them must not leave us behind
            base = (self._now() if now_ms is None else float(now_ms)) + advance_seconds * 1000
            self._anchor_real = time.monotonic()
            self._anchor_virtual = base
            if rate is not None:
                self._rate = rate
        for listener in list(self.listeners):
            listener()
        return self.now_ms()

    def _now(self) -> float:
        return self._anchor_virtual + (time.monotonic() - self._anchor_real) * 1000 * self._rate

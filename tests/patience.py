"""Waiting for what happens in another thread or process, where there is no event to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    holds: Callable[[], object], seconds: float = 20.0, *, every: float = 0.02, but: tuple[type[Exception], ...] = ()
) -> None:
    """Return once it holds; what raises one of `but` does not hold yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except but:
            pass
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)

"""Waiting for what happens in another thread or process, where there is no event to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

_WAITS_FOR_US = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"


def until(
    holds: Callable[[], object], seconds: float = 60.0, *, every: float = 0.02, but: tuple[type[Exception], ...] = ()
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


def until_waited_for(connection: psycopg.Connection[Any]) -> None:
    """Return once somebody waits for a lock that this connection holds; the server is other tests' too."""
    until(lambda: connection.execute(_WAITS_FOR_US).fetchone(), every=0.005)

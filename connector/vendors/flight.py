"""Several requests in flight, as many as the vendor's rate and its present latency allow to be useful."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_SMOOTHING = 0.2


class Flight:
    """Runs calls side by side: `ceil(2 × rate × latency)` of them, at least two, at most `most`.

    Half as many would be enough if all were under way: but calls come in bursts, and one that waits for its token has
    its place too. More would only wait for tokens; fewer would leave some unused. Calls of one `map` must not touch the
    same record: that is the caller's to see to.
    """

    def __init__(self, *, rate_per_second: float = 19.0, most: int = 8) -> None:
        self._rate_per_second = rate_per_second
        self._most = most
        self._latency_seconds = 0.1
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    @property
    def width(self) -> int:
        """How many requests are kept in flight at present."""
        return max(2, min(self._most, math.ceil(2 * self._rate_per_second * self._latency_seconds)))

    def observe(self, seconds: float) -> None:
        """Learn how long a call took."""
        self._latency_seconds += _SMOOTHING * (seconds - self._latency_seconds)

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Results in the order of the items. An exception is raised after the calls under way have ended."""
        waiting = list(items)
        if len(waiting) <= 1:
            return [work(item) for item in waiting]
        gate = threading.Semaphore(self.width)
        failed = threading.Event()
        futures: list[Future[Result]] = []
        for item in waiting:
            gate.acquire()
            if failed.is_set():
                gate.release()
                break
            future = self._pool().submit(work, item)
            future.add_done_callback(lambda done: self._landed(done, gate, failed))
            futures.append(future)
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the threads after the calls under way."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)

    @staticmethod
    def _landed(done: Future[Result], gate: threading.Semaphore, failed: threading.Event) -> None:
        if done.exception() is not None:
            failed.set()
        gate.release()

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(max_workers=self._most, thread_name_prefix="vendor-call")
            return self._executor

"""The background gives way: one slice at a time in a process, and none is begun while somebody waits.

Python runs one thread at a time: the hot lane shares the interpreter with one other slice and not with six.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HOT_MAY_WAIT_SECONDS = 0.8
"""Nothing is begun in the background while somebody has waited for longer than this …"""
EACH_SECONDS = 5.0
"""… but for one slice in so long a time, by turns: the background is slow then, and never stands still."""
ASKS_AGAIN_SECONDS = 3.0
"""Who is refused asks again at the clerk's next look; who did not ask for so long has nothing to do."""
TURN_SECONDS = 2.0
"""A worker's threads are few: none of them waits longer for its turn."""


class Background:
    """The turns of background slices in this process. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slot = threading.Semaphore(1)
        self._last = clock()
        self._turns: dict[str, float] = {}  #: Kind → when its last turn ended.
        self._asked: dict[str, float] = {}  #: Kind → when it was refused.

    @contextmanager
    def turn(self, kind: str, is_hot_late: Callable[[float], bool]) -> Iterator[bool]:
        """Whether a slice of this kind (job and connection) may run now; who may not is left to the clerk's next look.

        `is_hot_late` says whether somebody whom the slice would hold up has waited for so many seconds.
        """
        mine = not self._waits(kind, is_hot_late) and self._slot.acquire(timeout=TURN_SECONDS)
        try:
            yield mine
        finally:
            if mine:
                self._last = self._turns[kind] = self._clock()
                self._asked.pop(kind, None)
                self._slot.release()

    def _waits(self, kind: str, is_hot_late: Callable[[float], bool]) -> bool:
        now = self._clock()
        mine = self._turns.get(kind, 0.0)
        earlier = any(
            self._turns.get(one, 0.0) < mine for one, at in list(self._asked.items()) if now - at < ASKS_AGAIN_SECONDS
        )
        if (now - self._last <= EACH_SECONDS or earlier) and is_hot_late(HOT_MAY_WAIT_SECONDS):
            self._asked[kind] = now
            return True
        return False

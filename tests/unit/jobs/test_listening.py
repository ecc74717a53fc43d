"""When the listener comes back: soon after a stream that was followed, later and later where none comes about."""

from __future__ import annotations

import threading

from connector.errors import RetryableError
from connector.jobs.listening import LONGEST_PAUSE_SECONDS, Listener
from connector.sync.following import Followed


class _Pauses(threading.Event):
    """Is set after so many pauses, none of which is waited for."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.seconds.append(timeout)
        if len(self.seconds) == self._most:
            self.set()
        return self.is_set()


def _pauses(lasting: list[float]) -> list[float]:
    """The pauses after streams that break off after so many seconds each."""
    now, left = [0.0], iter(lasting)

    def find() -> Followed | None:
        now[0] += next(left)
        raise RetryableError(reason="stream_ended")

    stop = _Pauses(len(lasting))
    Listener("", find, monotonic=lambda: now[0]).run(stop)
    return stop.seconds


def test_the_ordinary_end_of_a_stream_costs_a_moment_however_often_it_comes() -> None:
    assert max(_pauses([3 * 3600.0] * 50)) <= 1.0


def test_ends_that_follow_each_other_soon_lengthen_the_pause_until_one_was_followed_for_long() -> None:
    *failing, after = _pauses([0.1] * 10 + [LONGEST_PAUSE_SECONDS + 1.0])
    assert all(2.0**n / 2 <= pause <= 2.0**n for n, pause in enumerate(failing[:7]))
    assert all(LONGEST_PAUSE_SECONDS / 2 <= pause <= LONGEST_PAUSE_SECONDS for pause in failing[7:])
    assert after <= 1.0


def test_a_listener_outlives_any_number_of_failures() -> None:
    assert len(_pauses([0.1] * 1_100)) == 1_100

"""Carries a call out, or what a fault does in its place: cut connections, late application, pages of HTML."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from connector.errors import RejectedError
from connector.sandbox.exchange import Outcome
from connector.sandbox.faults import INSTEAD, Fault

Work = Callable[[], Outcome]


class Carrier:
    """Latency and faults around the work of one stand-in. `lock` guards its world."""

    def __init__(self, lock: threading.RLock, latency_seconds: Callable[[], float]) -> None:
        self._lock = lock
        self._latency_seconds = latency_seconds
        #: applications that a `delay_apply` fault still owes, by number
        self._owed: dict[int, tuple[threading.Timer, Callable[[], None]]] = {}
        self._owed_count = 0

    def carry_out(self, work: Work, struck: list[Fault], *, answer: Callable[[Fault], Outcome]) -> Outcome:
        """The call's outcome; `answer` words what a `status` fault says. What `work` raises is passed on."""
        latency = self._latency_seconds() + sum(one.seconds for one in struck if one.effect == "latency")
        if latency:
            time.sleep(latency / 2)
        terminal = next((one for one in struck if one.effect in INSTEAD), None)
        outcome = work() if terminal is None else self._instead(work, terminal, answer)
        if latency:
            time.sleep(latency / 2)
        return outcome

    def _instead(self, work: Work, rule: Fault, answer: Callable[[Fault], Outcome]) -> Outcome:
        if rule.effect == "status":
            return answer(rule)
        if rule.effect == "drop":
            return Outcome(cut=True)
        if rule.effect == "hang":
            return Outcome(cut=True, hold_seconds=rule.seconds or 60.0)
        if rule.effect == "delay_apply":
            self._owe(rule.seconds, partial(_quietly, work))
            return Outcome(cut=True, hold_seconds=rule.seconds + 1.0)
        if rule.effect == "html":
            if rule.applied:
                work()
            page = b"<!DOCTYPE html><html><body><h1>We are performing maintenance</h1></body></html>"
            return Outcome(status=200, body=page, headers={"Content-Type": "text/html;charset=utf-8"})
        if rule.effect == "lost_response":
            work()
            return Outcome(cut=True)
        whole = work()
        half = whole.body[: len(whole.body) // 2]
        whole.claimed_length = len(whole.body) if rule.short else None
        whole.body = half
        return whole

    def _owe(self, seconds: float, work: Callable[[], None]) -> None:
        with self._lock:
            self._owed_count += 1
            number = self._owed_count
            timer = threading.Timer(seconds, self._pay, args=(number,))
            timer.daemon = True
            self._owed[number] = (timer, work)
        timer.start()

    def _pay(self, number: int) -> None:
        with self._lock:
            owed = self._owed.pop(number, None)
            if owed is not None:
                owed[1]()

    def release_delayed(self) -> int:
        """Apply now what `delay_apply` faults still owe; gives how many."""
        with self._lock:
            numbers = list(self._owed)
            for number in numbers:
                self._owed[number][0].cancel()
                self._pay(number)
        return len(numbers)

    @property
    def delayed(self) -> int:
        """How many calls wait to be applied late."""
        return len(self._owed)

    def close(self) -> None:
        """Stop the timers."""
        with self._lock:
            for timer, _ in self._owed.values():
                timer.cancel()
            self._owed.clear()


def _quietly(work: Work) -> None:
    try:
        work()
    except RejectedError:
        return  # refused, and nobody is there to be told

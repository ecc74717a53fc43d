"""Sends webhook events as HubSpot does: batches, ten at a time, five seconds, ten attempts, no promise of order."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson
import urllib3

from connector.sandbox.clock import SandboxClock, machine_ms
from connector.sandbox.dice import seeded
from connector.sandbox.signatures import signature_headers
from connector.sandbox.webhook_settings import WebhookSettings
from connector.sandbox.wire import Json

LOG_LIMIT = 20_000


@dataclass(kw_only=True)
class Delivery:
    """One POST, attempted until it is taken or given up."""

    url: str
    #: what is signed: the registered URI, which a proxy may hide
    signed_url: str
    events: list[Json]
    #: a workflow's webhook: one contact instead of a list of events, signed v2, 4xx not retried
    workflow: Json | None = None
    attempt: int = 0


class WebhookSender:
    """Owns a dispatcher thread (started with the first event) and a pool of senders."""

    def __init__(self, settings: WebhookSettings, clock: SandboxClock, seed: int) -> None:
        self.settings = settings
        self._clock = clock
        self._rng = seeded(seed + 2)
        self._condition = threading.Condition()
        self._outbox: list[Json] = []
        self._direct: list[Delivery] = []
        #: taken from the queues, waiting for one of the concurrent connections
        self._sending: deque[Delivery] = deque()
        self._retries: list[tuple[int, int, Delivery]] = []
        self._order = itertools.count()
        self._in_flight = 0
        self._flush = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._http = urllib3.PoolManager(maxsize=64, retries=False)
        #: the last batches that were taken, newest last, for `redeliver`
        self.recent: deque[list[Json]] = deque(maxlen=200)
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LIMIT)
        self.totals = {"events": 0, "delivered": 0, "attempts": 0, "failed_attempts": 0, "given_up": 0, "dropped": 0}
        clock.listeners.append(self.wake)

    def enqueue(self, events: list[Json]) -> None:
        """Take events over; they go out after the linger window. Without a target they are dropped."""
        if not self.settings.target_url:
            self.totals["dropped"] += len(events)
            return
        with self._condition:
            kept = events
            if self.settings.drop_rate > 0:
                kept = [event for event in events if self._rng.random() >= self.settings.drop_rate]
                self.totals["dropped"] += len(events) - len(kept)
            self._outbox += kept
            if self.settings.duplicate_rate > 0:
                self._outbox += [dict(event) for event in kept if self._rng.random() < self.settings.duplicate_rate]
            self._start()
            self._condition.notify_all()

    def send_workflow(self, payload: Json) -> None:
        """Send one contact to the workflow's URL, signed v2."""
        with self._condition:
            url = self.settings.workflow_url
            self._direct.append(Delivery(url=url, signed_url=url, events=[], workflow=payload))
            self._start()
            self._condition.notify_all()

    def redeliver(self, last: int) -> None:
        """Send the last batches that were taken once more, as HubSpot sometimes does."""
        with self._condition:
            for events in list(self.recent)[-last:]:
                self._direct.append(self._delivery([dict(event) for event in events]))
            self._start()
            self._condition.notify_all()

    def flush(self) -> None:
        """Send what waits, and due retries as if their time had come, now."""
        with self._condition:
            self._flush = True
            self._start()
            self._condition.notify_all()

    def wait_idle(self, timeout_seconds: float, *, retries: bool = False) -> bool:
        """Whether everything was sent within the time; with `retries`, nothing may wait for another attempt either."""
        deadline = time.monotonic() + timeout_seconds
        with self._condition:
            while self._outbox or self._direct or self._sending or self._in_flight or (retries and self._retries):
                missing = deadline - time.monotonic()
                if missing <= 0:
                    return False
                self._condition.wait(missing)
            return True

    def state(self) -> dict[str, Any]:
        """Queue lengths and totals."""
        with self._condition:
            return {
                "waiting": len(self._outbox) + len(self._direct) + len(self._sending),
                "in_flight": self._in_flight,
                "retrying": len(self._retries),
                **self.totals,
            }

    def close(self) -> None:
        """Stop sending; what waits is lost, as with a sandbox that is switched off."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """Look again: the clock or a switch changed."""
        with self._condition:
            self._condition.notify_all()

    # ------------------------------------------------------------------ inside

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="sandbox-webhook")
            self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._closed and not self._ready():
                    self._condition.wait(self._patience())
                if self._closed:
                    return
            if not self._flush:
                time.sleep(max(0.0, self.settings.linger_seconds))
            with self._condition:
                self._sending.extend(self._take())
                while self._sending:
                    while self._in_flight >= self.settings.concurrency and not self._closed:
                        self._condition.wait(1.0)
                    delivery = self._sending.popleft()
                    self._in_flight += 1
                    if self._pool is not None and not self._closed:
                        self._pool.submit(self._post, delivery)

    def _ready(self) -> bool:
        if self.settings.paused and not self._flush:
            return False
        due = bool(self._retries) and self._retries[0][0] <= self._clock.now_ms()
        return bool(self._outbox or self._direct or due or (self._flush and self._retries))

    def _patience(self) -> float | None:
        if not self._retries or self.settings.paused:
            return None
        return self._clock.real_seconds_until(self._retries[0][0])

    def _take(self) -> list[Delivery]:
        """The deliveries of this window: retries that are due, then fresh batches."""
        now = self._clock.now_ms()
        taken: list[Delivery] = self._direct
        self._direct = []
        while self._retries and (self._flush or self._retries[0][0] <= now):
            taken.append(heapq.heappop(self._retries)[2])
        events, self._outbox = self._outbox, []
        if self.settings.reorder and len(events) > 1:
            self._rng.shuffle(events)
            if not self._flush:
                held = len(events) // 5
                self._outbox = events[:held]
                events = events[held:]
        self._flush = False
        size = self.settings.batch_size
        taken += [self._delivery(events[start : start + size]) for start in range(0, len(events), size)]
        self.totals["events"] += len(events)
        return taken

    def _delivery(self, events: list[Json]) -> Delivery:
        url = self.settings.target_url
        return Delivery(url=url, signed_url=self.settings.signed_url or url, events=events)

    def _post(self, delivery: Delivery) -> None:
        started = time.monotonic()
        status, error = 0, ""
        try:
            status = self._request(delivery)
        except urllib3.exceptions.HTTPError as failure:
            error = type(failure).__name__
        with self._condition:
            self._in_flight -= 1
            self._settle(delivery, status, error, time.monotonic() - started)
            self._condition.notify_all()

    def _request(self, delivery: Delivery) -> int:
        settings = self.settings
        if delivery.workflow is not None:
            body, versions = orjson.dumps(delivery.workflow), ["v2"]
        else:
            for event in delivery.events:
                event["attemptNumber"] = delivery.attempt
            body, versions = orjson.dumps(delivery.events), settings.signature_versions
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "HubSpot Webhooks (sandbox)",
            **signature_headers(versions, settings.app_secret, delivery.signed_url, body, machine_ms()),
        }
        reply = self._http.request(
            "POST",
            delivery.url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(total=settings.timeout_seconds),
            redirect=False,
        )
        return int(reply.status)

    def _settle(self, delivery: Delivery, status: int, error: str, seconds: float) -> None:
        taken = 200 <= status < 300
        self.totals["attempts"] += 1
        self.log.append(
            {
                "at": self._clock.now_ms(),
                "attempt": delivery.attempt,
                "events": len(delivery.events),
                "event_ids": [event["eventId"] for event in delivery.events],
                "workflow": delivery.workflow is not None,
                "status": status,
                "error": error,
                "seconds": round(seconds, 6),
            }
        )
        if taken:
            self.totals["delivered"] += len(delivery.events)
            if delivery.events:
                self.recent.append(delivery.events)
            return
        self.totals["failed_attempts"] += 1
        final = delivery.workflow is not None and 400 <= status < 500 and status != 429
        if final or delivery.attempt + 1 >= self.settings.max_attempts:
            self.totals["given_up"] += 1
            return
        schedule = self.settings.retry_seconds
        wait = schedule[min(delivery.attempt, len(schedule) - 1)]
        wait *= 1 + self._rng.uniform(-self.settings.retry_jitter, self.settings.retry_jitter)
        delivery.attempt += 1
        due = self._clock.now_ms() + int(wait * 1000)
        heapq.heappush(self._retries, (due, next(self._order), delivery))

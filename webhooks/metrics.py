"""What the receiver counts, for Prometheus. Works in one process and in several (PROMETHEUS_MULTIPROC_DIR)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from connector.store.streams import BEGUN, BROKEN, GAPS, StreamHealth

_STREAM = ["vendor", "account"]
_AGES: dict[str, tuple[str, Callable[[StreamHealth], float | None]]] = {
    "tasuki_stream_heard_seconds": ("Since a stream of changes said that it lives", lambda one: one.heard_seconds),
    "tasuki_stream_event_seconds": ("Since a stream of changes told of one", lambda one: one.event_seconds),
}
_COUNTS = {
    BEGUN: "How often a stream of changes was begun",
    BROKEN: "How often it broke off or was refused",
    GAPS: "How often it told of changes without saying which, or they were lost: all of that kind is looked through",
}
_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters of one process. `outcome` is `stored` or the machine reason of a refusal."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.deliveries = Counter(
            "tasuki_deliveries", "Deliveries by sender and outcome", ["source", "outcome"], registry=self._registry
        )
        self.bytes = Counter("tasuki_delivery_bytes", "Bytes of stored deliveries", ["source"], registry=self._registry)
        self.seconds = Histogram(
            "tasuki_delivery_seconds",
            "Time from reading a delivery to its acknowledgement",
            ["source"],
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )

        self._stored: dict[str, tuple[Counter, Counter, Histogram]] = {}

    def stored(self, source: str, size: int, seconds: float) -> None:
        """A delivery of `size` bytes is on disk, after so long. Sources are few: their figures are kept at hand."""
        found = self._stored.get(source)
        if found is None:
            counters = self.deliveries.labels(source, "stored"), self.bytes.labels(source), self.seconds.labels(source)
            found = self._stored[source] = counters
        deliveries, sizes, durations = found
        deliveries.inc()
        sizes.inc(size)
        durations.observe(seconds)

    def refused(self, source: str, reason: str) -> None:
        """A delivery was not taken, for this machine reason."""
        self.deliveries.labels(source, reason).inc()

    def text(self, inbox_depth: Callable[[], int | None], streams: Callable[[], Sequence[StreamHealth]]) -> bytes:
        """Everything in the exposition format; what the database cannot tell is left out."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        live = CollectorRegistry()
        live.register(_Depth(inbox_depth))
        live.register(_Streams(streams))
        return generate_latest(registry) + generate_latest(live)


class _Depth(Collector):
    def __init__(self, read: Callable[[], int | None]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        depth = self._read()
        if depth is not None:
            yield GaugeMetricFamily("tasuki_inbox_waiting", "Deliveries that nobody has read yet", value=depth)


class _Streams(Collector):
    def __init__(self, read: Callable[[], Sequence[StreamHealth]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        found = self._read()
        for name, (says, age) in _AGES.items():
            gauge = GaugeMetricFamily(name, says, labels=_STREAM)
            for one in found:
                seconds = age(one)
                if seconds is not None:
                    gauge.add_metric([one.vendor, one.account_id], seconds)
            yield gauge
        for what, says in _COUNTS.items():
            counter = CounterMetricFamily(f"tasuki_stream_{what}", says, labels=_STREAM)
            for one in found:
                counter.add_metric([one.vendor, one.account_id], one.counts.get(what, 0))
            yield counter

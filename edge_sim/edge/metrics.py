"""What one edge counts, in a Prometheus registry of its own so that several can live in one process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_sim.edge.cache import MemoryCache


class Metrics:
    """Every request for a song is counted once in `requests`, when the edge decides what to do with it:

    ``hit`` (from memory), ``miss`` and ``expired`` (a fetch begins), ``collapsed`` (it joins one), ``pass`` (straight
    through). `fetches` counts how the origin answered, `stale` who was served in spite of it, `sent` and `fetched` bytes.
    """

    def __init__(self, cache: MemoryCache) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Memory(cache))
        self.requests = Counter(
            "tonearm_edge_requests", "Requests for songs.", ["cache"], registry=self._registry
        )
        self.fetches = Counter(
            "tonearm_edge_fetches", "Answers of the origin.", ["outcome"], registry=self._registry
        )
        self.stale = Counter(
            "tonearm_edge_stale", "Old objects sent because the origin failed.", registry=self._registry
        )
        self.sent = Counter("tonearm_edge_sent_bytes", "Body bytes sent to clients.", registry=self._registry)
        self.fetched = Counter(
            "tonearm_edge_fetched_bytes", "Body bytes taken from the origin.", registry=self._registry
        )

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)


class _Memory(Collector):
    """Reads the cache when somebody asks."""

    def __init__(self, cache: MemoryCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("tonearm_edge_objects", "Objects in memory.", value=len(self._cache))
        yield GaugeMetricFamily("tonearm_edge_memory_bytes", "Memory in use.", value=self._cache.used)
        yield GaugeMetricFamily("tonearm_edge_budget_bytes", "Memory allowed.", value=self._cache.budget)
        yield CounterMetricFamily(
            "tonearm_edge_evictions", "Objects that made room for others.", value=self._cache.evictions
        )

"""What an edge saw of the servers behind it, for Prometheus: each worker process tells its own."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from edge_sim.edge.clock import Clock
from edge_sim.edge.upstreams.ask import Upstreams

_STATES = ("closed", "half-open", "open")
_LABELS = ("tier", "server")


class UpstreamMetrics(Collector):
    """Reads `upstreams` when somebody asks."""

    def __init__(self, upstreams: Upstreams, clock: Clock) -> None:
        self._upstreams = upstreams
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "tonearm_edge_upstream_state", "Circuit: 0 closed, 1 half-open, 2 open.", labels=_LABELS
        )
        failures = CounterMetricFamily(
            "tonearm_edge_upstream_failures", "Requests that a server failed.", labels=_LABELS
        )
        seconds = SummaryMetricFamily(
            "tonearm_edge_upstream_seconds", "Time until the head of an answer.", labels=_LABELS
        )
        for server in self._upstreams.servers:
            labels = (server.tier, str(server))
            state.add_metric(labels, _STATES.index(server.circuit.state(self._clock())))
            failures.add_metric(labels, server.failures)
            seconds.add_metric(labels, count_value=server.answers, sum_value=server.waited_ns / 1e9)
        yield state
        yield failures
        yield seconds
        yield CounterMetricFamily(
            "tonearm_edge_retries",
            "Requests that another server was asked as well.",
            value=self._upstreams.retries,
        )

"""What warming was good for, for Prometheus: each worker process tells its own."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_sim.edge.warming.ledger import CAUSES, OUTCOMES, Ledger


class WarmingMetrics(Collector):
    """Reads `ledger` when somebody asks."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        warmed = CounterMetricFamily(
            "tonearm_edge_warmed",
            "Objects fetched before anybody asked; those that were asked for then; those that left unused.",
            labels=["cause", "outcome"],
        )
        self._ledger.sweep()
        for cause in CAUSES:
            for outcome in OUTCOMES:
                warmed.add_metric([cause, outcome], self._ledger.count(cause, outcome))
        yield warmed

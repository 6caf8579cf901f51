"""What one origin counts, summed over its workers, as Prometheus reads it.

`Metrics` is a table of cells in a `Tally`; a cell is one number of one metric with one choice of labels, all of them known
beforehand. So nothing that a client sends can make a new one, and counting is adding to an integer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from media.tally import Tally

KINDS = {".m3u8": "manifest", ".mpd": "manifest", ".mp4": "segment", ".m4s": "segment"}
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_KINDS = ("manifest", "segment", "other")
_STATUSES = (200, 206, 304, 400, 404, 412, 416, 499, 500, 502, 503, 504)
_EDGES_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_EDGES_US = [int(edge * 1_000_000) for edge in _EDGES_S]
# name → what it says. Gauges are what is so now, in all workers together.
COUNTERS = {
    "quick": "Answers of the fast path.",
    "store_heads": "Descriptions asked of the store.",
    "store_reads": "Reads begun at the store.",
    "store_failures": "Calls that the store failed, or did not answer in time.",
    "store_refused": "Requests refused because too many waited for the store.",
    "collapsed": "Requests that joined another's read.",
    "cmcd_requests": "Requests with CMCD (CTA-5004) that could be read.",
    "cmcd_broken": "Requests with CMCD that could not.",
    "cmcd_starved": "Requests of players whose buffer ran empty (bs).",
    "cmcd_startup": "Requests that a player needs urgently (su).",
    "worker_restarts": "Workers that died and were started anew.",
}
GAUGES = {
    "store_busy": "Calls to the store at this moment.",
    "store_waiting": "Requests that wait for their turn at the store.",
}


class Metrics:
    """`tally` is shared between workers, and `worker` is which of them this is; alone, both can be left out."""

    CELLS = (
        len(_KINDS) * (len(_STATUSES) + 1 + len(_EDGES_S) + 1 + 2) + len(COUNTERS) + len(GAUGES)
    )  # fmt: skip

    def __init__(self, tally: Tally | None = None, worker: int = 0) -> None:
        self._tally = tally or Tally(self.CELLS)
        self._row = self._tally.row(worker)
        cells = iter(range(self.CELLS))
        self._statuses = {
            kind: {status: next(cells) for status in (*_STATUSES, 0)} for kind in _KINDS
        }  # fmt: skip
        self._buckets = {kind: [next(cells) for _ in (*_EDGES_S, None)] for kind in _KINDS}
        self._sums = {kind: next(cells) for kind in _KINDS}
        self._bytes = {kind: next(cells) for kind in _KINDS}
        self._named = {name: next(cells) for name in (*COUNTERS, *GAUGES)}
        for name in GAUGES:  # what a predecessor that died left behind is not so any more
            self._row[self._named[name]] = 0
        self._registry = CollectorRegistry()
        self._registry.register(_Read(self))

    def count(self, path: str, status: int, seconds: float, sent: int = 0) -> None:
        """One answer: 499 when the client left first; `seconds` from the request to the answer's last byte."""
        kind = KINDS.get(path[path.rfind(".") :], "other")
        row, micros = self._row, int(seconds * 1_000_000)
        row[self._statuses[kind].get(status, self._statuses[kind][0])] += 1
        row[self._buckets[kind][bisect_left(_EDGES_US, micros)]] += 1
        row[self._sums[kind]] += micros
        row[self._bytes[kind]] += sent

    def add(self, name: str, number: int = 1) -> None:
        """One of `COUNTERS` or `GAUGES`; the latter go down as well."""
        self._row[self._named[name]] += number

    def heard(self, cmcd: Mapping[str, object] | None) -> None:
        """What a player said of itself: nothing when empty, ``None`` when it could not be read."""
        if cmcd:
            self.add("cmcd_requests")
            if cmcd.get("bs") is True:
                self.add("cmcd_starved")
            if cmcd.get("su") is True:
                self.add("cmcd_startup")
        elif cmcd is None:
            self.add("cmcd_broken")

    def value(self, name: str) -> int:
        return self._tally.total(self._named[name])

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)

    def families(self) -> Iterator[Metric]:
        total = self._tally.total
        requests = CounterMetricFamily(
            "tonearm_origin_requests", "Requests for objects.", labels=["kind", "status"]
        )
        seconds = HistogramMetricFamily(
            "tonearm_origin_request_seconds",
            "From the request to the last byte of its answer.",
            labels=["kind"],
        )
        sent = CounterMetricFamily("tonearm_origin_sent_bytes", "Body bytes sent.", labels=["kind"])
        for kind in _KINDS:
            for status, cell in self._statuses[kind].items():
                if count := total(cell):
                    requests.add_metric([kind, str(status or "other")], count)
            at_most, buckets = 0, []
            for edge, cell in zip((*map(str, _EDGES_S), "+Inf"), self._buckets[kind], strict=True):
                at_most += total(cell)
                buckets.append((edge, at_most))
            seconds.add_metric([kind], buckets, total(self._sums[kind]) / 1_000_000)
            sent.add_metric([kind], total(self._bytes[kind]))
        yield from (requests, seconds, sent)
        for name, text in COUNTERS.items():
            yield CounterMetricFamily(f"tonearm_origin_{name}", text, value=self.value(name))
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(f"tonearm_origin_{name}", text, value=self.value(name))


class _Read(Collector):
    """Reads the cells when somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return self._metrics.families()

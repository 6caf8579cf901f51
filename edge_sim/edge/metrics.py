"""What one edge counts, summed over its workers, as Prometheus reads it.

A counter is a few cells in a `Tally`, one for each value of its label; all of them are known beforehand, so nothing that a client
sends can make a new one, and counting is adding to an integer. To count something new, name it in `COUNTERS` and give it an attribute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.disk.index import Index
from media.tally import Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Family(NamedTuple):
    """What a counter says, and its one label with the values that it can have, if any."""

    text: str
    label: str = ""
    values: tuple[str, ...] = ("",)


COUNTERS = {
    "requests": _Family(
        "Requests for songs.", "cache", ("hit", "disk", "stale", "miss", "expired", "collapsed", "pass")
    ),
    "fetches": _Family("Answers of the origin.", "outcome", ("200", "304", "404", "failed")),
    "stale": _Family("Old objects sent because the origin failed."),
    "sent_bytes": _Family("Body bytes sent to clients."),
    "fetched_bytes": _Family("Body bytes taken from the origin."),
    "borrowed": _Family("Misses of one worker that another had in memory."),
    "quick": _Family("Answers of the fast path."),
    "limited": _Family("Requests refused because a listener asked for too much."),
    "disk": _Family(
        "What befell files on disk.", "event", ("kept", "evicted", "skipped", "rotten", "failed")
    ),
    "worker_restarts": _Family("Workers that died and were started anew."),
}
# What is so of memory and disk now, in all workers together.
GAUGES = {
    "objects": "Objects in memory.",
    "memory_bytes": "Memory in use.",
    "budget_bytes": "Memory allowed.",
    "disk_objects": "Objects on disk.",
    "disk_bytes": "Disk in use.",
    "disk_budget_bytes": "Disk allowed.",
}
_EVICTIONS = "evictions"
_REFRESH_S = 0.25  # how old what a sibling tells of our memory may be


class Count:
    """One number of one worker."""

    __slots__ = ("_cell", "_row")

    def __init__(self, row: memoryview, cell: int) -> None:
        self._row = row
        self._cell = cell

    def inc(self, number: int = 1) -> None:
        self._row[self._cell] += number


class Counts:
    """A number for each value of a label. `labels` raises `KeyError` for a value that `COUNTERS` does not name."""

    def __init__(self, row: memoryview, cells: dict[str, int]) -> None:
        self._counts = {value: Count(row, cell) for value, cell in cells.items()}

    def labels(self, value: str) -> Count:
        return self._counts[value]


class Metrics:
    """Every request for a song is counted once in `requests`, when the edge decides what to do with it:

    ``hit`` (from memory), ``disk``, ``stale`` (while it is asked about), ``miss`` and ``expired`` (a fetch begins), ``collapsed`` (it joins one), ``pass`` (straight
    through). `fetches` counts how the origin answered, `stale` who was served in spite of it, `sent` and `fetched` bytes.

    `tally` (of `CELLS`) is shared between workers, and `worker` is which of them this is; alone, both can be left out. The parent of workers
    has a row, too, and no `cache`.
    """

    CELLS = sum(len(family.values) for family in COUNTERS.values()) + len(GAUGES) + 1

    def __init__(self, cache: MemoryCache | None, tally: Tally | None = None, worker: int = 0) -> None:
        self._cache = cache
        self._tally = tally or Tally(self.CELLS)
        self._row = self._tally.row(worker)
        cells = iter(range(self.CELLS))
        self._cells = {
            name: {value: next(cells) for value in family.values} for name, family in COUNTERS.items()
        }
        self._gauges = {name: next(cells) for name in GAUGES}
        self._evictions = next(cells)
        self._evicted = self._row[self._evictions]  # by those who were this worker before
        self.requests = Counts(self._row, self._cells["requests"])
        self.fetches = Counts(self._row, self._cells["fetches"])
        self.stale = self._single("stale")
        self.sent = self._single("sent_bytes")
        self.fetched = self._single("fetched_bytes")
        self.borrowed = self._single("borrowed")
        self._quick = (
            self._cells["requests"]["hit"],
            self._cells["quick"][""],
            self._cells["sent_bytes"][""],
        )
        self.limited = self._single("limited")
        self.disk: Index | None = None  # what there is on disk, of this worker
        self.befell = Counts(self._row, self._cells["disk"])
        self.restarts = self._single("worker_restarts")
        self._registry = CollectorRegistry()
        self._registry.register(_Read(self))
        self.refresh()

    def hit_quickly(self, sent: int) -> None:
        """An answer of the fast path: a hit like any other, but counted in one call."""
        row, (hits, quick, sent_bytes) = self._row, self._quick
        row[hits] += 1
        row[quick] += 1
        row[sent_bytes] += sent

    async def keep_fresh(self) -> None:
        """Refresh until cancelled."""
        while True:
            self.refresh()
            await asyncio.sleep(_REFRESH_S)

    def refresh(self) -> None:
        """Tell the siblings how full this worker's memory is."""
        cache = self._cache
        if cache is not None:
            for name, now in (
                ("objects", len(cache)),
                ("memory_bytes", cache.used),
                ("budget_bytes", cache.budget),
            ):
                self._row[self._gauges[name]] = now
            self._row[self._evictions] = self._evicted + cache.evictions
        disk = self.disk
        if disk is not None:
            for name, now in (
                ("disk_objects", len(disk)),
                ("disk_bytes", disk.used),
                ("disk_budget_bytes", disk.budget),
            ):
                self._row[self._gauges[name]] = now

    def add(self, collector: Collector) -> None:
        """Tell what `collector` knows as well; of this worker alone."""
        self._registry.register(collector)

    def memory(self) -> dict[str, int]:
        """What is in memory, of all workers together."""
        self.refresh()
        return {name: self._tally.total(cell) for name, cell in self._gauges.items()}

    def decided(self) -> dict[str, int]:
        """Requests by what was decided, of all workers together."""
        return {value: self._tally.total(cell) for value, cell in self._cells["requests"].items()}

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        self.refresh()
        return generate_latest(self._registry)

    def families(self) -> Iterator[Metric]:
        total = self._tally.total
        for name, (text, label, values) in COUNTERS.items():
            counter = CounterMetricFamily(f"tonearm_edge_{name}", text, labels=[label] if label else [])
            for value in values:
                count = total(self._cells[name][value])
                if count or not label:
                    counter.add_metric([value] if label else [], count)
            yield counter
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(f"tonearm_edge_{name}", text, value=total(self._gauges[name]))
        yield CounterMetricFamily(
            f"tonearm_edge_{_EVICTIONS}", "Objects that made room for others.", value=total(self._evictions)
        )

    def _single(self, name: str) -> Count:
        return Count(self._row, self._cells[name][""])


class _Read(Collector):
    """Reads the cells when somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return self._metrics.families()

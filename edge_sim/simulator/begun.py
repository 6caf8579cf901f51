"""The starts of a trace: whole start bundles, and first segments.

A bundle that came whole, which its size tells, is a start of one round trip. Whoever got words alone, or asked for no bundle, asks for the first segment:
a start by grant, or by a walk where ``--start walk`` says that the players are such. A log does not tell who opened a connection: one in ten did.
"""

from __future__ import annotations

import numpy

from edge_sim.simulator import songs, start_time
from edge_sim.simulator.bundles import Bundles
from edge_sim.simulator.requests import Ints, Requests
from edge_sim.simulator.settings import Settings
from edge_sim.simulator.synthetic import SONGS_PER_SESSION
from media.start_bundle import WORDS

_WHOLE = 2 * WORDS  # bytes: words are fewer, and a header and a segment more


class Begun:
    """`counts` is the histogram of `start_time`; `whole` is how many of the starts were bundles."""

    def __init__(self, settings: Settings, number: int) -> None:
        self.counts = numpy.zeros(len(start_time.EDGES_MS) - 1)
        self.whole = 0
        self._network = settings.network
        self._way = "walk" if settings.start == "walk" else "presentation"
        self._random = numpy.random.default_rng([settings.seed, number])

    def add_bundles(self, sizes: Ints) -> None:
        """Bundles of so many bytes."""
        sizes = sizes[sizes >= _WHOLE]
        whole = numpy.ones(len(sizes), numpy.bool_)
        none = Requests.of([], [], [])
        sent = Bundles(whole, whole, sizes - WORDS, numpy.zeros(len(sizes)), 1.0)
        self._add("bundle", none, numpy.zeros(0, numpy.int64), len(sizes), sent)
        self.whole += len(sizes)

    def add_segments(self, requests: Requests, answered: Ints) -> None:
        """Those of `requests` that starts wait for, and where they were answered."""
        first = requests.streams >= 0
        count = int(first.sum())
        numbers = numpy.full(count, songs.SEGMENTS)
        waiting = Requests(
            requests.times[first],
            numbers.astype(numpy.uint64),
            requests.sizes[first],
            requests.regions[first],
            numpy.arange(count),
        )
        self._add(self._way, waiting, answered[first], count, None)

    def _add(self, way: str, requests: Requests, answered: Ints, count: int, bundles: Bundles | None) -> None:
        cold = self._random.random(count) * SONGS_PER_SESSION < 1
        seed = int(self._random.integers(1 << 32))
        times = start_time.starts(self._network, way, requests, answered, cold, bundles, seed=seed)
        self.counts += start_time.histogram(times)
